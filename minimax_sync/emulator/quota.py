"""The quota of a plan and the balance of an account, as the service reports them.

A user sets the numbers; calls do not change them.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from .envelopes import Refusal, base_resp, json_reply
from .journal import Received
from .server import Reply

HOUR = 3600 * 1000
WEEK = 7 * 24 * HOUR
NORMAL, EXHAUSTED, NOT_IN_PLAN = 1, 2, 3


@dataclass
class Plan:
    """What `quota()` of a client sees: a general window of 5 hours and a video window of a day, both also by the week.

    `total` and `used` count the calls of the general window; with a total of 0 there are no counts, and `percent` is
    what is left. With `percent=None` the service reports no percentages, and its counts are what remains.
    `weekly_boost_permille` multiplies the weekly percentage (1500: up to 150 %). `missing` names the services that are
    not in the plan: "general", "video".

    >>> from minimax_sync import MiniMaxClient
    >>> from minimax_sync.emulator import Emulator
    >>> with Emulator() as emulator:
    ...     emulator.plan.percent = 30
    ...     with MiniMaxClient(emulator.api_key, base_url=emulator.base_url) as client:
    ...         quota = client.quota()
    >>> "30" in str(quota)
    True
    """

    total: int = 0
    used: int = 0
    percent: int | None = 99
    weekly_boost_permille: int | None = None
    missing: tuple[str, ...] = ()

    @property
    def remaining(self) -> int:
        """The calls that are left."""
        return max(0, self.total - self.used)

    @property
    def percent_left(self) -> int | None:
        """What is left, in percent; None if the service does not report it."""
        return self.percent if self.percent is None or not self.total else 100 * self.remaining // self.total

    def remains(self, request: Received) -> Reply:
        """Answer `/v1/token_plan/remains`."""
        count = self.remaining if self.percent is None else self.used
        video = 3 if self.percent is None else 0
        rows = [
            self._row("general", 5 * HOUR, self.total, count, self.percent_left),
            self._row("video", 24 * HOUR, 3, video, None if self.percent is None else 100),
        ]
        return json_reply({"model_remains": rows, "base_resp": base_resp(0, "success")})

    def legacy_remains(self, request: Received) -> Reply:
        """Answer the older path, which has no percentages and counts what remains."""
        total = self.total or 1500
        row = self._row("MiniMax-M*", 5 * HOUR, total, max(0, total - self.used), None)
        return json_reply({"model_remains": [row], "base_resp": base_resp(0, "success")})

    def _row(self, name: str, window: int, total: int, usage_count: int, percent: int | None) -> dict[str, Any]:
        now = int(time.time() * 1000)
        start = now - now % window
        week = now - now % WEEK
        exhausted = percent == 0 or (percent is None and total > 0 and usage_count == 0)
        row = {
            "start_time": start,
            "end_time": start + window,
            "remains_time": start + window - now,
            "current_interval_total_count": total,
            "current_interval_usage_count": usage_count,
            "model_name": name,
            "current_weekly_total_count": total * 7 if name == "video" else 0,
            "current_weekly_usage_count": 0 if percent is not None or name != "video" else total * 7,
            "weekly_start_time": week,
            "weekly_end_time": week + WEEK,
            "weekly_remains_time": week + WEEK - now,
            "current_interval_status": EXHAUSTED if exhausted else NORMAL,
            "current_weekly_status": NORMAL,
        }
        if percent is not None:
            row |= {"current_interval_remaining_percent": percent, "current_weekly_remaining_percent": 100}
        if self.weekly_boost_permille is not None:
            row["weekly_boost_permille"] = self.weekly_boost_permille
        if name in self.missing:
            row |= dict.fromkeys((field for field in row if field.endswith("_count")), 0)
            row |= {"current_interval_status": NOT_IN_PLAN, "current_weekly_status": NOT_IN_PLAN}
        return row


@dataclass
class Balance:
    """The balance of a pay-as-you-go account in USD, as text like the service's. `owed` is what is not paid yet."""

    available: str = "12.34"
    cash: str = "10.00"
    voucher: str = "2.34"
    credit: str = "0.00"
    owed: str = "0.00"

    def answer(self, request: Received) -> Reply:
        """Answer `/account/query_balance`."""
        amounts = {_BALANCE_FIELDS[name]: amount for name, amount in asdict(self).items()}
        return json_reply({**amounts, "base_resp": base_resp(0, "success")})


_BALANCE_FIELDS = {
    "available": "available_amount",
    "cash": "cash_balance",
    "voucher": "voucher_balance",
    "credit": "credit_balance",
    "owed": "owed_amount",
}


def refusal(request: Received, error: Refusal) -> Reply:
    """Refuse as these endpoints do: with HTTP 200 and the reason alone."""
    return json_reply({"base_resp": base_resp(error.code or 0, error.message)})
