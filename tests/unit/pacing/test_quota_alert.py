"""The plan's windows, as the service tells them, and the alert when they run low."""

from __future__ import annotations

import json
import logging
import pickle
import threading
from datetime import datetime, timezone
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimax_sync.errors import ConfigError, ResponseFormatError
from minimax_sync.pacing.quota_alert import Quota, QuotaAlert, QuotaWindow, decode_quota

NOW = datetime(2026, 7, 27, 19, 28, 42, tzinfo=timezone.utc)
LIVE = {
    "model_remains": [
        {
            "start_time": 1785164400000,
            "end_time": 1785182400000,
            "remains_time": 1877492,
            "current_interval_total_count": 0,
            "current_interval_usage_count": 0,
            "model_name": "general",
            "current_weekly_total_count": 0,
            "current_weekly_usage_count": 0,
            "weekly_start_time": 1785110400000,
            "weekly_end_time": 1785715200000,
            "weekly_remains_time": 534677492,
            "current_interval_status": 1,
            "current_interval_remaining_percent": 99,
            "current_weekly_status": 1,
            "current_weekly_remaining_percent": 98,
        },
        {
            "start_time": 1785110400000,
            "end_time": 1785196800000,
            "current_interval_total_count": 3,
            "current_interval_usage_count": 1,
            "model_name": "video",
            "current_interval_status": 2,
            "current_interval_remaining_percent": 0,
            "boost_permille": 1000,
        },
    ],
    "base_resp": {"status_code": 0, "status_msg": "success"},
}


def decoded(**row: object) -> QuotaWindow:
    return decode_quota(json.dumps({"model_remains": [{"model_name": "general", **row}]}).encode()).windows[0]


def test_a_live_answer_is_read_percent_first() -> None:
    general, video = decode_quota(json.dumps(LIVE).encode()).windows
    assert general.model == "general"
    assert general.remaining_percent == 99
    assert (general.used, general.total, general.remaining) == (None, None, None)
    assert general.starts_at == datetime(2026, 7, 27, 15, 0, tzinfo=timezone.utc)
    assert general.resets_at == datetime(2026, 7, 27, 20, 0, tzinfo=timezone.utc)
    assert general.status == "active"
    assert general.weekly is not None
    assert general.weekly.remaining_percent == 98
    assert general.weekly.resets_at == datetime(2026, 8, 3, tzinfo=timezone.utc)
    assert (video.used, video.total, video.remaining) == (1, 3, 2)
    assert video.status == "exhausted"
    assert video.weekly is None


def test_an_older_answer_without_a_percentage_gets_it_from_the_counts_used() -> None:
    window = decoded(current_interval_total_count=1500, current_interval_usage_count=228)
    assert (window.used, window.total, window.remaining) == (228, 1500, 1272)
    assert window.remaining_percent == pytest.approx(84.8)


def test_a_total_of_zero_means_no_counts_and_never_exhausted() -> None:
    window = decoded(current_interval_total_count=0, current_interval_usage_count=0, current_interval_status=1)
    assert (window.used, window.total, window.remaining_percent, window.status) == (None, None, None, "active")


@pytest.mark.parametrize(
    ("told", "status"), [(1, "active"), (2, "exhausted"), (3, "unlimited"), (7, "unknown"), ("3", "unlimited")]
)
def test_a_status_is_a_word(told: object, status: str) -> None:
    assert decoded(current_interval_status=told).status == status


@pytest.mark.parametrize(("told", "percent"), [(-3, 0), (150, 100), ("42", 42), (None, None), (0, 0)])
def test_a_percentage_is_between_0_and_100(told: object, percent: float | None) -> None:
    assert decoded(current_interval_remaining_percent=told).remaining_percent == percent


@pytest.mark.parametrize("told", [0, -1, 1e300, None])
def test_an_impossible_instant_is_none(told: object) -> None:
    assert decoded(end_time=told).resets_at is None


def test_more_used_than_there_is_leaves_nothing() -> None:
    window = decoded(current_interval_total_count=10, current_interval_usage_count=12)
    assert (window.remaining, window.remaining_percent) == (0, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"<html>404</html>",
        b'{"base_resp": {"status_code": 1004}}',
        b'{"model_remains": null}',
        b'{"model_remains": [{}]}',
        b'{"model_remains": [{"model_name": "\xff"}]}',
        b'{"model_remains": [{"model_name": "general", "current_interval_total_count": "many"}]}',
    ],
)
def test_what_is_not_a_quota_is_a_format_error(body: bytes) -> None:
    with pytest.raises(ResponseFormatError, match="quota: not the answer of a Token Plan"):
        decode_quota(body)


@given(
    st.dictionaries(
        st.sampled_from(sorted({name for row in LIVE["model_remains"] for name in row})),
        st.none() | st.integers() | st.floats() | st.text() | st.lists(st.integers()),
    )
)
def test_any_row_is_a_window_or_a_format_error(row: dict[str, object]) -> None:
    try:
        windows = decode_quota(json.dumps({"model_remains": [row]}).encode()).windows
    except ResponseFormatError:
        return
    assert windows[0].describe(NOW)


