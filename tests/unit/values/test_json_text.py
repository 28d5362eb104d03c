"""JSON for the wire: odd kinds of text and numbers, and errors that name the place and quote nothing."""

from __future__ import annotations

import enum
import json
from typing import Any

import numpy
import pytest

from minimax_sync.errors import RequestError
from minimax_sync.values.json_text import as_json


class Shout(str):
    __slots__ = ()


class Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({"a": Shout("hi")}, {"a": "hi"}),
        ([Level.HIGH, True], [3, True]),
        (numpy.float64(0.5), 0.5),
        ({"a": numpy.array([1, 2])}, {"a": [1, 2]}),
    ],
)
def test_subclasses_and_numpy_are_written_as_what_they_are(value: Any, plain: Any) -> None:
    assert json.loads(as_json(value, "x")) == plain


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
def test_what_json_cannot_hold_is_named_by_its_place(value: object, message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        as_json(value, "x")
    assert "secret" not in str(caught.value)
