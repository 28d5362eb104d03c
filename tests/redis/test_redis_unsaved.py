"""A pair of tokens that Redis refused to store is kept in memory, stored later, and not spent twice."""

from __future__ import annotations

import threading

import pytest
from support.eventually import eventually
from support.redis_bundle import bundle_in, expired_plan
from support.redis_server import RedisServer
from support.token_lab import separate_plan

from minimax_sync.auth import TokenPlan, single_flight
from minimax_sync.emulator import Emulator
from minimax_sync.errors import CallTimeoutError


def refuse_writes(server: RedisServer, *, refuse: bool = True) -> bool:
    """Let Redis answer reads alone, as one that has lost its replicas or its memory does."""
    with server.client() as client:
        return bool(client.config_set("min-replicas-to-write", int(refuse)))


def lease_expires(server: RedisServer) -> None:
    with server.client() as client:
        client.hset(f"{server.key}:state", "lease_until", "1")


@pytest.mark.parametrize("expired", [False, True])
def test_A9_others_wait_for_a_pair_that_redis_refused_also_after_a_longer_outage_than_the_lease(
    emulator: Emulator, mortal: RedisServer, monkeypatch: pytest.MonkeyPatch, expired: bool
) -> None:
    def outage(stage: str, _: object) -> None:
        if stage == "committed":
            if expired:
                lease_expires(mortal)
            refuse_writes(mortal)

    monkeypatch.setattr(single_flight, "_RETRY_STORE", 1.0)
    plan = expired_plan(emulator, mortal)
    emulator.portal.on_stage = outage
    token = plan.bearer()
    plan._credential._tick()
    assert plan._credential.refresh.unsaved  # it is not forgotten while it cannot be stored
    assert plan.bearer() == token
    other = separate_plan(mortal.bundle, emulator.url)
    tokens: list[str] = []
    waiter = threading.Thread(target=lambda: tokens.append(other.bearer()))
    refuse_writes(mortal, refuse=False)
    waiter.start()
    assert eventually(lambda: bundle_in(mortal)["access_token"] == token)
    waiter.join(20)
    assert tokens == [token]
    assert eventually(lambda: not plan._credential.refresh.unsaved)
    assert (emulator.portal.posts, emulator.portal.reused) == (1, 0)


def test_A7_after_the_lease_of_a_killed_process_the_others_wait_once_more_for_its_pair(
    emulator: Emulator, plan: TokenPlan, server: RedisServer
) -> None:
    store = plan._credential.store
    snapshot = store.read()
    assert snapshot is not None
    assert store.try_lock() is not None
    store.prepare(snapshot, None)
    lease_expires(server)
    with pytest.raises(CallTimeoutError):
        separate_plan(server.bundle, emulator.url).bearer(0.5)
    assert emulator.portal.posts == 0
    lease_expires(server)
    assert eventually(lambda: separate_plan(server.bundle, emulator.url).bearer(5.0))
    assert emulator.portal.posts == 1
