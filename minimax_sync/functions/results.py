"""What a tool returned, as the text that the model reads. Knows nothing of calls."""

from __future__ import annotations

import inspect
import itertools
import operator
from collections.abc import ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from datetime import date, time
from typing import Any

import msgspec

from ..errors import RequestError
from ..values.scalars import plain_json

MOST_ITEMS = 100_000
"""Limit on what is read from a generator, which may have no end."""

_KEYS_ONLY = (tuple, bool, type(None))
"""Types that msgspec encodes itself, unless they are keys of a dict."""


def as_text(result: object) -> str:
    """Return a tool's result as text: a string as it is, any other value as JSON, else its `str()`.

    Raises `RequestError` for a coroutine and for a generator without end.
    """
    if isinstance(result, str):
        return escaped_surrogates(result)
    try:
        return msgspec.json.encode(result, enc_hook=_encodable).decode()
    except (TypeError, ValueError, RecursionError):
        return escaped_surrogates(str(result))


def escaped_surrogates(text: str) -> str:
    """Escape lone surrogates, which file names may hold and JSON may not."""
    return text.encode("utf-8", "backslashreplace").decode()


def _encodable(value: Any) -> Any:
    """Return what msgspec can encode instead of a value that it does not know."""
    if isinstance(value, _KEYS_ONLY):
        raise TypeError("not a key of a JSON object")
    if inspect.isawaitable(value) or inspect.isasyncgen(value):
        raise RequestError(_no_coroutine(value))
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, Iterator):
        return _listed(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence | KeysView | ValuesView | ItemsView) and not isinstance(value, str):
        return list(value)
    if isinstance(value, date | time):
        return value.isoformat()
    try:
        return (
            operator.index(value) if hasattr(value, "__index__") and not hasattr(value, "tolist") else plain_json(value)
        )
    except TypeError:
        return str(value)


def _listed(values: Iterator[Any]) -> list[Any]:
    listed = list(itertools.islice(values, MOST_ITEMS + 1))
    if len(listed) > MOST_ITEMS:
        raise RequestError(f"the tool returned a {type(values).__name__} of more than {MOST_ITEMS:,} items")
    return listed


def _no_coroutine(value: Any) -> str:
    if inspect.iscoroutine(value):
        value.close()  # else Python warns that it was never awaited
    name = getattr(value, "__name__", type(value).__name__)
    return f"the tool returned {name}, which has to be awaited; return the result of asyncio.run(...) instead"
