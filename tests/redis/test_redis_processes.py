"""Processes, as on many hosts, that share one login in Redis: no refresh token is ever spent twice."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from support.eventually import eventually
from support.redis_bundle import bundle_in, keep, lease_runs_out, state_of
from support.redis_server import RedisServer
from support.token_lab import at_once, refreshing, workers

from minimax_sync.emulator import Emulator


@pytest.mark.parametrize(("count", "rounds"), [(2, 10), (8, 5), (16, 2)])
def test_A1_processes_that_expire_together_send_one_refresh_per_generation(
    emulator: Emulator, server: RedisServer, count: int, rounds: int
) -> None:
    emulator.portal.expired_in = "ttl_s"
    keep(emulator, server)
    with workers(count, server.bundle, emulator.url) as processes:
        at_once(processes, "bearer")
        for number in range(1, rounds + 1):
            for process in processes:
                process.ask("warp 7300")
            tokens = {answer["token"] for answer in at_once(processes, "bearer")}
            assert tokens == {bundle_in(server)["access_token"]}
            assert emulator.portal.grants == emulator.portal.posts == number
    assert emulator.portal.reused == 0


def test_A2_a_refresh_token_that_was_read_before_the_lease_is_not_sent(emulator: Emulator, server: RedisServer) -> None:
    keep(emulator, server, ttl=-10)
    emulator.portal.latency_after_commit = 0.3
    with refreshing(emulator, server.bundle) as (first, second):
        second.send("bearer")  # reads the old pair, then waits for the lease
        assert first.receive()["token"] == second.receive()["token"]
    assert (emulator.portal.posts, emulator.portal.reused) == (1, 0)


def test_A4_a_401_that_many_processes_meet_costs_one_refresh(emulator: Emulator, server: RedisServer) -> None:
    keep(emulator, server)
    with workers(8, server.bundle, emulator.url) as processes:
        at_once(processes, "bearer")
        emulator.portal.expire_access()
        assert len({answer["token"] for answer in at_once(processes, "force @")}) == 1
    assert (emulator.portal.posts, emulator.portal.reused) == (1, 0)


def test_A22_when_the_holder_is_killed_the_others_wait_for_the_end_of_its_lease(
    emulator: Emulator, server: RedisServer
) -> None:
    keep(emulator, server, ttl=-10)
    emulator.portal.latency_before_commit = 60
    with refreshing(emulator, server.bundle) as (holder, waiter):
        holder.kill()
        assert 25 < float(state_of(server)["lease_until"]) - float(state_of(server)["intent_at"]) <= 30
        early = waiter.ask("bearer 0.5")
        assert early["error"] == "CallTimeoutError"
        assert emulator.portal.posts == 1
        emulator.portal.latency_before_commit = 0
        lease_runs_out(server)
        assert waiter.ask("bearer 10")["token"] == bundle_in(server)["access_token"]
    assert (emulator.portal.posts, emulator.portal.reused) == (2, 0)
    assert list(state_of(server)) == ["stored_at"]


def test_A7_a_kill_after_the_portal_answered_is_reported_with_host_and_process(
    emulator: Emulator, server: RedisServer
) -> None:
    keep(emulator, server, ttl=-10)
    emulator.portal.latency_after_commit = 60
    with refreshing(emulator, server.bundle) as (holder, waiter):
        eventually(lambda: emulator.portal.grants == 1)
        holder.kill()
        emulator.portal.latency_after_commit = 0
        lease_runs_out(server)
        answer = waiter.ask("bearer")
        assert answer["error"] == "CredentialInvalidError"
        assert f"process {holder.pid} at " in answer["message"]
        assert " on " in answer["message"]
        assert "Run minimax-sync login" in answer["message"]
        posts = emulator.portal.posts
        assert waiter.ask("bearer")["error"] == "CredentialInvalidError"
        assert emulator.portal.posts == posts == 2


def test_A7_a_portal_that_forgives_a_prompt_reuse_gives_the_pair_to_the_next_process(
    emulator: Emulator, server: RedisServer
) -> None:
    keep(emulator, server, ttl=-10)
    emulator.portal.reuse_interval = 10
    emulator.portal.latency_after_commit = 60
    with refreshing(emulator, server.bundle) as (holder, waiter):
        eventually(lambda: emulator.portal.grants == 1)
        holder.kill()
        emulator.portal.latency_after_commit = 0
        lease_runs_out(server)
        assert waiter.ask("bearer")["token"] == bundle_in(server)["access_token"]
    assert emulator.portal.reused == 0


def test_A21_a_stopped_holder_is_waited_for_while_its_lease_lasts(emulator: Emulator, server: RedisServer) -> None:
    keep(emulator, server, ttl=-10)
    emulator.portal.latency_before_commit = 0.3
    with refreshing(emulator, server.bundle) as (holder, waiter):
        holder.signal(signal.SIGSTOP)
        assert waiter.ask("bearer 0.6")["error"] == "CallTimeoutError"
        assert emulator.portal.posts == 1
        holder.signal(signal.SIGCONT)
        assert holder.receive()["token"] == waiter.ask("bearer")["token"]
    assert (emulator.portal.posts, emulator.portal.reused) == (1, 0)


@pytest.mark.parametrize("durable", [True, False])
def test_redis_is_killed_and_restarted_while_a_refresh_is_under_way(tmp_path: Path, durable: bool) -> None:
    with RedisServer(tmp_path, durable=durable) as server, Emulator() as emulator:
        emulator.portal.expired_in = "ttl_s"
        keep(emulator, server, ttl=-10)
        with workers(8, server.bundle, emulator.url) as processes:
            at_once(processes, "bearer")
            emulator.portal.latency_before_commit = 0.4
            for process in processes:
                process.ask("warp 7300")
                process.send("bearer")
            eventually(lambda: emulator.portal.posts == 2)
            server.restart()
            answers = [process.receive() for process in processes]
        assert [answer.get("token", answer) for answer in answers] == [bundle_in(server)["access_token"]] * 8
        assert (emulator.portal.posts, emulator.portal.reused) == (2, 0)


def test_A48_a_forked_child_goes_on_over_a_connection_of_its_own(emulator: Emulator, server: RedisServer) -> None:
    keep(emulator, server)
    with workers(1, server.bundle, emulator.url) as (process,):
        process.ask("bearer")
        process.ask("warp 7300")
        token = process.ask("fork bearer")["token"]
        assert process.ask("bearer")["token"] == token == bundle_in(server)["access_token"]
    assert (emulator.portal.posts, emulator.portal.reused) == (1, 0)
