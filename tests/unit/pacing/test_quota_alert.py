"""The alert when the quota runs low."""

from __future__ import annotations

import logging
from math import inf, nan

import pytest
from support.eventually import together

from minimax_sync.errors import ConfigError
from minimax_sync.pacing.quota_alert import QuotaAlert, QuotaCrossing
from minimax_sync.values.quota import Quota, QuotaWindow


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


def test_a_first_amount_below_the_threshold_warns() -> None:
    assert QuotaAlert(100, "minimax").observe(3, "requests") == QuotaCrossing(3, 100, "requests")


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
def test_the_remainder_comes_from_the_headers_tokens_first(
    headers: dict[str, str], seen: tuple[int, str] | None
) -> None:
    alert = QuotaAlert(100, "minimax")
    crossing = alert.observe_headers(headers)
    assert alert.last == seen
    assert (crossing is not None) is (seen is not None)


def test_the_remainder_comes_from_the_tighter_window_of_a_quota() -> None:
    weekly = QuotaWindow(model="general", used=990, total=1000)
    general = QuotaWindow(model="general", used=1, total=100, weekly=weekly)
    alert = QuotaAlert(50, "minimax")
    assert alert.observe_quota(Quota((QuotaWindow(model="video", used=3, total=3), general))) == QuotaCrossing(
        10, 50, "requests"
    )
    assert QuotaAlert(50, "minimax").observe_quota(Quota((QuotaWindow(model="general", total=3),))) is None


def test_a_budget_is_spent_down_to_nothing_and_warned_of_once() -> None:
    alert = QuotaAlert(100, "minimax", budget=250)
    assert [alert.spend(tokens) for tokens in (100, 50, 1, 500, 500)] == [
        None,
        None,
        QuotaCrossing(99, 100, "tokens"),
        None,
        None,
    ]
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

    together([spend] * 10)
    assert alert.last == (0, "tokens")
    assert crossings == [QuotaCrossing(999, 1000, "tokens")]
