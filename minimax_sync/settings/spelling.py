"""A hint for a misspelt name. It does not know what the names are."""

from __future__ import annotations

from collections.abc import Collection


def did_you_mean(name: str, known: Collection[str], prefix: str = "") -> str:
    """Return a clause that names the nearest of `known`, empty when none is near.

    A `prefix` that all of them have does not count, because it makes all names alike.
    """
    from difflib import get_close_matches  # only an error needs it

    by_ending = {each.removeprefix(prefix): each for each in known}
    near = get_close_matches(name.removeprefix(prefix), by_ending, 1, 0.7 if prefix else 0.6)
    return f"; did you mean {by_ending[near[0]]}?" if near else ""
