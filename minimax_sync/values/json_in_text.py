"""JSON values in the text of a model: bare, in a code fence, or in prose. Knows no schema and no response object."""

from __future__ import annotations

import bisect
import json
import math
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from ..errors import ResponseFormatError

SPENT_ON_THINKING = (
    "the answer was cut off at the token limit before its text began: "
    "all tokens were spent on thinking; raise max_tokens"
)

_FENCE = re.compile(
    r"^[ \t]*(?P<marks>`{3,}|~{3,})(?![`~])[ \t]*(?P<language>[\w+-]*)[^\n]*\n(?P<body>.*?)(?:^[ \t]*(?P=marks)|\Z)",
    re.DOTALL | re.MULTILINE,
)
_OPENING = re.compile(r"""\{\s*(?:["'}/]|\w+\s*:)|\[\s*(?:["{\[\]\d-]|true|false|null)""")
_FOOTNOTE = re.compile(r"\[\d+\]")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[{}\[\]]|\n[ \t]*(?:\n|```|~~~)', re.DOTALL)
_CONTINUATION = re.compile(r"""\s*(?:[}\]]|,\s*["'{\[])""")
_PAIRS = {"}": "{", "]": "["}

_MOST_WORK = 500_000_000
"""Limit on the sum of the positions where decoding failed: `json` counts the lines up to each."""
_DEEP = 10_000_000
"""The cost of an attempt that fails because of deep nesting: Python 3.14 takes 0.1 s to find out."""


class _Found(msgspec.Struct, frozen=True):
    """A value and its position. A `weak` one, such as a footnote mark, is ranked after all others."""

    is_weak: bool
    end: int
    value: Any


def json_in(text: str, *, reasoning: str = "", finish_reason: str = "") -> Any:
    """Return the likeliest of `json_values`. Raises `ResponseFormatError` if there is none."""
    return json_values(text, reasoning=reasoning, finish_reason=finish_reason)[0]


def json_values(text: str, *, reasoning: str = "", finish_reason: str = "") -> list[Any]:
    """Return the JSON values in an answer, the likeliest first: the later ones, since models correct themselves.

    A value inside another one, or inside a broken one, is not returned. Thinking counts only where there is no text and
    it is nothing but JSON, as some servers send it. Raises `ResponseFormatError` with the reason if there is none.
    """
    values = _values_in(text) if text.strip() or not reasoning else _only_value(reasoning)
    if values:
        return values
    if finish_reason == "length":
        problem = "was cut off at the token limit and holds no whole JSON value; raise max_tokens"
        raise ResponseFormatError(f"the answer ({len(text)} chars) {problem}" if text.strip() else SPENT_ON_THINKING)
    raise ResponseFormatError(f"the answer ({len(text)} chars) holds no JSON value")


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _finite(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else _refuse(number)


_DECODER = json.JSONDecoder(strict=False, parse_constant=_refuse, parse_float=_finite)
"""Accepts raw control characters, such as newlines, inside strings."""


def _only_value(text: str) -> list[Any]:
    """Return the value if `text`, or the only code fence in it, is JSON."""
    stripped = text.strip().lstrip("\ufeff")
    fence = _FENCE.fullmatch(stripped)
    try:
        return [_DECODER.decode((fence["body"] if fence else stripped).strip())]
    except (ValueError, RecursionError):
        return []


def _values_in(text: str) -> list[Any]:
    whole = _only_value(text)
    if whole:
        return whole
    fences = list(_FENCE.finditer(text))
    found = [*_scalars(fences), *_outermost(text, fences)]
    return [each.value for each in sorted(found, key=lambda each: (each.is_weak, -each.end))]


def _scalars(fences: list[re.Match[str]]) -> Iterator[_Found]:
    """Yield the numbers, strings and constants that are the whole content of a fence."""
    for fence in fences:
        for value in _only_value(fence["body"]):
            if not isinstance(value, dict | list):
                yield _Found(not _holds_json(fence), fence.end(), value)


def _holds_json(fence: re.Match[str]) -> bool:
    language = fence["language"].lower()
    return not language or language.startswith("json")


def _outermost(text: str, fences: list[re.Match[str]]) -> Iterator[_Found]:
    """Yield the outermost objects and arrays. The work is bounded, because an attempt may scan to the end."""
    foreign = [fence.span() for fence in fences if not _holds_json(fence)]
    starts = [begin for begin, _ in foreign]
    work, opening = 0, _OPENING.search(text)
    while opening is not None and work < _MOST_WORK:
        start = opening.start()
        try:
            value, position = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError) as exc:
            failed = getattr(exc, "pos", start)
            work += failed + 1 if isinstance(exc, ValueError) else _DEEP
            position = _end_of_broken(text, start, failed) if _is_broken(text, start, failed) else start + 1
        else:
            is_quoted = text[start - 1 : start] == "`" == text[position : position + 1]
            before = bisect.bisect(starts, start) - 1
            is_foreign = before >= 0 and start < foreign[before][1]
            is_mark = not value or _FOOTNOTE.fullmatch(text, start, position) is not None
            yield _Found(is_quoted or is_foreign or is_mark, position, value)
        opening = _OPENING.search(text, position)


def _is_broken(text: str, start: int, failed: int) -> bool:
    """Return True for broken JSON, False for prose such as the interval [0, 1), after decoding failed at `failed`."""
    return text[start] == "{" or any(mark in text[start + 1 : failed + 1] for mark in '["{')


def _end_of_broken(text: str, start: int, failed: int) -> int:
    """Return where broken JSON ends: at its closing bracket, else at a blank line or fence after the fault."""
    opened: list[str] = []
    for token in _TOKEN.finditer(text, start):
        mark = token[0]
        if mark in ("{", "["):
            opened.append(mark)
        elif mark in _PAIRS:
            if opened[-1:] == [_PAIRS[mark]]:
                opened.pop()
            if not opened and not _CONTINUATION.match(text, token.end()):
                return token.end()
        elif mark[0] == "\n" and token.end() >= failed:
            return token.end()
    return len(text)
