"""Plan windows as values: their words, and which of them chat is charged to."""

from __future__ import annotations

import pickle
from datetime import datetime, timedelta, timezone

from minimax_sync.values.quota import NOT_IN_PLAN, Quota, QuotaWindow

NOW = datetime(2026, 7, 27, 19, 28, 42, tzinfo=timezone.utc)


def at(day: int, hour: int) -> datetime:
    return datetime(2026, 7, day, hour, tzinfo=timezone.utc)


NEXT_MONDAY = at(27, 0) + timedelta(days=7)
GENERAL = QuotaWindow(
    model="general",
    remaining_percent=99.0,
    starts_at=at(27, 15),
    resets_at=at(27, 20),
    status="active",
    weekly=QuotaWindow(model="general", remaining_percent=98.0, status="active", resets_at=NEXT_MONDAY),
)
VIDEO = QuotaWindow(
    model="video",
    remaining_percent=0.0,
    used=1,
    total=3,
    starts_at=at(27, 0),
    resets_at=at(28, 0),
    status="exhausted",
)


def test_a_quota_describes_itself() -> None:
    quota = Quota((GENERAL, VIDEO))
    assert quota.describe(NOW) == (
        "general: 99 % left of the 5 h window, resets in 31 min; 98 % left of the week, resets in 6 d 4 h\n"
        "video: nothing left of the 1 d window (1 of 3 used), resets in 4 h 31 min"
    )
    assert repr(VIDEO) == (
        "QuotaWindow(video: nothing left of the 1 d window (1 of 3 used), resets at 2026-07-28 00:00 UTC)"
    )
    assert Quota(()).describe() == "the plan has no windows"
    assert pickle.loads(pickle.dumps(quota)) == quota


def test_a_window_without_figures_or_limits_is_shown_as_such() -> None:
    assert QuotaWindow(model="x", status="unlimited").describe(NOW) == "x: no limit on the window"
    assert QuotaWindow(model="x").describe(NOW) == "x: no figures for the window"
    assert QuotaWindow(model="x", status=NOT_IN_PLAN).describe(NOW) == "x: not in the plan"
    assert QuotaWindow(model="x", total=3, remaining_percent=50.0).describe(NOW) == "x: 50 % left of the window"
    assert VIDEO.describe(NOW + timedelta(days=99)).endswith("resets in less than a minute")


def test_the_window_for_text_is_found_under_its_new_and_its_old_name() -> None:
    video, general, old, upper = (QuotaWindow(model=name) for name in ("video", "general", "MiniMax-M*", "General"))
    assert Quota((video, general)).text is general
    assert Quota((video, old)).text is old
    assert Quota((video, upper)).text is upper
    assert Quota((video,)).text is None
