"""The three clocks that a refresh looks at, behind one small interface so that a simulation can stand in for them."""

from __future__ import annotations

from time import monotonic, sleep, time
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from. All values are seconds."""

    def time(self) -> float:
        """Return the wall clock as a Unix time. It may jump."""
        ...

    def monotonic(self) -> float:
        """Return a clock that never jumps, and that stands still while a laptop sleeps."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's own clocks."""

    time = staticmethod(time)
    monotonic = staticmethod(monotonic)
    sleep = staticmethod(sleep)
