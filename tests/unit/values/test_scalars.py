from __future__ import annotations

from http import HTTPStatus

import numpy
import pytest

from minimax_sync.values.scalars import plain_scalar


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (HTTPStatus.OK, 200),
        (numpy.int64(7), 7),
        (numpy.float32(0.5), 0.5),
        (numpy.bool_(True), True),
        (numpy.str_("x"), "x"),
        (True, True),
        (None, None),
    ],
)
def test_a_scalar_becomes_the_plain_value_that_it_is(value: object, plain: object) -> None:
    found = plain_scalar(value)
    assert (found, type(found)) == (plain, type(plain))


def test_anything_but_a_scalar_stays_as_it_is() -> None:
    for value in ([1], {"a": 1}, numpy.array([1, 2]), object()):
        assert plain_scalar(value) is value
