"""Read a service's JSON with care: damaged bytes are repaired, odd values coerced, errors quote no content.

Contains what both wires and the other services use. It must not know the shape of any answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from ..errors import MAX_MESSAGE_CHARS, ResponseFormatError

Parsed = TypeVar("Parsed")

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not the JSON they should be."""

_ESCAPE = rb"\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(\\u[dD][89a-fA-F][\da-fA-F]{2})|\\."


def parsed(decode: Callable[[bytes], Parsed], data: bytes) -> Parsed:
    """Decode JSON, replacing invalid UTF-8 and halves of surrogate pairs, as a gateway that cuts text at UTF-16 sends.

    Raises `ResponseFormatError`, which tells the place and never the text.
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
    """Build the error for bytes that are not what they should be."""
    return ResponseFormatError(f"the service sent {len(data)} bytes that are no answer: {problem[:MAX_MESSAGE_CHARS]}")


def count(value: object) -> int:
    """Take a token count; what is none counts as 0, since usage must never cost an answer."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 16:
        return int(value)
    return int(value) if isinstance(value, int | float) and 0 <= value < 1e15 else 0


def json_text(value: object) -> str:
    """Write a decoded value as JSON text again."""
    try:
        return msgspec.json.encode(value).decode()
    except RecursionError:
        problem = "the service sent JSON that is nested too deeply"
    raise ResponseFormatError(problem)


def as_text(value: object) -> str:
    """Take a field that should be text; what is none counts as "", where the field is not worth losing an answer."""
    return value if isinstance(value, str) else ""
