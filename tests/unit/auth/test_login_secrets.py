"""Verifiers, states and tokens of a login: new each time, and in no error."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from support.clock import Clock
from support.login_lab import Codes, forms, let_the_code_through

from minimax_sync.auth.login import login
from minimax_sync.emulator import Emulator
from minimax_sync.errors import CredentialInvalidError, ResponseFormatError


def test_two_logins_share_no_secret(emulator: Emulator, clock: Clock) -> None:
    for _ in range(2):
        login(emulator.url, on_code=Codes(), clock=clock)
    first, second = forms(emulator, "/oauth/code")
    assert first["state"] != second["state"]
    assert first["code_challenge"] != second["code_challenge"]


def test_B10_no_error_shows_a_verifier_or_token_in_text_or_locals(emulator: Emulator, clock: Clock) -> None:
    emulator.portal.pending_polls = 0
    let_the_code_through(emulator)
    emulator.portal.fault(fields={"refresh_token": None})
    with pytest.raises(ResponseFormatError) as caught:
        login(emulator.url, on_code=Codes(), clock=clock)
    assert emulator.portal.current is not None
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    for secret in (emulator.portal.current["access_token"], forms(emulator, "/oauth/token")[0]["code_verifier"]):
        assert secret not in shown


def test_a_verifier_that_the_portal_echoes_is_hidden(emulator: Emulator, clock: Clock) -> None:
    def echo(stage: str, request: Any) -> None:
        if stage == "received":
            emulator.portal.fault(status=400, body={"error": f"bad verifier {request.body['code_verifier']}"})

    emulator.portal.on_stage = echo
    with pytest.raises(CredentialInvalidError, match=r"bad verifier \*\*\*\*;"):
        login(emulator.url, on_code=Codes(), clock=clock)
