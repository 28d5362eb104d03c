"""A6, A15: a refresh token that the endpoint refuses, an access token that the service refuses again."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.token_lab import bundle_at, edit, expired_plan, latest_pair

from minimax_sync import MiniMaxClient
from minimax_sync.auth import TokenPlan
from minimax_sync.emulator import Emulator
from minimax_sync.errors import CredentialInvalidError


def test_A6_a_second_401_ends_the_call_after_one_refresh(emulator: Emulator, path: Path) -> None:
    emulator.portal.bundle(path)
    plan = TokenPlan(path, base_url=emulator.url)
    with MiniMaxClient(auth=plan, base_url=emulator.anthropic_base_url, requests_per_second=None) as client:
        for _ in range(2):
            emulator.fault(status=401)
        with pytest.raises(CredentialInvalidError):
            client.chat("Hello")
        calls = [received.path for received in emulator.journal]
    assert (len([path for path in calls if "messages" in path]), emulator.portal.posts) == (2, 1)


def test_A6_an_endpoint_that_grants_the_rejected_token_again_is_asked_once(emulator: Emulator, tmp_path: Path) -> None:
    plan = expired_plan(emulator, tmp_path / "bundle.json", ttl=3600)
    rejected = plan.bearer()
    emulator.portal.fault(fields={"access_token": rejected})
    with pytest.raises(CredentialInvalidError, match="minimax-sync login"):
        plan.force_refresh(rejected)
    assert emulator.portal.posts == 1
    assert bundle_at(plan.path).refresh_token.reveal() == latest_pair(emulator)["refresh_token"]


def test_A15_a_dead_refresh_token_is_sent_once_and_then_known(emulator: Emulator, plan: TokenPlan) -> None:
    edit(plan.path, refresh_token="rt-from-nowhere")
    lease = plan.watch()
    for _ in range(1000):
        with pytest.raises(CredentialInvalidError, match="minimax-sync login"):
            plan.bearer()
    for _ in range(3):
        plan._credential._tick()
    assert emulator.portal.posts == 1
    assert plan.status().state == "dead"
    emulator.portal.bundle(plan.path)
    assert plan.bearer() == bundle_at(plan.path).access_token.reveal()
    lease.close()


def test_A15_a_valid_access_token_outlives_its_refresh_token(emulator: Emulator, tmp_path: Path) -> None:
    plan = expired_plan(emulator, tmp_path / "bundle.json", ttl=30)
    edit(plan.path, refresh_token="rt-from-nowhere")
    token = bundle_at(plan.path).access_token.reveal()
    assert [plan.bearer() for _ in range(5)] == [token] * 5
    assert emulator.portal.posts == 1
    with pytest.raises(CredentialInvalidError):
        plan.force_refresh(token)
    assert emulator.portal.posts == 1
