"""A hint for a misspelt name. It does not know what the names are."""

from __future__ import annotations

from collections.abc import Collection


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return a clause that names the nearest of `known`, empty when none is near."""
    from difflib import get_close_matches  # only an error needs it

    near = get_close_matches(name, known, 1)
    return f"; did you mean {near[0]}?" if near else ""
