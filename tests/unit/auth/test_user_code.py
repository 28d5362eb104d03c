"""The code that a login shows: answers without a usable one, its page, its life and how often the portal is asked."""

from __future__ import annotations

import time
from typing import Any

import pytest
from support.clock import Clock
from support.login_lab import Codes, assert_nothing_is_left

from minimax_sync.auth.login import login
from minimax_sync.emulator import Emulator
from minimax_sync.errors import (
    CallTimeoutError,
    LlmError,
    RequestError,
    ResponseFormatError,
    ServerError,
    TransportError,
)


def test_an_answer_with_another_state_is_not_ours(emulator: Emulator, clock: Clock) -> None:
    emulator.portal.fault(fields={"state": "another"})
    codes = Codes()
    with pytest.raises(ResponseFormatError, match="its state differs"):
        login(emulator.url, on_code=codes, clock=clock)
    assert codes.user_code == ""
    assert_nothing_is_left()


@pytest.mark.parametrize(
    "fields",
    [
        {"user_code": None},
        {"user_code": ""},
        {"user_code": 7},
        {"user_code": "A\x1b[2J"},
        {"verification_uri": None},
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri": "http://evil.example/"},
        {"verification_uri": "https://www.minimax.io@evil.example/"},
        {"verification_uri": "https://www.minimax.io/\n"},
        {"verification_uri": ["https://www.minimax.io/"]},
    ],
)
def test_a_code_that_cannot_be_shown_is_refused(fields: dict[str, Any], emulator: Emulator) -> None:
    emulator.portal.fault(fields=fields)
    with pytest.raises(ResponseFormatError, match="no usable user_code and verification_uri"):
        login(emulator.url, on_code=Codes())
    assert_nothing_is_left()


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (
            "https://www.minimax.io/oauth-authorize?user_code=A",
            "https://platform.minimax.io/oauth-authorize?user_code=A",
        ),
        ("https://www.minimaxi.com/oauth-authorize?a=b", "https://platform.minimaxi.com/oauth-authorize?a=b"),
        ("https://platform.minimax.io/oauth#/code?x=1", "https://platform.minimax.io/oauth#/code?x=1"),
    ],
)
def test_the_page_that_moved_is_shown_at_its_present_host(
    sent: str, shown: str, emulator: Emulator, clock: Clock
) -> None:
    emulator.portal.fault(fields={"verification_uri": sent})
    codes = Codes()
    login(emulator.url, on_code=codes, clock=clock)
    assert codes.verification_url == shown


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        (
            {"status": 400, "body": {"base_resp": {"status_code": 1, "status_msg": "bad scope"}}},
            RequestError,
            "bad scope",
        ),
        (
            {"status": 200, "body": {"status": "error", "error": "unauthorized_client"}},
            RequestError,
            "unauthorized_client",
        ),
        ({"status": 200, "body": {"base_resp": {"status_code": 1002, "status_msg": "slow"}}}, LlmError, "slow"),
        ({"status": 503, "body": {"base_resp": {"status_code": 1, "status_msg": "later"}}}, ServerError, "later"),
        ({"kind": "html"}, ServerError, "not JSON"),
        ({"status": 200, "body": "[]"}, ServerError, "not JSON"),
        ({"kind": "disconnect"}, TransportError, "."),
    ],
)
def test_without_a_code_there_is_no_login(
    fault: dict[str, Any], error: type[LlmError], message: str, emulator: Emulator, clock: Clock
) -> None:
    emulator.portal.fault(**fault)
    with pytest.raises(error, match=message):
        login(emulator.url, on_code=Codes(), clock=clock)
    assert_nothing_is_left()


def test_an_unconfirmed_code_expires_in_time(emulator: Emulator, clock: Clock) -> None:
    emulator.portal.auto_approve = False
    emulator.portal.fault(fields={"expired_in": int((time.time() + 75) * 1000), "interval": 50_000})
    with pytest.raises(CallTimeoutError, match="the code was not confirmed in time"):
        login(emulator.url, on_code=Codes(), clock=clock)
    assert clock.slept == [50.0, pytest.approx(25, abs=2)]
    assert_nothing_is_left()


@pytest.mark.parametrize(("life", "until"), [(5, 5), (-900, 60)])
def test_a_code_ends_at_the_portals_instant_and_an_expired_one_gets_a_minute(
    life: float, until: float, emulator: Emulator, clock: Clock
) -> None:
    emulator.portal.fault(fields={"expired_in": int((time.time() + life) * 1000)})
    codes = Codes()
    login(emulator.url, on_code=codes, clock=clock)
    assert codes.expires_at.timestamp() == pytest.approx(time.time() + until, abs=2)


@pytest.mark.parametrize(
    ("sent", "interval"),
    [(1500, 1.5), (0, 0.0), (3_600_000, 60.0), (None, 2.0), ("fast", 2.0), (-5, 2.0), (True, 2.0), (1e999, 2.0)],
)
def test_the_interval_is_the_portals_within_reason(
    sent: Any, interval: float, emulator: Emulator, clock: Clock
) -> None:
    emulator.portal.pending_polls = 0
    emulator.portal.fault(fields={"interval": sent})
    login(emulator.url, on_code=Codes(), clock=clock)
    assert clock.slept == [interval]
