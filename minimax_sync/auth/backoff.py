"""How long to leave an endpoint alone after it failed. Knows no endpoint."""

from __future__ import annotations

import copy
import random

from ..errors import LlmError
from .clock import Clock

_FIRST, _LONGEST, _SHORTEST = 1.0, 60.0, 0.25  # seconds


class Backoff:
    """Full jitter over limits that double from 1 s to 60 s, and not less than the endpoint asked for.

    The thread and all callers share one, so that they do not multiply the attempts.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._failure: LlmError | None = None
        self._not_before = 0.0

    @property
    def left(self) -> float:
        """Seconds until the next attempt may be made."""
        return max(0.0, self._not_before - self._clock.monotonic())

    def check(self) -> None:
        """Raise the last failure again while it is too early for another attempt, with the wait as `retry_after_ms`."""
        left = self.left
        if self._failure is not None and left > 0:
            failure = copy.copy(self._failure)
            failure.retry_after_ms = max(1, round(left * 1000))
            raise failure

    def failed(self, error: LlmError) -> None:
        """Note a failure."""
        asked = min((error.retry_after_ms or 0) / 1000, _LONGEST)
        limit = min(_LONGEST, _FIRST * 2 ** min(self._failures, 10))
        self._failures += 1
        self._failure = copy.copy(error)
        self._not_before = self._clock.monotonic() + max(asked, random.uniform(_SHORTEST, limit))

    def succeeded(self) -> None:
        """Forget what was."""
        self._failures, self._failure, self._not_before = 0, None, 0.0
