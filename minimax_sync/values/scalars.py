"""Python values that only look like plain ones: subclasses of `str`, `int` and `float`, enum members, NumPy scalars.

The JSON encoder refuses them. Pure: it must not know messages, requests or NumPy itself.
"""

from __future__ import annotations

from math import isfinite
from numbers import Integral, Real
from typing import Any


def plain_scalar(value: Any) -> Any:
    """Return the exact `str`, `int`, `float` or `bool` that a value represents; any other value as it is."""
    kind = type(value)
    if kind is str or kind is int or kind is float or kind is bool or value is None:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    return bool(value) if _is_numpy_bool(value) else value


def finite_number(value: object) -> int | float | None:
    """Return the plain number that a value represents; None for others, for a `bool`, and beyond what a float holds."""
    try:
        number = plain_scalar(value)
        is_number = isinstance(number, (int, float)) and not isinstance(number, bool) and isfinite(number)
    except OverflowError:
        return None
    return number if is_number else None


def plain_json(value: Any) -> Any:
    """Return a JSON value: a plain scalar, or the list of a NumPy array; raise `TypeError` for others.

    The JSON encoder calls it for values of unknown types.
    """
    found = plain_scalar(value)
    if found is not value:
        return found
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"Encoding objects of type {type(value).__name__} is unsupported")


def _is_numpy_bool(value: Any) -> bool:
    return getattr(getattr(value, "dtype", None), "kind", "") == "b" and getattr(value, "shape", None) == ()
