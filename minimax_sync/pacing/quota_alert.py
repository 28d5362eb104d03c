"""What is left of the plan: the answer of `GET /v1/token_plan/remains` as values, and the alert when it runs low.

The service's oddities end here: a percentage is what is left, a usage count what is used (on the older coding_plan
endpoint it was the opposite), a total of 0 means that nothing is counted, times are milliseconds. Sends nothing.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

import msgspec

from ..errors import ConfigError, ResponseFormatError

_log = logging.getLogger("minimax_sync.quota")

_STATUSES = {1: "active", 2: "exhausted", 3: "unlimited"}
_HEADERS = {"x-ratelimit-remaining-tokens": "tokens", "x-ratelimit-remaining-requests": "requests"}
_COUNT = re.compile(r"\d{1,18}", re.ASCII)


class QuotaWindow(msgspec.Struct, frozen=True, kw_only=True):
    """What one window of the plan leaves to one model or family of models.

    `remaining_percent` is None when the service tells neither a percentage nor counts; `used` and `total` are None
    where it does not count requests. `status` is "active", "exhausted", "unlimited" or "unknown". `weekly` is the
    window of the week that the same requests are charged to, if there is one.
    """

    model: str
    remaining_percent: float | None = None
    used: int | None = None
    total: int | None = None
    starts_at: datetime | None = None
    resets_at: datetime | None = None
    status: str = "unknown"
    weekly: QuotaWindow | None = None

    @property
    def remaining(self) -> int | None:
        """The requests left, where the service counts them."""
        return None if self.total is None or self.used is None else max(0, self.total - self.used)

    def describe(self, now: datetime | None = None) -> str:
        """Put it in words: "general: 99 % left of the 5 h window, resets in 31 min".

        `now` is an aware datetime; without it the reset is given as an instant.
        """
        parts = [f"{self.model}: {self._left('window', now)}"]
        if self.weekly:
            parts.append(self.weekly._left("week", now))
        return "; ".join(parts)

    def __repr__(self) -> str:
        return f"QuotaWindow({self.describe()})"

    def _left(self, window: str, now: datetime | None) -> str:
        if self.status == "unlimited":
            return f"no limit on the {window}"
        if self.starts_at and self.resets_at and window == "window":
            window = f"{_duration(self.resets_at - self.starts_at)} window"
        if self.status == "exhausted":
            left = f"nothing left of the {window}"
        elif self.remaining_percent is None:
            left = f"no figures for the {window}"
        else:
            left = f"{self.remaining_percent:.3g} % left of the {window}"
        counts = f" ({self.used} of {self.total} used)" if self.total else ""
        return left + counts + self._resets(now)

    def _resets(self, now: datetime | None) -> str:
        if self.resets_at is None:
            return ""
        return f", resets in {_duration(self.resets_at - now)}" if now else f", resets at {self.resets_at:%F %H:%M} UTC"


class Quota(msgspec.Struct, frozen=True):
    """The windows of a Token Plan, one per model or family of models."""

    windows: tuple[QuotaWindow, ...]

    @property
    def text(self) -> QuotaWindow | None:
        """The window that chat is charged to; None when the plan has none."""
        names = (window for window in self.windows if window.model == "general" or window.model.startswith("MiniMax-M"))
        return next(names, None)

    def describe(self, now: datetime | None = None) -> str:
        """Put it in words, a line per window; see `QuotaWindow.describe`."""
        return "\n".join(window.describe(now) for window in self.windows) or "the plan has no windows"


class _Row(msgspec.Struct):
    model_name: str
    start_time: float | None = None
    end_time: float | None = None
    current_interval_total_count: int | None = None
    current_interval_usage_count: int | None = None
    current_interval_remaining_percent: float | None = None
    current_interval_status: int | None = None
    weekly_start_time: float | None = None
    weekly_end_time: float | None = None
    current_weekly_total_count: int | None = None
    current_weekly_usage_count: int | None = None
    current_weekly_remaining_percent: float | None = None
    current_weekly_status: int | None = None

    def window(self) -> QuotaWindow:
        weekly = None
        if self.current_weekly_status is not None or self.weekly_end_time:
            weekly = self._window("weekly", self.weekly_start_time, self.weekly_end_time)
        return msgspec.structs.replace(self._window("interval", self.start_time, self.end_time), weekly=weekly)

    def _window(self, period: str, start_ms: float | None, end_ms: float | None) -> QuotaWindow:
        total = max(0, getattr(self, f"current_{period}_total_count") or 0) or None
        used = getattr(self, f"current_{period}_usage_count") if total else None
        percent = getattr(self, f"current_{period}_remaining_percent")
        if percent is None and total and used is not None:
            percent = 100 * (total - used) / total
        return QuotaWindow(
            model=self.model_name,
            remaining_percent=None if percent is None else min(100.0, max(0.0, percent)),
            used=used,
            total=total,
            starts_at=_instant(start_ms),
            resets_at=_instant(end_ms),
            status=_STATUSES.get(getattr(self, f"current_{period}_status"), "unknown"),
        )


class _Answer(msgspec.Struct):
    model_remains: list[_Row]


def decode_quota(body: bytes) -> Quota:
    """Read the answer of `/v1/token_plan/remains`; `ResponseFormatError` when it is not one.

    An answer with an error code has no windows: look at `base_resp` first.
    """
    try:
        answer = msgspec.json.decode(body, type=_Answer, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ResponseFormatError(f"quota: not the answer of a Token Plan: {exc}") from exc
    return Quota(tuple(row.window() for row in answer.model_remains))


class QuotaCrossing(NamedTuple):
    """What was left when it fell below the threshold."""

    remaining: float
    threshold: float
    unit: str


class QuotaAlert:
    """Warn on the logger `minimax_sync.quota` each time that what is left falls below `threshold`. Thread-safe.

    What is told as tokens, as requests and as the rest of `budget` (tokens) is watched separately; each warns again
    only after it had risen to the threshold. Every method returns the crossing it has just warned of, or None.
    """

    def __init__(self, threshold: float, provider: str, budget: float | None = None) -> None:
        self.threshold = _amount("quota_alert_threshold", threshold)
        self.provider = provider
        self.last: tuple[float, str] | None = None
        """What was left when it was last told, and its unit."""
        self._budget_left = None if budget is None else _amount("quota_budget", budget)
        self._low: set[str] = set()

    def observe(self, remaining: float, unit: str) -> QuotaCrossing | None:
        """Take note of what the service says is left, in `unit` ("tokens", "requests")."""
        with _lock:
            crossed = self._note(remaining, unit, unit)
        return self._warn(crossed)

    def observe_headers(self, headers: Mapping[str, str]) -> QuotaCrossing | None:
        """Take note of `x-ratelimit-remaining-tokens`, else `-requests`; `headers` ignores case."""
        for name, unit in _HEADERS.items():
            value = (headers.get(name) or "").strip()
            if _COUNT.fullmatch(value):
                return self.observe(int(value), unit)
        return None

    def observe_quota(self, quota: Quota) -> QuotaCrossing | None:
        """Take note of the requests left in the tighter of the windows that chat is charged to."""
        window = quota.text
        counts = [] if window is None else [window.remaining, window.weekly.remaining if window.weekly else None]
        known = [count for count in counts if count is not None]
        return self.observe(min(known), "requests") if known else None

    def spend(self, tokens: int) -> QuotaCrossing | None:
        """Take tokens off the budget, if there is one."""
        with _lock:
            if self._budget_left is None:
                return None
            self._budget_left = max(0, self._budget_left - tokens)
            crossed = self._note(self._budget_left, "tokens", "budget")
        return self._warn(crossed)

    def _note(self, remaining: float, unit: str, source: str) -> QuotaCrossing | None:
        self.last = (remaining, unit)
        if remaining >= self.threshold:
            self._low.discard(source)
            return None
        if source in self._low:
            return None
        self._low.add(source)
        return QuotaCrossing(remaining, self.threshold, unit)

    def _warn(self, crossed: QuotaCrossing | None) -> QuotaCrossing | None:
        if crossed:
            _log.warning(
                "%s: %s %s of the quota left, below the threshold of %s",
                self.provider,
                crossed.remaining,
                crossed.unit,
                crossed.threshold,
                extra={"provider": self.provider, **crossed._asdict()},
            )
        return crossed


_lock = threading.Lock()  # one for all alerts: it is held for nanoseconds, and a forked child renews only this one


def _renew_lock() -> None:
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)


def _amount(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ConfigError(f"{name} must be a finite number of at least 0")
    return value


def _instant(epoch_ms: float | None) -> datetime | None:
    if not epoch_ms or epoch_ms < 0:
        return None
    try:
        return datetime.fromtimestamp(epoch_ms / 1000, tz=timezone.utc)
    except (ValueError, OverflowError, OSError):  # beyond the year 9999
        return None


def _duration(span: timedelta) -> str:
    minutes = max(0, round(span.total_seconds() / 60))
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{count} {unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if count]
    return " ".join(parts[:2]) or "less than a minute"
