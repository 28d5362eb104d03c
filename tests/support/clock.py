"""A clock that moves only when a test moves it, and a check of how long something took on the real one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """A wall and a monotonic clock that move together. Sleeping moves them and returns at once.

    `at_machine_time` starts them at the machine's own, for code that also waits on real sockets.
    """

    def __init__(self, now: float = 1000.0, *, monotonic: float = 1000.0) -> None:
        self.now = now
        self.slept: list[float] = []
        self._between = monotonic - now

    @classmethod
    def at_machine_time(cls) -> Clock:
        return cls(time.time(), monotonic=time.monotonic())

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now + self._between

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@contextmanager
def took(at_least: float, at_most: float | None = None) -> Iterator[None]:
    """Fail if it took less than `at_least` seconds, or more than `at_most`, by default ten times as long."""
    began = time.monotonic()
    yield
    assert at_least <= time.monotonic() - began <= (10 * at_least if at_most is None else at_most)
