"""The plan's windows and the account's balance, read from the service's answers."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimax_sync.errors import ResponseFormatError
from minimax_sync.values.quota import Balance, QuotaWindow
from minimax_sync.wires.services import decode_balance, decode_quota

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
            "current_interval_usage_count": 3,
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
    assert (video.used, video.total, video.remaining) == (3, 3, 0)
    assert video.status == "exhausted"
    assert video.weekly is None


def test_without_a_percentage_the_count_is_what_remains() -> None:
    window = decoded(current_interval_total_count=1500, current_interval_usage_count=1272)
    assert (window.used, window.total, window.remaining) == (228, 1500, 1272)
    assert window.remaining_percent == pytest.approx(84.8)


@pytest.mark.parametrize(
    ("count", "percent", "used"),
    [(300, 80, 300), (1200, 80, 300), (301, 80, 301), (750, 50, 750), (0, 100, 0), (1500, 100, 0), (600, 80, None)],
    ids=["used", "remaining", "used, nearly", "either", "none used", "all remaining", "neither"],
)
def test_with_a_percentage_the_reading_of_the_count_agrees_with_it(count: int, percent: int, used: int | None) -> None:
    counts = {"current_interval_total_count": 1500, "current_interval_usage_count": count}
    window = decoded(**counts, current_interval_remaining_percent=percent)
    assert (window.used, window.total, window.remaining_percent) == (used, 1500, percent)
    assert window.remaining == (None if used is None else 1500 - used)
    assert "None" not in window.describe(NOW)


def test_unlimited_on_both_windows_without_counts_is_not_in_the_plan() -> None:
    unlimited = {"current_interval_status": 3, "current_weekly_status": 3, "current_interval_remaining_percent": 100}
    assert decoded(**unlimited).status == "not in the plan"
    assert decoded(**unlimited).describe(NOW) == "general: not in the plan"
    assert decoded(**unlimited, current_weekly_total_count=7).status == "unlimited"
    assert decoded(**{**unlimited, "current_weekly_status": 1}).status == "unlimited"


@pytest.mark.parametrize(("permille", "percent"), [(1500, 120), (None, 80), ("2000", 160), (-5, 80), ("x", 80)])
def test_a_boost_multiplies_the_percentage_of_the_week(permille: object, percent: float) -> None:
    window = decoded(
        current_weekly_status=1,
        current_weekly_remaining_percent=80,
        current_interval_remaining_percent=80,
        weekly_boost_permille=permille,
    )
    assert window.weekly is not None
    assert (window.remaining_percent, window.weekly.remaining_percent) == (80, percent)


def test_an_invalid_row_leaves_the_others() -> None:
    odd = [{"model_name": None}, {}, 5, {"model_name": "video", "current_interval_status": "limited", "end_time": []}]
    windows = decode_quota(
        json.dumps({"model_remains": [*odd, {"model_name": "general", "current_interval_status": 1}]}).encode()
    ).windows
    assert [(window.model, window.status) for window in windows] == [("video", "unknown"), ("general", "active")]


def test_an_exhausted_window_without_figures_has_nothing_left() -> None:
    assert decoded(current_interval_status=2).remaining_percent == 0


def test_a_total_of_zero_means_no_counts_and_never_exhausted() -> None:
    window = decoded(current_interval_total_count=0, current_interval_usage_count=0, current_interval_status=1)
    assert (window.used, window.total, window.remaining_percent, window.status) == (None, None, None, "active")


@pytest.mark.parametrize(
    ("sent", "status"), [(1, "active"), (2, "exhausted"), (3, "unlimited"), (7, "unknown"), ("3", "unlimited")]
)
def test_a_status_is_a_word(sent: object, status: str) -> None:
    assert decoded(current_interval_status=sent).status == status


@pytest.mark.parametrize(("sent", "percent"), [(-3, 0), (150, 100), ("42", 42), (None, None), (0, 0)])
def test_a_percentage_is_between_0_and_100(sent: object, percent: float | None) -> None:
    assert decoded(current_interval_remaining_percent=sent).remaining_percent == percent


@pytest.mark.parametrize("sent", [0, -1, 1e300, None])
def test_an_impossible_instant_is_read_as_none(sent: object) -> None:
    assert decoded(end_time=sent).resets_at is None


@pytest.mark.parametrize("sent", ["2026-07-27T20:00:00", "2026-07-27T22:00:00+02:00", "2026-07-27T20:00:00Z"])
def test_an_instant_is_in_utc(sent: str) -> None:
    window = decoded(end_time=sent)
    assert window.resets_at == datetime(2026, 7, 27, 20, tzinfo=timezone.utc)
    assert window.describe().endswith("resets at 2026-07-27 20:00 UTC")


def test_more_used_than_there_is_leaves_nothing() -> None:
    window = decoded(
        current_interval_total_count=10, current_interval_usage_count=12, current_interval_remaining_percent=0
    )
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
    ],
)
def test_a_body_that_is_not_a_quota_is_a_format_error(body: bytes) -> None:
    with pytest.raises(ResponseFormatError, match="quota: not a Token Plan reply"):
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


def test_a_balance_is_read_from_its_strings() -> None:
    body = {
        "available_amount": "12.50",
        "cash_balance": "10",
        "voucher_balance": 2.5,
        "credit_balance": "n/a",
        "owed_amount": "0.00",
        "base_resp": {"status_code": 0, "status_msg": "success"},
    }
    balance = decode_balance(json.dumps(body).encode())
    assert balance == Balance(Decimal("12.50"), Decimal(10), Decimal("2.5"), None, Decimal(0))
    assert str(balance.available) == "12.50"
    assert decode_balance(b'{"available_amount": 3}') == Balance(Decimal(3))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"available_amount": null}', b'{"available_amount": "NaN"}'])
def test_an_answer_without_an_amount_is_not_a_balance(body: bytes) -> None:
    with pytest.raises(ResponseFormatError):
        decode_balance(body)
