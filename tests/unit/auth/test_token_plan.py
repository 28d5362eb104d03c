from __future__ import annotations

import copy
import gc
import logging
import pickle
import time
from pathlib import Path

import pytest
from support.eventually import eventually
from support.run_python import run_python

from minimax_sync import MiniMaxClient
from minimax_sync.auth import Auth, Refreshed, TokenPlan
from minimax_sync.emulator import Emulator
from minimax_sync.errors import BundleError, CallTimeoutError, CredentialInvalidError
from minimax_sync.hooks.events import Event, TokenRefreshed


def _plan(emulator: Emulator, folder: Path, ttl: float) -> TokenPlan:
    emulator.portal.bundle(folder / "bundle.json", ttl=ttl)
    return TokenPlan(folder / "bundle.json", base_url=emulator.url)


@pytest.mark.parametrize(("ttl", "posts"), [(65, 0), (55, 1)])
def test_a_token_is_due_at_its_margin_of_60_seconds(emulator: Emulator, tmp_path: Path, ttl: float, posts: int) -> None:
    plan: Auth = _plan(emulator, tmp_path, ttl)
    plan.bearer()
    assert emulator.portal.posts == posts


def test_a_fresh_token_costs_no_lock_and_no_file(emulator: Emulator, tmp_path: Path) -> None:
    plan = _plan(emulator, tmp_path, 3600)
    token = plan.bearer()
    plan.path.unlink()
    plan._credential._mutex.acquire()
    assert plan.bearer() == token
    plan._credential._mutex.release()
    assert not Path(f"{plan.path}.lock").exists()


def test_a_new_plan_reads_the_login_that_is_in_the_file_now(emulator: Emulator, tmp_path: Path) -> None:
    first = _plan(emulator, tmp_path, 3600)
    before = first.bearer()
    second = _plan(emulator, tmp_path, 3600)  # logged in again meanwhile
    assert second.bearer() == first.bearer() != before
    assert emulator.portal.posts == 0


def test_a_fresh_token_is_handed_out_in_well_under_a_microsecond(emulator: Emulator, tmp_path: Path) -> None:
    plan = _plan(emulator, tmp_path, 3600)
    plan.bearer()
    best = 1.0
    for _ in range(20):
        began = time.perf_counter()
        for _ in range(1000):
            plan.bearer()
        best = min(best, (time.perf_counter() - began) / 1000)
    assert best < 2e-6  # about 0.15 on a quiet machine


def test_a_callers_timeout_ends_the_wait_and_not_the_refresh(emulator: Emulator, tmp_path: Path) -> None:
    emulator.portal.latency_after_commit = 0.05
    plan = _plan(emulator, tmp_path, -10)
    with pytest.raises(CallTimeoutError):
        plan.bearer(0.01)
    token = plan.bearer()
    assert emulator.portal.accepts(token)
    assert emulator.portal.posts == 1


FIRST_REFRESH = """
import sys
from minimax_sync import TokenPlan
plan = TokenPlan(sys.argv[1], base_url=sys.argv[2])
loaded = set(sys.modules)
plan.bearer()
print(*set(sys.modules) - loaded)
"""


def test_the_first_refresh_of_a_process_waits_for_no_import(emulator: Emulator, tmp_path: Path) -> None:
    emulator.portal.bundle(tmp_path / "bundle.json", ttl=-10)
    assert not run_python(FIRST_REFRESH, tmp_path / "bundle.json", emulator.url)
    assert emulator.portal.posts == 1


def test_a_missing_bundle_is_an_error_with_the_command_that_makes_one(tmp_path: Path) -> None:
    plan = TokenPlan(tmp_path / "none" / "bundle.json")
    with pytest.raises(CredentialInvalidError, match="minimax-sync login"):
        plan.bearer()
    with pytest.raises(CredentialInvalidError, match="minimax-sync login"):
        plan.force_refresh("at-1")
    assert plan.status().state == "missing"


def test_plans_pickle_and_copy_by_path(emulator: Emulator, tmp_path: Path) -> None:
    plan = _plan(emulator, tmp_path, 3600)
    token = plan.bearer()
    pickled = pickle.dumps(plan)
    assert token.encode() not in pickled
    for twin in (pickle.loads(pickled), copy.copy(plan), copy.deepcopy(plan)):
        assert twin._credential is plan._credential
        assert twin.bearer() == token
    assert token not in repr(plan)


def test_listeners_are_called_after_refreshes_and_held_weakly(emulator: Emulator, tmp_path: Path) -> None:
    class Listener:
        def __init__(self) -> None:
            self.heard: list[Refreshed] = []

        def hear(self, news: Refreshed) -> None:
            self.heard.append(news)
            raise RuntimeError("a listener's own fault")

    plan = _plan(emulator, tmp_path, -10)
    listener, gone = Listener(), Listener()
    for each in (listener, gone):
        plan.subscribe(each.hear)
    heard = gone.heard
    del gone, each
    gc.collect()
    plan.bearer()
    emulator.portal.fault(status=500)
    with pytest.raises(Exception, match="500"):
        plan.force_refresh(plan.bearer())
    while len(listener.heard) < 2:
        time.sleep(0.001)
    assert [(news.outcome, news.forced) for news in listener.heard] == [("refreshed", False), ("failed", True)]
    assert listener.heard[0].seconds >= 0
    assert heard == []


def test_an_unforced_refresh_costs_no_second_one_within_30_seconds(emulator: Emulator, tmp_path: Path) -> None:
    emulator.portal.access_ttl = -100.0  # a portal whose clock is wrong: every token is over when it comes
    emulator.portal.expired_in = "epoch_s"
    plan = _plan(emulator, tmp_path, -10)
    tokens = {plan.bearer() for _ in range(20)}
    assert len(tokens) == emulator.portal.posts == 1


def test_a_directory_in_the_bundles_place_is_an_error_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=str(tmp_path)):
        TokenPlan(tmp_path).bearer()


@pytest.mark.parametrize("forced", [True, False])
def test_a_hook_knows_whether_a_401_forced_the_refresh(emulator: Emulator, tmp_path: Path, forced: bool) -> None:
    plan = _plan(emulator, tmp_path, 3600 if forced else -10)
    if forced:
        emulator.portal.expire_access()
    events: list[Event] = []
    with MiniMaxClient(auth=plan, base_url=emulator.anthropic_base_url, hooks=[events.append]) as client:
        client.chat("hello")
        eventually(lambda: any(isinstance(event, TokenRefreshed) for event in events))
    assert [event.forced for event in events if isinstance(event, TokenRefreshed)] == [forced]


def test_a_refresh_is_logged_at_info_without_a_token(
    emulator: Emulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan = _plan(emulator, tmp_path, -10)
    with caplog.at_level(logging.DEBUG, "minimax_sync"):
        token = plan.bearer()
    assert [record.getMessage()[:37] for record in caplog.records if record.levelno == logging.INFO] == [
        "the Token Plan login was refreshed af"
    ]
    assert token not in caplog.text
