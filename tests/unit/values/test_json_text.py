"""JSON for the wire: odd kinds of text and numbers, and errors that name the place and quote nothing."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import numpy
import pytest

from minimax_sync.errors import RequestError
from minimax_sync.values.json_text import as_json


def test_values_that_only_look_plain_are_written_as_what_they_are() -> None:
    odd = {"a": numpy.str_("hi"), "b": [HTTPStatus.OK, True], "c": numpy.float64(0.5), "d": numpy.array([1, 2])}
    assert json.loads(as_json(odd, "x")) == {"a": "hi", "b": [200, True], "c": 0.5, "d": [1, 2]}


def circle() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, {"b": object()}]}, r"^x\.a\[1\]\.b cannot be written as JSON"),
        ({"a": "secret \ud800"}, r"^x\.a cannot .* lone surrogate"),
        ({"a": circle()}, "nested too deeply, or contains itself"),
    ],
)
def test_a_value_that_json_cannot_hold_is_named_by_its_place(value: object, message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        as_json(value, "x")
    assert "secret" not in str(caught.value)
