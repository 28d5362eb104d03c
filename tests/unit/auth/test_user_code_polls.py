"""The portal's answers while a code waits for its confirmation: not yet, refused, half a grant, or failures."""

from __future__ import annotations

from typing import Any

import pytest
from support.clock import Clock
from support.login_lab import Codes, assert_nothing_is_left, let_the_code_through

from minimax_sync.auth.login import login
from minimax_sync.emulator import Emulator
from minimax_sync.errors import CredentialInvalidError, ResponseFormatError, ServerError


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 400, "body": {"base_resp": {"status_code": 1, "status_msg": "access_denied"}}},
        {"status": 400, "body": {"error": "access_denied", "error_description": "the user said no"}},
        {"status": 200, "body": {"status": "error", "base_resp": {"status_code": 1, "status_msg": "access_denied"}}},
        {
            "status": 200,
            "body": {"status": "success", "base_resp": {"status_code": "7", "status_msg": "access_denied"}},
        },
        {"status": 403, "body": {"error": "access_denied"}},
    ],
)
def test_a_denied_login_is_an_error_and_leaves_nothing(fault: dict[str, Any], emulator: Emulator, clock: Clock) -> None:
    let_the_code_through(emulator)
    emulator.portal.fault(**fault)
    with pytest.raises(CredentialInvalidError, match=r"refused the login: access_denied.*run minimax-sync login again"):
        login(emulator.url, on_code=Codes(), clock=clock)
    assert_nothing_is_left()


@pytest.mark.parametrize(
    "body",
    [
        {"status": "pending"},
        {"status": "pending", "base_resp": {"status_code": 0}},
        {"error": "authorization_pending"},
        {"error": "slow_down"},
    ],
)
def test_pending_is_pending_in_every_spelling(body: Any, emulator: Emulator, clock: Clock) -> None:
    let_the_code_through(emulator)
    for _ in range(7):
        emulator.portal.fault(status=400 if "error" in body else 200, body=body)
    assert login(emulator.url, on_code=Codes(), clock=clock).region == emulator.url


@pytest.mark.parametrize(
    "fields",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": "a b"},
        {"refresh_token": None},
        {"refresh_token": 5},
    ],
)
def test_A17_a_grant_without_both_tokens_writes_nothing(
    fields: dict[str, Any], emulator: Emulator, clock: Clock
) -> None:
    emulator.portal.pending_polls = 0
    let_the_code_through(emulator)
    emulator.portal.fault(fields=fields)
    with pytest.raises(ResponseFormatError, match="no usable tokens"):
        login(emulator.url, on_code=Codes(), clock=clock)
    assert_nothing_is_left()


def test_a_few_failures_of_the_portal_are_tolerated(emulator: Emulator, clock: Clock) -> None:
    let_the_code_through(emulator)
    emulator.portal.fault(status=503)
    emulator.portal.fault(status=429, retry_after=9)
    emulator.portal.fault("html")
    emulator.portal.fault("disconnect")
    login(emulator.url, on_code=Codes(), clock=clock)
    assert clock.slept[:4] == [2.0, 2.0, 9.0, 2.0]


def test_a_portal_that_keeps_failing_ends_the_login(emulator: Emulator, clock: Clock) -> None:
    let_the_code_through(emulator)
    for _ in range(5):
        emulator.portal.fault(status=503)
    with pytest.raises(ServerError, match="HTTP 503"):
        login(emulator.url, on_code=Codes(), clock=clock)
    assert_nothing_is_left()
