"""The plan's quota, as its two endpoints tell it: the count of the one is what was used, of the other what remains.

A user sets the plan's numbers; calls do not change them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from .envelopes import Refusal, base_resp, json_reply
from .journal import Received
from .server import Reply

HOUR = 3600 * 1000
WEEK = 7 * 24 * HOUR


@dataclass
class Plan:
    """The general window of a Token Plan: `used` calls of `total`; with a total of 0 `percent` tells what is left."""

    total: int = 0
    used: int = 0
    percent: int = 99

    @property
    def percent_left(self) -> int:
        """What is left, in percent."""
        return 100 * max(0, self.total - self.used) // self.total if self.total else self.percent

    def remains(self, request: Received) -> Reply:
        """Answer `/v1/token_plan/remains`: the general window of 5 hours and the video window of a day."""
        rows = [
            _row("general", 5 * HOUR, self.total, self.used, self.percent_left),
            _row("video", 24 * HOUR, 3, 0, 100),
        ]
        return json_reply({"model_remains": rows, "base_resp": base_resp(0, "success")})

    def legacy_remains(self, request: Received) -> Reply:
        """Answer the older path, whose `usage_count` is what remains."""
        total = self.total or 1500
        row = _row("MiniMax-M*", 5 * HOUR, total, max(0, total - self.used), self.percent_left)
        counts = {name: value for name, value in row.items() if not name.endswith("_percent")}
        return json_reply({"model_remains": [counts], "base_resp": base_resp(0, "success")})


def refusal(request: Received, error: Refusal) -> Reply:
    """Refuse as these endpoints do: an HTTP 200 that holds only the reason."""
    return json_reply({"base_resp": base_resp(error.code or 0, error.message)})


def _row(name: str, window: int, total: int, usage_count: int, percent: int) -> dict[str, Any]:
    now = int(time.time() * 1000)
    start = now - now % window
    week = now - now % WEEK
    return {
        "start_time": start,
        "end_time": start + window,
        "remains_time": start + window - now,
        "current_interval_total_count": total,
        "current_interval_usage_count": usage_count,
        "model_name": name,
        "current_weekly_total_count": total * 7 if name == "video" else 0,
        "current_weekly_usage_count": 0,
        "weekly_start_time": week,
        "weekly_end_time": week + WEEK,
        "weekly_remains_time": week + WEEK - now,
        "current_interval_status": 1 if percent else 2,
        "current_interval_remaining_percent": percent,
        "current_weekly_status": 1,
        "current_weekly_remaining_percent": 100,
    }
