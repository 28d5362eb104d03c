"""`Gate`: the limiter of a run, which refuses slots after the run has ended. Knows no inputs and no answers."""

from __future__ import annotations

import math
import threading
import time
from concurrent.futures import CancelledError

from ..errors import CallTimeoutError
from ..net.interrupts import WAIT_SLICE
from ..pacing.token_bucket import Limiter


class Gate:
    """The client's limiter, used by one worker at a time and by none after the end of the run.

    So nothing is sent after the loop was left, at most one worker waits in the limiter, and another call with the same
    client waits behind that one, not behind all workers.
    """

    def __init__(self, limiter: Limiter | None) -> None:
        self._limiter = limiter
        self._turn = threading.Lock()
        self._closed = False

    def close(self) -> None:
        """Refuse all further slots."""
        self._closed = True

    def acquire(self, timeout: float | None = None) -> float:
        """Wait for a slot of the limiter; raises CancelledError after the end."""
        waited = 0.0 if self._limiter is None else self._wait(self._limiter, timeout)
        self._refuse_after_end()
        return waited

    def pause(self, seconds: float) -> None:
        """Pause the limiter for `seconds`."""
        if self._limiter is not None:
            self._limiter.pause(seconds)

    def _wait(self, limiter: Limiter, timeout: float | None) -> float:
        began = time.monotonic()
        deadline = math.inf if timeout is None else began + timeout
        while not self._turn.acquire(timeout=max(0.0, min(deadline - time.monotonic(), WAIT_SLICE))):
            if time.monotonic() >= deadline:
                raise CallTimeoutError("the rate limit left no slot in time; raise timeout= or requests_per_second=")
        try:
            self._refuse_after_end()
            waited = time.monotonic() - began
            return waited + limiter.acquire(None if timeout is None else timeout - waited)
        finally:
            self._turn.release()

    def _refuse_after_end(self) -> None:
        if self._closed:
            raise CancelledError("the loop over the results was left")
