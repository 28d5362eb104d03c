"""The alert when the quota runs low: the remainder, from headers, plan windows or a budget, against a threshold.

It must not know bodies or endpoints. Sends nothing.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Mapping

import msgspec

from ..errors import ConfigError
from ..net.forks import after_fork
from ..values.quota import Quota
from ..values.scalars import finite_number

_log = logging.getLogger("minimax_sync.quota")

_HEADERS = {"x-ratelimit-remaining-tokens": "tokens", "x-ratelimit-remaining-requests": "requests"}
_COUNT = re.compile(r"\d{1,18}", re.ASCII)


class QuotaCrossing(msgspec.Struct, frozen=True):
    """The amount that was left when it fell below the threshold."""

    remaining: float
    threshold: float
    unit: str


class QuotaAlert:
    """Warn on the logger `minimax_sync.quota` each time that the remainder falls below `threshold`. Thread-safe.

    Tokens, requests and the remainder of `budget` (tokens) are watched separately; each warns again only after it has
    risen to the threshold. Every method returns the crossing that it has just warned of, or None.
    """

    def __init__(self, threshold: float, provider: str, budget: float | None = None) -> None:
        self.threshold = _amount("quota_alert_threshold", threshold)
        self.provider = provider
        self.last: tuple[float, str] | None = None
        """The last known amount and its unit."""
        self._budget_left = None if budget is None else _amount("quota_budget", budget)
        self._low: set[str] = set()

    def observe(self, remaining: float, unit: str) -> QuotaCrossing | None:
        """Record an amount that the service reports, in `unit` ("tokens", "requests")."""
        with _lock:
            crossed = self._note(remaining, unit, unit)
        return self._warn(crossed)

    def observe_headers(self, headers: Mapping[str, str]) -> QuotaCrossing | None:
        """Record `x-ratelimit-remaining-tokens`, else `-requests`; `headers` ignores case."""
        for name, unit in _HEADERS.items():
            value = (headers.get(name) or "").strip()
            if _COUNT.fullmatch(value):
                return self.observe(int(value), unit)
        return None

    def observe_quota(self, quota: Quota) -> QuotaCrossing | None:
        """Record the requests left in the tighter of the windows that chat is charged to; unknown counts do nothing."""
        window = quota.text
        counts = [] if window is None else [window.remaining, window.weekly.remaining if window.weekly else None]
        known = [count for count in counts if count is not None]
        return self.observe(min(known), "requests") if known else None

    def spend(self, tokens: int) -> QuotaCrossing | None:
        """Subtract tokens from the budget, if there is one."""
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
                extra={"provider": self.provider, **msgspec.structs.asdict(crossed)},
            )
        return crossed


_lock = threading.Lock()  # shared by all alerts: it is held briefly, and a forked child has to renew only this one


def _renew_lock() -> None:
    global _lock
    _lock = threading.Lock()


after_fork("quota alerts", _renew_lock)


def _amount(name: str, value: float) -> float:
    number = finite_number(value)
    if number is None or number < 0:
        raise ConfigError(f"{name} must be a finite number of at least 0")
    return number
