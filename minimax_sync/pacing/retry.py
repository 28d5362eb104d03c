"""The retry policy: whether a failed attempt is followed by another, and after how long.

Pure rules over the errors' own `budget` and `retry_after_ms`: nothing here sleeps, sends or knows HTTP. One `Attempts`
lives as long as one call. The two budgets are counted together: no call makes more than `rate_limit_attempts` attempts
in total, and at most `server_attempts` of them may end in a failure of the service.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any

import msgspec
from msgspec.structs import force_setattr

from ..errors import AmbiguousResultError, Budget, ConfigError, LlmError
from ..values.scalars import plain_scalar
from .testing import is_testing

_DAY_MS = 86_400_000
_ATTEMPTS = (int, 1, 1_000_000, "an integer from 1 to 1000000")
_MILLISECONDS = ((int, float), 0, _DAY_MS, f"a number of milliseconds from 0 to {_DAY_MS} (a day)")
_RULES: dict[str, tuple[Any, int | float, int | float, str]] = {
    "rate_limit_attempts": _ATTEMPTS,
    "server_attempts": _ATTEMPTS,
    "initial_backoff_ms": _MILLISECONDS,
    "max_backoff_ms": _MILLISECONDS,
    "backoff_multiplier": ((int, float), 1, 1000, "a number from 1 to 1000"),
}

_SPREAD = 0.1  # of a Retry-After, added to it, so that threads with the same one do not retry together
_MAX_SPREAD = 5.0  # seconds
_LONGEST_COOL_DOWN = 60.0
"""Seconds. A wait that is too long for every call (Retry-After: 999999) must not stop the others for as long."""


class _DefaultNumber(int):
    """A default, which differs by identity from the same number given by the user."""


_MOST_ATTEMPTS: int = _DefaultNumber(5)
_MOST_SERVER_ATTEMPTS: int = _DefaultNumber(3)


class RetryPolicy(msgspec.Struct, frozen=True):
    """How often and how slowly failed attempts are repeated.

    `rate_limit_attempts` is the most attempts that one call takes, `server_attempts` the most of them that may end in a
    5xx or without a connection; without `rate_limit_attempts`, more `server_attempts` raise the total to match. Waits
    grow by decorrelated jitter from `initial_backoff_ms`, at most `max_backoff_ms`. `resend_ambiguous=True` sends again
    after an `AmbiguousResultError` too, as after a failure of the service: the request may then be processed, and
    billed, twice. Raises ConfigError for an impossible value.

    >>> patient = client.with_options(retry=RetryPolicy(rate_limit_attempts=8, max_backoff_ms=5000))
    >>> patient.chat("Hello").text
    'You said: "Hello".'
    """

    rate_limit_attempts: int = _MOST_ATTEMPTS
    server_attempts: int = _MOST_SERVER_ATTEMPTS
    initial_backoff_ms: float = 1000
    max_backoff_ms: float = 60_000
    backoff_multiplier: float = 2.0
    resend_ambiguous: bool = False

    def __post_init__(self) -> None:
        total_is_given = self.rate_limit_attempts is not _MOST_ATTEMPTS
        server_is_given = self.server_attempts is not _MOST_SERVER_ATTEMPTS
        for name, (kind, least, most, wanted) in _RULES.items():
            value = plain_scalar(getattr(self, name))
            if isinstance(value, bool) or not isinstance(value, kind) or not least <= value <= most:
                raise ConfigError(f"retry: {name} must be {wanted}")
            force_setattr(self, name, value)
        resend = plain_scalar(self.resend_ambiguous)
        if not isinstance(resend, bool):
            raise ConfigError("retry: resend_ambiguous must be True or False")
        force_setattr(self, "resend_ambiguous", resend)
        self._fit(total_is_given, server_is_given)

    def _fit(self, total_is_given: bool, server_is_given: bool) -> None:
        """Derive the number of attempts that was not given from the other one."""
        total, server = self.rate_limit_attempts, self.server_attempts
        if server <= total:
            return
        if not server_is_given:
            force_setattr(self, "server_attempts", total)
        elif not total_is_given:
            force_setattr(self, "rate_limit_attempts", server)
        else:
            raise ConfigError(
                f"retry: server_attempts ({server}) must be at most rate_limit_attempts ({total}), which counts all "
                "attempts of a call"
            )


DEFAULT_RETRY = RetryPolicy()
"""The client's argument when it is not given; it differs by identity from an equal policy of the user's."""


class Attempts:
    """Count the failed attempts of one call and decide what follows each. Not thread-safe: a call has one thread.

    `made` is the number of attempts that have failed. `cool_down` is the pause in seconds that the last failure demands
    of all calls, also set if this call is not retried; 0.0 if it demands none.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        deadline: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.made = 0
        self.cool_down = 0.0
        self._policy = policy
        self._deadline = deadline
        self._clock = clock
        self._random = random
        self._server_failures = 0
        self._backoff = policy.initial_backoff_ms / 1000

    def wait_after(self, error: LlmError) -> float | None:
        """Return the seconds to wait before the next attempt, or None if the error is final.

        A wait that would not end before the call's deadline is not begun.
        """
        self.made += 1
        self.cool_down = 0.0
        budget = self._budget(error)
        if budget is None:
            return None
        self._server_failures += budget == "server"
        wait = 0.0 if is_testing() else max(self._asked(error), self._next_backoff())
        go_on = (
            self.made < self._policy.rate_limit_attempts
            and self._server_failures < self._policy.server_attempts
            and wait < self._deadline - self._clock()
        )
        if budget == "rate_limit":
            self.cool_down = wait if go_on else min(wait, _LONGEST_COOL_DOWN)
        return wait if go_on else None

    def _budget(self, error: LlmError) -> Budget | None:
        if isinstance(error, AmbiguousResultError) and self._policy.resend_ambiguous:
            return "server"
        return error.budget

    def _asked(self, error: LlmError) -> float:
        asked = (error.retry_after_ms or 0) / 1000
        return self._random(asked, asked + min(asked * _SPREAD, _MAX_SPREAD))

    def _next_backoff(self) -> float:
        policy = self._policy
        initial = policy.initial_backoff_ms / 1000
        grown = max(initial, self._backoff * policy.backoff_multiplier)
        self._backoff = min(policy.max_backoff_ms / 1000, self._random(initial, grown))
        return self._backoff


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Read a Retry-After header: seconds, also with a fraction, or an HTTP-date; finite and >= 0.

    None for a missing or invalid header (negative, nan, inf, 1e3, other text): the backoff decides then. A date in the
    past is 0.0. `now` is an aware datetime.
    """
    text = (value or "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
        seconds = float(text)
        return seconds if isfinite(seconds) else None
    try:
        date = parsedate_to_datetime(text)
        if date.tzinfo is None:  # "-0000" and asctime dates: HTTP dates are UTC
            date = date.replace(tzinfo=timezone.utc)
        return max(0.0, (date - now).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):  # what email.utils raises for invalid dates
        return None


def asked_wait_ms(headers: Mapping[str, str], now: datetime) -> int | None:
    """Return the wait that the headers of an answer ask for, in milliseconds: `retry-after-ms`, else `Retry-After`."""
    milliseconds = (headers.get("retry-after-ms") or "").strip()
    if re.fullmatch(r"\d{1,12}(\.\d+)?", milliseconds, re.ASCII):
        return int(float(milliseconds))
    seconds = retry_after_seconds(headers.get("retry-after"), now)
    return None if seconds is None else int(seconds * 1000)
