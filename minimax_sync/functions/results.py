"""The conversion of a tool's result to the text and the images for the model. Knows nothing of calls."""

from __future__ import annotations

import inspect
import itertools
import operator
from collections.abc import ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from contextlib import suppress
from datetime import date, time
from io import BytesIO
from typing import Any

import msgspec

from ..errors import RequestError
from ..values.images import Image
from ..values.scalars import plain_json

MOST_ITEMS = 100_000
"""Limit on the items read from a generator, which may be infinite."""

_KEYS_ONLY = (tuple, bool, type(None))
"""Types that msgspec encodes itself, unless they are keys of a dict, which JSON wants as strings."""


def as_content(result: object) -> tuple[str, tuple[Image, ...]]:
    """Return a tool's result as text and images.

    Images are `Image`s, PIL images, the bytes of an image, and objects that draw themselves with `_repr_png_` or, as
    Matplotlib's figures do, with `savefig`; alone, or among other values in a list or tuple. Raises what `as_text`
    raises.
    """
    if isinstance(result, list | tuple):
        found = [_image_in(item) for item in result]
        images = tuple(image for image in found if image is not None)
        others = [item for item, image in zip(result, found, strict=True) if image is None]
        if images and len(others) == 1:
            return as_text(others[0]), images
    else:
        image = _image_in(result)
        images, others = (() if image is None else (image,)), []
    if not images:
        return as_text(result), ()
    return as_text(others) if others else f"{len(images)} image{'s' if len(images) > 1 else ''}", images


def _image_in(value: object) -> Image | None:
    """Return the image that a value is or renders; None if it is not an image."""
    is_image = isinstance(value, Image | bytes | bytearray | memoryview)
    if is_image or (hasattr(value, "save") and hasattr(value, "getbands")):
        with suppress(RequestError):
            return Image.coerce(value)
    drawn = None if isinstance(value, type) else _drawn(value)
    return Image.from_bytes(drawn) if isinstance(drawn, bytes) else None


def _drawn(value: Any) -> object:
    """Return what a value draws of itself, as PNG; None if it does not."""
    if callable(draw := getattr(value, "_repr_png_", None)) and (drawn := draw()) is not None:
        return drawn
    if not callable(save := getattr(value, "savefig", None)):
        return None
    buffer = BytesIO()
    save(buffer, format="png")
    return buffer.getvalue()


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


def described(error: Exception) -> str:
    """Return the type and the text of an exception of the user's code; the type alone if it has no text."""
    try:
        return escaped_surrogates(f"{type(error).__name__}: {error}")
    except Exception:  # the exception's own __str__ failed
        return type(error).__name__


def _encodable(value: Any) -> Any:
    """Return an encodable replacement for a value of a type that msgspec does not know."""
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
    return f"the tool returned {name}, which must be awaited; return the result of asyncio.run(...) instead"
