"""Find the JSON value in what a model wrote: bare, in a code fence, or in the middle of prose."""

from __future__ import annotations

import json
import re
from typing import Any

from ..errors import ResponseFormatError

_FENCE = re.compile(r"```[\w-]*[ \t]*\n(.*?)```", re.DOTALL)
_OPENING = re.compile(r"[{\[]")
_DECODER = json.JSONDecoder()
_MOST_WORK = 2_000_000
"""Characters that failed tries may scan, all together; prose full of LaTeX has many braces that end soon."""
_DEEP = 50_000
"""What a try that nests too deeply counts for."""


def json_in(text: str) -> Any:
    """Return the value: the whole text, else the last fence that is JSON, else the longest object or array.

    The last fence, because a model that corrects itself does so at the end. Raises `ResponseFormatError`.
    """
    for candidate in (text, *reversed(_FENCE.findall(text))):
        try:
            return _DECODER.decode(candidate.strip())
        except (ValueError, RecursionError):
            continue
    found = max(_values_in(text), key=lambda value: value[1] - value[0], default=None)
    if found is None:
        raise ResponseFormatError(f"the answer ({len(text)} chars) holds no JSON value")
    return found[2]


def _values_in(text: str) -> list[tuple[int, int, Any]]:
    """List (start, end, value) of the outermost objects and arrays. The work is bounded: a try may scan to the end."""
    values: list[tuple[int, int, Any]] = []
    work, opening = 0, _OPENING.search(text)
    while opening is not None and work < _MOST_WORK:
        start = opening.start()
        try:
            value, position = _DECODER.raw_decode(text, start)
            values.append((start, position, value))
        except (ValueError, RecursionError) as exc:
            work += getattr(exc, "pos", start + _DEEP) - start + 1
            position = opening.end()
        opening = _OPENING.search(text, position)
    return values
