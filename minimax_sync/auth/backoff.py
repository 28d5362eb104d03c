"""The wait after a failed refresh, shared by the background thread and all callers. Knows no endpoint."""

from __future__ import annotations

import copy
import random

from ..errors import LlmError
from .clock import Clock

_FIRST, _MAX, _MIN = 1.0, 60.0, 0.25  # seconds


class Backoff:
    """Full jitter below a limit that doubles from 1 s to 60 s, and never less than the endpoint asked for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._failure: LlmError | None = None
        self._not_before = 0.0

    @property
    def left(self) -> float:
        """Seconds until the next attempt may be made."""
        return max(0.0, self._not_before - self._clock.monotonic())

    def raise_if_waiting(self) -> None:
        """Raise the last failure again while the wait is not over; `retry_after_ms` is the remaining wait."""
        left = self.left
        if self._failure is not None and left > 0:
            failure = copy.copy(self._failure)
            failure.retry_after_ms = max(1, round(left * 1000))
            raise failure

    def failed(self, error: LlmError) -> None:
        """Record a failure and extend the wait."""
        asked = min((error.retry_after_ms or 0) / 1000, _MAX)
        limit = min(_MAX, _FIRST * 2 ** min(self._failures, 10))
        self._failures += 1
        self._failure = copy.copy(error)
        self._not_before = self._clock.monotonic() + max(asked, random.uniform(_MIN, limit))

    def succeeded(self) -> None:
        """Reset after a success."""
        self._failures, self._failure, self._not_before = 0, None, 0.0
