"""Plain values of scalars: subclasses of `str`, `int` and `float`, and numpy's numbers, count as what they are."""

from __future__ import annotations


def plain_scalar(value: object) -> object:
    """Return a number, truth value or text as `int`, `float`, `bool` or `str` itself, and anything else as it is.

    numpy is not imported: its scalars are known by their module.
    """
    if type(value).__module__.partition(".")[0] == "numpy" and getattr(value, "shape", None) == ():
        value = value.item()  # type: ignore[attr-defined]
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int.__int__(value)
    return value
