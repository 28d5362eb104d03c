"""A tool with a side effect, for tests of what must not be done twice."""

from __future__ import annotations


class Payments:
    """A tool whose calls must not be repeated."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def pay(self, to: str) -> str:
        """Pay."""
        self.made.append(to)
        return "paid by the tool"
