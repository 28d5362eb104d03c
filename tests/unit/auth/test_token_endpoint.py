from __future__ import annotations

import json
import time
import traceback
from typing import Any

import pytest

from minimax_sync.auth.bundle import parse_bundle
from minimax_sync.auth.interfaces import Grant, RefusedError
from minimax_sync.auth.portal import Answer
from minimax_sync.auth.token_endpoint import TokenEndpoint, decode_answer
from minimax_sync.auth.token_plan import TokenPlan
from minimax_sync.emulator import Emulator
from minimax_sync.errors import LlmError, ServerError
from minimax_sync.secret import Secret

SPENT = "rt-spent-0123456789"


def _decode(status: int, document: Any) -> Grant | LlmError:
    answer = Answer(status, {"retry-after": "3"}, json.dumps(document).encode())
    return decode_answer(answer, Secret(SPENT), 1_800_000_000.0)


REFUSALS: list[tuple[int, Any]] = [
    (400, {"base_resp": {"status_code": 1, "status_msg": "invalid_grant"}}),
    (200, {"status": "error", "base_resp": {"status_msg": "refresh_token_reused"}}),
    (400, {"error": "invalid_grant", "error_description": "revoked"}),
    (401, {"error": {"type": "invalid_refresh_token", "message": "no"}}),
    (400, {"error": {"code": "invalid_grant"}}),
    (400, {"code": "invalid_grant"}),
    (400, {"message": "Invalid refresh token"}),
]


@pytest.mark.parametrize(("status", "document"), REFUSALS)
def test_every_spelling_of_a_dead_refresh_token_is_a_refusal(status: int, document: Any) -> None:
    assert isinstance(_decode(status, document), RefusedError)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_any_other_failure_is_transient(status: int) -> None:
    outcome = _decode(status, {"error": "invalid_client"})
    assert isinstance(outcome, ServerError)
    assert (outcome.status, outcome.retry_after_ms, outcome.budget) == (status, 3000, "server")


def test_the_spent_token_is_not_quoted_even_if_the_endpoint_does() -> None:
    outcome = _decode(500, {"message": f"bad token {SPENT}"})
    assert SPENT not in str(outcome)


def test_the_request_is_the_documented_form(emulator: Emulator) -> None:
    pair = emulator.portal.issue()
    endpoint = TokenEndpoint()
    endpoint.trusted_origins.add(emulator.url)
    bundle = parse_bundle(
        json.dumps({**pair, "expires_at": 0, "region": f"{emulator.url}/anthropic"}, default=str).encode()
    )
    assert not isinstance(bundle, str)
    endpoint.refresh(bundle, time.monotonic() + 5)
    received = emulator.journal[-1]
    assert (received.method, received.path) == ("POST", "/oauth/token")
    assert received.body == {
        "grant_type": "refresh_token",
        "client_id": "78257093-7e40-4613-99e0-527b14b39113",
        "refresh_token": pair["refresh_token"],
    }
    headers = {name.lower(): value for name, value in received.headers.items()}
    assert headers["accept"] == "application/json"
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert len(headers["x-request-id"]) == 36


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 400}, {"kind": "html"}, {"kind": "disconnect"}])
def test_no_error_of_a_refresh_has_a_token_in_its_traceback(
    emulator: Emulator, tmp_path: Any, fault: dict[str, Any]
) -> None:
    pair = emulator.portal.bundle(tmp_path / "bundle.json")
    plan = TokenPlan(tmp_path / "bundle.json", base_url=emulator.url)
    for _ in range(3):
        emulator.portal.fault(**fault)
    with pytest.raises(LlmError) as caught:
        plan.force_refresh(plan.bearer())
    error = caught.value
    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    ours = shown[shown.index("token_plan.py") :]
    for secret in (pair["access_token"], pair["refresh_token"]):
        assert secret not in ours
        assert secret not in repr(error) + str(error.__dict__)