def test_a_quota_describes_itself_in_words() -> None:
    quota = decode_quota(json.dumps(LIVE).encode())
    assert quota.describe(NOW) == (
        "general: 99 % left of the 5 h window, resets in 31 min; 98 % left of the week, resets in 6 d 4 h\n"
        "video: nothing left of the 1 d window (1 of 3 used), resets in 4 h 31 min"
    )
    assert repr(quota.windows[1]) == (
        "QuotaWindow(video: nothing left of the 1 d window (1 of 3 used), resets at 2026-07-28 00:00 UTC)"
    )
    assert decoded(current_interval_status=3).describe(NOW) == "general: no limit on the window"
    assert decoded().describe(NOW) == "general: no figures for the window"
    assert (
        decoded(end_time=1785182400000)
        .describe(datetime(2027, 1, 1, tzinfo=timezone.utc))
        .endswith("resets in less than a minute")
    )
    assert Quota(()).describe() == "the plan has no windows"
    assert pickle.loads(pickle.dumps(quota)) == quota


def test_the_window_for_text_is_found_under_its_new_and_its_old_name() -> None:
    video, general, old = (QuotaWindow(model=name) for name in ("video", "general", "MiniMax-M*"))
    assert Quota((video, general)).text is general
    assert Quota((video, old)).text is old
    assert Quota((video,)).text is None


@pytest.mark.parametrize("value", [-1, nan, inf, True, "100", None])
def test_an_impossible_threshold_or_budget_is_refused_by_name(value: float) -> None:
    with pytest.raises(ConfigError, match="quota_alert_threshold must be"):
        QuotaAlert(value, "minimax")
    if value is not None:
        with pytest.raises(ConfigError, match="quota_budget must be"):
            QuotaAlert(1, "minimax", budget=value)


def test_each_crossing_downwards_is_one_structured_warning(caplog: pytest.LogCaptureFixture) -> None:
    alert = QuotaAlert(100, "mine")
    with caplog.at_level(logging.WARNING, "minimax_sync.quota"):
        crossings = [alert.observe(left, "tokens") for left in (150, 100, 99, 50, 0, 100, 20, 500)]
    assert [bool(crossing) for crossing in crossings] == [False, False, True, False, False, False, True, False]
    fields = [
        {name: vars(record)[name] for name in ("provider", "remaining", "threshold", "unit")}
        for record in caplog.records
    ]
    assert fields == [
        {"provider": "mine", "remaining": 99, "threshold": 100, "unit": "tokens"},
        {"provider": "mine", "remaining": 20, "threshold": 100, "unit": "tokens"},
    ]
    assert {record.levelname for record in caplog.records} == {"WARNING"}
    assert {record.name for record in caplog.records} == {"minimax_sync.quota"}
    assert alert.last == (500, "tokens")


def test_a_first_look_below_the_threshold_warns() -> None:
    assert QuotaAlert(100, "minimax").observe(3, "requests") == (3, 100, "requests")


@pytest.mark.parametrize(
    ("headers", "seen"),
    [
        ({"x-ratelimit-remaining-tokens": "90", "x-ratelimit-remaining-requests": "5"}, (90, "tokens")),
        ({"x-ratelimit-remaining-requests": " 5 "}, (5, "requests")),
        ({"x-ratelimit-remaining-tokens": "nan", "x-ratelimit-remaining-requests": "7"}, (7, "requests")),
        ({"x-ratelimit-remaining-tokens": "-1"}, None),
        ({"x-ratelimit-remaining-tokens": "9" * 5000}, None),
        ({}, None),
    ],
)
def test_what_is_left_comes_from_the_headers_tokens_first(
    headers: dict[str, str], seen: tuple[int, str] | None
) -> None:
    alert = QuotaAlert(100, "minimax")
    crossing = alert.observe_headers(headers)
    assert alert.last == seen
    assert (crossing is not None) is (seen is not None)


def test_what_is_left_comes_from_the_tighter_window_of_a_quota() -> None:
    weekly = QuotaWindow(model="general", used=990, total=1000)
    general = QuotaWindow(model="general", used=1, total=100, weekly=weekly)
    alert = QuotaAlert(50, "minimax")
    assert alert.observe_quota(Quota((QuotaWindow(model="video", used=3, total=3), general))) == (10, 50, "requests")
    assert QuotaAlert(50, "minimax").observe_quota(decode_quota(json.dumps(LIVE).encode())) is None


def test_a_budget_is_spent_down_to_nothing_and_warned_of_once() -> None:
    alert = QuotaAlert(100, "minimax", budget=250)
    assert [alert.spend(tokens) for tokens in (100, 50, 1, 500, 500)] == [None, None, (99, 100, "tokens"), None, None]
    assert alert.last == (0, "tokens")
    assert QuotaAlert(100, "minimax").spend(10) is None


def test_headers_and_a_budget_do_not_rearm_each_other() -> None:
    alert = QuotaAlert(100, "minimax", budget=150)
    assert alert.spend(60) is not None
    assert alert.observe(500, "tokens") is None
    assert alert.spend(1) is None


def test_many_threads_spend_one_budget_exactly() -> None:
    alert = QuotaAlert(1000, "minimax", budget=5000)
    crossings: list[object] = []

    def spend() -> None:
        for _ in range(500):
            if crossing := alert.spend(1):
                crossings.append(crossing)

    threads = [threading.Thread(target=spend) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert alert.last == (0, "tokens")
    assert crossings == [(999, 1000, "tokens")]
