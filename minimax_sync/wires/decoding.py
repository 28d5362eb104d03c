"""Tolerant reading of a service's JSON: damaged bytes are repaired, invalid values coerced, errors quote no content.

Contains what both wires and the other services use. It must not know the shape of any answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from ..errors import MAX_MESSAGE_CHARS, ResponseFormatError
from ..values.json_text import UNREADABLE

Parsed = TypeVar("Parsed")

_NOTHING = (b"", b"null", b"[]", b'""', b"{}")
_LAST_HALF = rb'(?<!\\)\\u[dD][89abAB][\da-fA-F]{2}(?=")'
_FIRST_HALF = rb'(?<=")\\u[dD][c-fC-F][\da-fA-F]{2}'
_ESCAPE = rb"\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(\\u[dD][89a-fA-F][\da-fA-F]{2})|\\."


def parsed(decode: Callable[[bytes], Parsed], data: bytes) -> Parsed:
    """Decode JSON; invalid UTF-8 and single halves of surrogate pairs are replaced.

    Raises `ResponseFormatError`, which names the place and never quotes the text.
    """
    for attempt in (bytes, _repaired):
        try:
            return decode(attempt(data))
        except UNREADABLE as exc:
            problem = str(exc)
    raise not_an_answer(problem, data)


def _repaired(data: bytes) -> bytes:
    text = data.decode("utf-8-sig", "replace").encode()
    return re.sub(_ESCAPE, lambda found: rb"\ufffd" if found[1] else found[0], text)


def not_an_answer(problem: str, data: bytes) -> ResponseFormatError:
    """Return the error for bytes that are not valid."""
    problem = problem[:MAX_MESSAGE_CHARS]
    return ResponseFormatError(f"the service sent {len(data)} bytes that are not a valid answer: {problem}")


def count(value: object) -> int:
    """Coerce a token count to int. Invalid values count as 0: bad usage data must not fail a response."""
    if isinstance(value, int | float):
        return int(value) if 0 <= value < 1e15 else 0
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 16 else 0


def json_text(value: object) -> str:
    """Write a decoded value as JSON text again."""
    try:
        return msgspec.json.encode(value).decode()
    except RecursionError:
        problem = "the service sent JSON that is nested too deeply"
    raise ResponseFormatError(problem)


def as_text(value: object) -> str:
    """Coerce a field to text. Any other value counts as "": an invalid field must not fail a response."""
    return value if isinstance(value, str) else ""


def is_keep_alive(data: bytes) -> bool:
    """Return whether the data of an event is blank or an empty JSON value, which gateways send as keep-alives."""
    return data.strip() in _NOTHING


class HalfJoiner:
    """Joins characters whose two halves, escaped surrogates, a gateway sent in two events of a stream."""

    def __init__(self) -> None:
        self._half = b""

    def joined(self, data: bytes) -> bytes:
        """Return an event's JSON with the half of an earlier event inserted; a half at a string's end is held back."""
        if self._half and (found := re.search(_FIRST_HALF, data)):
            data = data[: found.start()] + self._half + data[found.start() :]
            self._half = b""
        if found := re.search(_LAST_HALF, data):
            self._half = found[0]
            data = data[: found.start()] + data[found.end() :]
        return data
