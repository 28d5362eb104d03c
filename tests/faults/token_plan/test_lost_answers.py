"""A8: answers of the token endpoint that are lost on their way."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from support.token_lab import files_beside, latest_pair, workers

from minimax_sync.auth import TokenPlan
from minimax_sync.emulator import Emulator
from minimax_sync.errors import CredentialInvalidError


def test_A8_a_lost_answer_is_asked_for_again_at_once(emulator: Emulator, plan: TokenPlan) -> None:
    emulator.portal.reuse_interval = 10.0
    emulator.portal.fault("lost")
    began = time.monotonic()
    assert plan.bearer() == latest_pair(emulator)["access_token"]
    assert time.monotonic() - began < 1.0
    assert (emulator.portal.posts, emulator.portal.grants, emulator.portal.reused) == (2, 1, 0)
    assert files_beside(plan.path) == []


def test_A8_without_a_reuse_interval_a_lost_answer_ends_the_login_clearly(emulator: Emulator, plan: TokenPlan) -> None:
    emulator.portal.fault("lost")
    for _ in range(3):
        with pytest.raises(CredentialInvalidError, match="minimax-sync login"):
            plan.bearer()
    assert emulator.portal.posts == 2


def test_A8_the_token_is_sent_three_times_at_most_and_later_only_when_nothing_is_left_to_lose(
    emulator: Emulator, path: Path
) -> None:
    emulator.portal.expired_in = "ttl_s"
    old = emulator.portal.bundle(path, ttl=30)["access_token"]
    for _ in range(3):
        emulator.portal.fault("disconnect")
    with workers(1, path, emulator.url) as (process,):
        assert process.ask("bearer")["token"] == old
        assert emulator.portal.posts == 3
        assert files_beside(path) == ["bundle.json.intent"]
        process.ask("warp 20")  # a suspended laptop: the backoff is over, the token still valid
        assert process.ask("bearer")["token"] == old
        assert emulator.portal.posts == 3
        process.ask("warp 20")
        assert process.ask("bearer")["token"] == latest_pair(emulator)["access_token"]
        assert emulator.portal.posts == 4
    assert files_beside(path) == []
