"""A16 to A19: the token endpoint fails, answers rubbish, sends odd lifetimes, or gives no new refresh token."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.eventually import eventually
from support.ports import unused_port
from support.token_lab import bundle_at, edit, expired_plan, files_beside

from minimax_sync.auth import TokenPlan
from minimax_sync.auth.instants import expiry
from minimax_sync.auth.interfaces import Grant
from minimax_sync.auth.portal import Answer
from minimax_sync.auth.token_endpoint import decode_answer
from minimax_sync.emulator import Emulator
from minimax_sync.errors import LlmError, ResponseFormatError, ServerError, TransportError
from minimax_sync.secret import Secret

NOW = 1_800_000_000.0

FAILURES: dict[str, dict[str, Any]] = {
    "500": {"status": 500},
    "503": {"status": 503, "retry_after": 2},
    "429": {"status": 429},
    "html": {"kind": "html"},
    "403 by a firewall": {"status": 403, "body": "<html>denied</html>"},
    "400 that is no refusal": {"status": 400, "body": {"error": "invalid_request"}},
    "an empty 200": {"status": 200, "body": b""},
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_A16_a_failure_of_the_endpoint_keeps_every_token(
    emulator: Emulator, tmp_path: Path, failure: dict[str, Any]
) -> None:
    plan = expired_plan(emulator, tmp_path / "bundle.json", ttl=30)
    before = plan.path.read_bytes()
    token = bundle_at(plan.path).access_token.reveal()
    emulator.portal.fault(**failure)
    assert [plan.bearer(), plan.bearer(), plan.bearer()] == [token] * 3
    with pytest.raises(ServerError) as caught:
        plan.force_refresh(token)
    assert caught.value.retry_after_ms
    assert emulator.portal.posts == 1  # the thread and all callers wait for one backoff
    assert plan.path.read_bytes() == before
    assert files_beside(plan.path) == []


def test_A16_no_connection_is_transient_and_tried_again_after_the_backoff(emulator: Emulator, tmp_path: Path) -> None:
    port = unused_port()
    plan = expired_plan(emulator, tmp_path / "bundle.json")
    edit(plan.path, region=f"http://127.0.0.1:{port}")
    plan = TokenPlan(plan.path, base_url=f"http://127.0.0.1:{port}")
    with pytest.raises(TransportError) as caught:
        plan.bearer()
    assert not isinstance(caught.value, ResponseFormatError)
    assert files_beside(plan.path) == []
    plan = TokenPlan(plan.path, base_url=emulator.url)
    edit(plan.path, region=emulator.url)
    eventually(lambda: plan._credential.refresh.backoff.left == 0)
    assert plan.bearer() == bundle_at(plan.path).access_token.reveal()


RUBBISH: list[Any] = [
    {"status": "error", "base_resp": {"status_msg": "try later"}},
    {"status": "pending"},
    {"base_resp": {"status_code": 1000}, "access_token": "a", "refresh_token": "b", "expired_in": 7200},
    {"base_resp": {"status_code": "1000"}, "access_token": "a", "refresh_token": "b", "expired_in": 7200},
    {"refresh_token": "b", "expired_in": 7200},
    {"access_token": "", "refresh_token": "b", "expired_in": 7200},
    {"access_token": 7, "refresh_token": "b", "expired_in": 7200},
    {"access_token": "a b", "refresh_token": "b", "expired_in": 7200},
    {"access_token": "a\r\nx: y", "refresh_token": "b", "expired_in": 7200},
    {"access_token": "a", "refresh_token": "", "expired_in": 7200},
    {"access_token": "a", "refresh_token": ["b"], "expired_in": 7200},
    {"error": "server_error", "access_token": "a", "refresh_token": "b"},
    ["access_token", "a"],
    "success",
    None,
]


@pytest.mark.parametrize("document", RUBBISH, ids=repr)
def test_A17_a_200_without_a_grant_changes_nothing(emulator: Emulator, plan: TokenPlan, document: Any) -> None:
    before = plan.path.read_bytes()
    emulator.portal.fault(status=200, body=json.dumps(document))
    with pytest.raises(ServerError):
        plan.bearer()
    assert plan.path.read_bytes() == before


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["status", "base_resp", "access_token", "refresh_token", "expired_in", "expires_in", "error"])


@settings(deadline=None)
@given(st.dictionaries(NAMES, ANYTHING), st.sampled_from([200, 201, 400, 401, 500]))
def test_A17_any_answer_at_all_is_a_whole_grant_or_an_error(document: dict[str, Any], status: int) -> None:
    outcome = decode_answer(Answer(status, {}, json.dumps(document).encode()), Secret("rt-spent"), NOW)
    if isinstance(outcome, Grant):
        assert document["access_token"].strip() == outcome.access_token.reveal()
        assert timedelta(0) < outcome.expires_at - datetime.fromtimestamp(NOW, timezone.utc) <= timedelta(days=30)
    else:
        assert isinstance(outcome, LlmError)


LIVES: list[tuple[object, float]] = [
    (7200, 7200),
    ("7200", 7200),
    (7200.0, 7200),
    (NOW + 7200, 7200),
    (str(int(NOW + 7200)), 7200),
    ((NOW + 7200) * 1000, 7200),
    (f"{(NOW + 7200) * 1000:.0f}", 7200),
    (1, 60),
    (0, 60),
    (-5, 60),
    ("soon", 60),
    (None, 60),
    (True, 60),
    ([7200], 60),
    (float("nan"), 60),
    (float("-inf"), 60),
    (NOW - 7200, 60),
    (1e300, 30 * 86400),
    (float("inf"), 30 * 86400),
    (10**400, 30 * 86400),
    (90 * 86400, 30 * 86400),
]


@pytest.mark.parametrize(("expired_in", "life"), LIVES, ids=[repr(case)[:30] for case in LIVES])
def test_A18_expired_in_is_a_lifetime_seconds_or_milliseconds_and_always_sane(expired_in: object, life: float) -> None:
    assert (expiry(expired_in, NOW) - datetime.fromtimestamp(NOW, timezone.utc)).total_seconds() == pytest.approx(life)


@settings(deadline=None)
@given(st.one_of(st.floats(), st.integers(), st.text(), st.none(), st.booleans()), st.floats(1e9, 4e9))
def test_A18_no_answer_makes_a_token_live_for_ever_or_no_time(expired_in: object, now: float) -> None:
    life = (expiry(expired_in, now) - datetime.fromtimestamp(now, timezone.utc)).total_seconds()
    assert 59.9 <= life <= 30 * 86400 + 0.1


@pytest.mark.parametrize("form", ["epoch_ms", "epoch_s", "ttl_s"])
def test_A18_each_form_of_expired_in_arrives_in_the_file(emulator: Emulator, tmp_path: Path, form: str) -> None:
    emulator.portal.expired_in = form
    plan = expired_plan(emulator, tmp_path / "bundle.json")
    plan.bearer()
    left = bundle_at(plan.path).expires_at - datetime.now(timezone.utc)
    assert timedelta(seconds=7190) < left < timedelta(seconds=7202)


def test_A19_an_answer_without_a_refresh_token_keeps_the_old_one(emulator: Emulator, plan: TokenPlan) -> None:
    before = bundle_at(plan.path)
    emulator.portal.fault(fields={"refresh_token": None})
    assert plan.bearer() != before.access_token.reveal()
    assert bundle_at(plan.path).refresh_token == before.refresh_token
    assert plan.force_refresh(plan.bearer())
    assert (emulator.portal.posts, emulator.portal.reused) == (2, 0)
