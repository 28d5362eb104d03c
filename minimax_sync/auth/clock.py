"""The clocks of a refresh, behind one small interface that a simulation can implement."""

from __future__ import annotations

import time
from typing import Protocol, runtime_checkable


@runtime_checkable
class Clock(Protocol):
    """A source of time. All values are seconds."""

    def time(self) -> float:
        """Return the wall clock as a Unix time. It may jump."""

    def monotonic(self) -> float:
        """Return a time that never jumps, and that stops while a laptop sleeps."""

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""


class SystemClock:
    """The system's clocks, looked up at every call so that a patched `time` module (freezegun) counts."""

    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
