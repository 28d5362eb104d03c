"""`Stop`, which ends a call from another thread before it has a stream to close. Knows no requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ..errors import StreamInterruptedError
from ..net.interrupts import WAIT_SLICE


class Stop:
    """The calls of one run, which `close` ends: a wait or a connection in flight ends, and nothing more is sent."""

    def __init__(self) -> None:
        self._closed = threading.Event()
        self._end: Callable[[], None] | None = None

    @property
    def is_closed(self) -> bool:
        """Whether the calls were ended."""
        return self._closed.is_set()

    def close(self) -> None:
        """End the calls, from any thread. May be repeated."""
        self._closed.set()
        end = self._end
        if end is not None:
            end()

    def on_close(self, end: Callable[[], None]) -> None:
        """Set what ends the wait or the connection in flight; it is called now if the calls were ended."""
        self._end = end
        if self.is_closed:
            end()

    def check(self) -> None:
        """Raise `StreamInterruptedError` if the calls were ended."""
        if self.is_closed:
            raise StreamInterruptedError("the call was closed")

    def sleep(self, seconds: float) -> bool:
        """Wait between two attempts; return False as soon as the calls are ended."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._closed.wait(min(left, WAIT_SLICE)):
                break
        return not self.is_closed
