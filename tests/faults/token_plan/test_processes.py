"""Group A, several at once: threads, clients and processes that share one login."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.eventually import eventually
from support.token_lab import (
    at_once,
    bundle_at,
    edit,
    expired_plan,
    files_beside,
    in_seconds,
    latest_pair,
    refreshing,
    workers,
)

from minimax_sync.auth import TokenPlan
from minimax_sync.emulator import Emulator


@pytest.mark.parametrize(("count", "rounds"), [(2, 20), (8, 10), (16, 5)])
def test_A1_processes_that_expire_together_send_one_refresh_per_generation(
    emulator: Emulator, path: Path, count: int, rounds: int
) -> None:
    emulator.portal.expired_in = "ttl_s"
    emulator.portal.bundle(path)
    with workers(count, path, emulator.url) as processes:
        at_once(processes, "bearer")
        for number in range(1, rounds + 1):
            for process in processes:
                process.ask("warp 7300")
            tokens = {answer["token"] for answer in at_once(processes, "bearer")}
            assert tokens == {bundle_at(path).access_token.reveal()}
            assert emulator.portal.grants == emulator.portal.posts == number
    assert emulator.portal.reused == 0


def test_A2_a_refresh_token_that_was_read_before_the_lock_is_not_sent(emulator: Emulator, path: Path) -> None:
    emulator.portal.bundle(path, ttl=-10)
    emulator.portal.latency_after_commit = 0.3
    with refreshing(emulator, path) as (first, second):
        second.send("bearer")  # reads the old pair, then waits for the lock
        assert first.receive()["token"] == second.receive()["token"]
    assert (emulator.portal.posts, emulator.portal.reused) == (1, 0)


def _race(plan: TokenPlan, count: int) -> tuple[list[float], list[object]]:
    barrier = threading.Barrier(count)

    def call(_: int) -> tuple[float, object]:
        barrier.wait()
        began = time.monotonic()
        try:
            result: object = plan.bearer()
        except Exception as error:
            result = error
        return time.monotonic() - began, result

    with ThreadPoolExecutor(count) as pool:
        seconds, results = zip(*pool.map(call, range(count)), strict=True)
    return list(seconds), list(results)


def test_A3_thirty_threads_at_an_expired_token_wait_for_one_refresh(emulator: Emulator, plan: TokenPlan) -> None:
    emulator.portal.latency_after_commit = 0.05
    seconds, tokens = _race(plan, 30)
    assert emulator.portal.posts == 1
    assert set(tokens) == {bundle_at(plan.path).access_token.reveal()}
    assert max(seconds) < 2


def test_A3_only_the_first_waits_while_the_old_token_is_valid(emulator: Emulator, tmp_path: Path) -> None:
    others_done = threading.Event()
    emulator.portal.on_stage = lambda stage, _: others_done.wait(20) if stage == "received" else None
    plan = expired_plan(emulator, tmp_path / "bundle.json", ttl=30)
    old = bundle_at(plan.path).access_token.reveal()
    with ThreadPoolExecutor(30) as pool:
        calls = [pool.submit(plan.bearer) for _ in range(30)]
        eventually(lambda: sum(call.done() for call in calls) == 29)
        others_done.set()
    assert [call.result() for call in calls].count(old) == 29
    assert emulator.portal.posts == 1


def test_A3_a_failing_endpoint_is_asked_once_and_fails_for_all(emulator: Emulator, plan: TokenPlan) -> None:
    for _ in range(5):
        emulator.portal.fault(status=503)
    _, errors = _race(plan, 30)
    assert emulator.portal.posts == 1
    assert {type(error).__name__ for error in errors} == {"ServerError"}
    assert len({id(error) for error in errors}) == 30


def test_A4_stragglers_with_the_old_token_cost_no_refresh(emulator: Emulator, tmp_path: Path) -> None:
    plan = expired_plan(emulator, tmp_path / "bundle.json", ttl=3600)
    old = plan.bearer()
    emulator.portal.expire_access()

    def straggle(number: int) -> str:
        time.sleep(number * 0.01)
        return plan.force_refresh(old)

    with ThreadPoolExecutor(20) as pool:
        tokens = set(pool.map(straggle, range(20)))
    assert emulator.portal.posts == 1
    assert tokens == {plan.bearer()} != {old}


def test_A5_a_token_that_is_rejected_an_hour_early_is_refreshed(emulator: Emulator, tmp_path: Path) -> None:
    plan = expired_plan(emulator, tmp_path / "bundle.json", ttl=3600)
    old = plan.bearer()
    emulator.portal.revoke_access(old)
    new = plan.force_refresh(old)
    assert emulator.portal.accepts(new)
    assert (emulator.portal.posts, plan.bearer()) == (1, new)
    emulator.portal.revoke_access(new)
    assert emulator.portal.accepts(plan.force_refresh(new))  # also within the 30 s between unforced refreshes
    assert emulator.portal.posts == 2


def test_A20_processes_that_watch_one_login_refresh_it_once(emulator: Emulator, path: Path) -> None:
    emulator.portal.expired_in = "ttl_s"
    emulator.portal.bundle(path, ttl=3600)
    with workers(4, path, emulator.url) as processes:
        at_once(processes, "bearer")
        for process in processes:
            process.ask("warp 3538")
            process.ask("watch")  # 62 s are left: the margin, and the up to 5 s that each is early
        eventually(lambda: emulator.portal.posts >= 1, 10)
        tokens = {answer["token"] for answer in at_once(processes, "bearer")}
        eventually(lambda: bundle_at(path).access_token.reveal() == latest_pair(emulator)["access_token"])
        assert emulator.portal.posts == 1
        assert len(tokens) <= 2  # the old one is valid to its end


def test_A21_waiters_do_not_go_on_without_the_lock_of_a_stopped_holder(emulator: Emulator, path: Path) -> None:
    emulator.portal.bundle(path, ttl=-10)
    emulator.portal.latency_before_commit = 0.3
    with refreshing(emulator, path) as (holder, waiter):
        holder.signal(signal.SIGSTOP)
        answer = waiter.ask("bearer 0.6")
        assert answer["error"] == "CallTimeoutError"
        assert emulator.portal.posts == 1
        holder.signal(signal.SIGCONT)
        token = holder.receive()["token"]
        assert waiter.ask("bearer")["token"] == token
    assert (emulator.portal.posts, emulator.portal.reused) == (1, 0)


def test_A21_waiters_with_a_valid_token_use_it(emulator: Emulator, path: Path) -> None:
    old = emulator.portal.bundle(path, ttl=30)["access_token"]
    emulator.portal.latency_before_commit = 0.3
    with refreshing(emulator, path) as (holder, waiter):
        holder.signal(signal.SIGSTOP)
        answer = waiter.ask("bearer")
        assert answer["token"] == old
        assert answer["seconds"] < 3
        holder.signal(signal.SIGCONT)
        assert holder.receive()["token"] != old


@pytest.mark.parametrize(("clients", "threads"), [(2, 1), (50, 16)])
def test_A27_clients_of_one_bundle_share_it_without_locking_each_other_out(
    emulator: Emulator, path: Path, tmp_path: Path, clients: int, threads: int
) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    spellings = [path, tmp_path / "link" / "bundle.json", tmp_path / "." / "bundle.json"]
    emulator.portal.bundle(path, ttl=-10)
    plans = [TokenPlan(spellings[n % 3], base_url=emulator.url) for n in range(clients)]
    with ThreadPoolExecutor(threads) as pool:
        tokens = list(pool.map(lambda plan: plan.bearer(5.0), plans))
    assert len(tokens) == clients
    assert len(set(tokens)) == emulator.portal.posts == 1


def test_A14_invalid_grant_after_another_process_stored_a_newer_pair_adopts_it(
    emulator: Emulator, plan: TokenPlan
) -> None:
    newer = emulator.portal.issue()

    def store_newer(stage: str, request: object) -> None:
        if stage == "received":
            edit(plan.path, **{**newer, "expires_at": in_seconds(3600)})

    emulator.portal.on_stage = store_newer
    emulator.portal.fault(status=400, body={"base_resp": {"status_code": 1, "status_msg": "invalid_grant"}})
    assert plan.bearer() == newer["access_token"]
    assert bundle_at(plan.path).refresh_token.reveal() == newer["refresh_token"]
    assert emulator.portal.posts == 1
    assert files_beside(plan.path) == []
