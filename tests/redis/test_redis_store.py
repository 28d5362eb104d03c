"""A Token Plan bundle in Redis: what it holds, what can go wrong, and that nothing is sent that cannot be kept."""

from __future__ import annotations

import logging
import pickle
import time
from pathlib import Path

import pytest
from support.eventually import eventually
from support.redis_bundle import bundle_in, expired_plan, keep, lease_runs_out, put, state_of
from support.redis_server import RedisServer
from support.run_python import run_python
from support.token_lab import in_seconds, separate_plan

from minimax_sync import BundleError, ConfigError, CredentialInvalidError, MiniMaxClient, TokenPlan, login, logout
from minimax_sync.auth.clock import SystemClock
from minimax_sync.auth.interfaces import locked
from minimax_sync.auth.redis_store import RedisStore
from minimax_sync.emulator import Emulator
from minimax_sync.errors import TransportError
from minimax_sync.secret import StoreUrl


def test_the_value_is_the_text_of_the_file_and_unknown_keys_are_kept(
    emulator: Emulator, plan: TokenPlan, server: RedisServer
) -> None:
    put(server, note="mine")
    token = plan.bearer()
    stored = bundle_in(server)
    assert list(stored) == ["access_token", "refresh_token", "expires_at", "region", "note"]
    assert (stored["access_token"], stored["note"]) == (token, "mine")
    assert emulator.portal.current is not None
    assert stored["refresh_token"] == emulator.portal.current["refresh_token"]
    assert list(state_of(server)) == ["stored_at"]
    written = plan.status().refreshed_at
    assert written is not None
    assert abs(written.timestamp() - time.time()) < 5


def test_a_client_uses_the_bundle_and_another_host_adopts_what_it_stored(
    emulator: Emulator, server: RedisServer
) -> None:
    expired_plan(emulator, server)
    other = separate_plan(server.bundle, emulator.url)
    with MiniMaxClient(bundle=server.bundle, base_url=emulator.anthropic_base_url) as client:
        assert client.chat("hi").text
        assert client.chat("hi").text
    assert other.bearer() == bundle_in(server)["access_token"]
    assert emulator.portal.posts == 1


def test_login_and_logout(emulator: Emulator, server: RedisServer) -> None:
    emulator.portal.interval_ms = 10
    done = login(emulator.url, bundle=server.bundle, on_code=lambda *_: None)
    assert done.bundle == server.bundle
    plan = TokenPlan(server.bundle, base_url=emulator.url)
    assert plan.bearer() == bundle_in(server)["access_token"]
    assert logout(server.bundle)
    assert not logout(server.bundle)
    assert plan.status().state == "missing"
    with server.client() as client:
        assert client.keys(f"{server.key}*") == [f"{server.key}:state"]
        assert client.ttl(f"{server.key}:state") > 29 * 86400


def test_a_login_that_could_not_be_stored_is_refused_before_the_user_is_asked(
    emulator: Emulator, mortal: RedisServer
) -> None:
    with mortal.client() as client:
        client.replicaof("127.0.0.1", "1")
    with pytest.raises(BundleError, match="read-only replica"):
        login(emulator.url, bundle=mortal.bundle, on_code=lambda *_: None)
    assert emulator.journal == []


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (("CONFIG", "SET", "maxmemory", "1"), r"it is out of memory \(OOM\)"),
        (("REPLICAOF", "127.0.0.1", "1"), r"it is a read-only replica \(READONLY\)"),
        (("ACL", "SETUSER", "default", "-set"), r"its user may not do this \(NOPERM\)"),
    ],
)
def test_what_could_not_be_stored_is_not_asked_for(
    emulator: Emulator, mortal: RedisServer, command: tuple[str, ...], reason: str
) -> None:
    plan = expired_plan(emulator, mortal, ttl=30)
    valid = bundle_in(mortal)["access_token"]
    with mortal.client() as client:
        client.execute_command(*command)
    assert plan.bearer() == valid
    with pytest.raises(BundleError, match=reason):
        plan.force_refresh(valid)
    assert emulator.portal.posts == 0


def test_an_unreachable_redis_is_reported_and_a_valid_token_still_serves(
    emulator: Emulator, mortal: RedisServer
) -> None:
    plan = expired_plan(emulator, mortal, ttl=300)
    token = plan.bearer()
    mortal.kill()
    assert plan.bearer() == token
    with pytest.raises(BundleError, match=rf"the Token Plan bundle {mortal.bundle}: Redis: no connection"):
        plan.force_refresh(token)
    with pytest.raises(BundleError, match="no connection"):
        MiniMaxClient(bundle=mortal.bundle, base_url=emulator.anthropic_base_url)
    assert emulator.portal.posts == 0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"access_token": "a"}', "\udcff"])
def test_an_invalid_bundle_is_reported_and_left_unchanged(server: RedisServer, text: str) -> None:
    raw = text.encode("utf-8", "surrogateescape")
    with server.client() as client:
        client.set(server.key, raw)
    with pytest.raises(BundleError, match="cannot read the Token Plan bundle"):
        TokenPlan(server.bundle).bearer()
    with server.client() as client:
        assert client.execute_command("STRLEN", server.key) == len(raw)


def test_without_a_bundle_the_error_names_the_login(server: RedisServer) -> None:
    with pytest.raises(CredentialInvalidError, match=f"no Token Plan bundle at {server.bundle}: run"):
        TokenPlan(server.bundle).bearer()


@pytest.mark.parametrize("wrong", ["redis://h:6379/0", "redis://h:6379", "unix:///run/redis.sock"])
def test_a_url_without_a_name_is_a_config_error(wrong: str) -> None:
    with pytest.raises(ConfigError, match="names no bundle"):
        TokenPlan(wrong)


def test_a_password_is_shown_nowhere_and_not_pickled(server: RedisServer) -> None:
    secret = server.bundle.replace("redis://", "redis://user:hidden@")
    plan = TokenPlan(secret)
    with pytest.raises(BundleError) as caught:
        plan.bearer()
    for shown in (repr(plan), str(plan.status()), str(caught.value)):
        assert "hidden" not in shown
    with pytest.raises(ConfigError, match="password cannot be pickled"):
        pickle.dumps(plan)
    assert repr(pickle.loads(pickle.dumps(TokenPlan(server.bundle)))) == f"TokenPlan('{server.bundle}')"


def test_another_login_during_the_refresh_wins(emulator: Emulator, plan: TokenPlan, server: RedisServer) -> None:
    emulator.portal.on_stage = lambda stage, _: stage == "committed" and keep(emulator, server)
    token = plan.bearer()
    emulator.portal.on_stage = None
    assert token == bundle_in(server)["access_token"]
    assert emulator.portal.generation == 0


def test_an_edit_during_the_refresh_is_kept(emulator: Emulator, plan: TokenPlan, server: RedisServer) -> None:
    emulator.portal.on_stage = lambda stage, _: stage == "committed" and put(server, note="edited")
    token = plan.bearer()
    assert (bundle_in(server)["access_token"], bundle_in(server)["note"]) == (token, "edited")


def test_a_logout_during_the_refresh_is_final(emulator: Emulator, plan: TokenPlan, server: RedisServer) -> None:

    def remove(stage: str, _: object) -> None:
        if stage == "committed":
            with server.client() as client:
                client.delete(server.key)

    emulator.portal.on_stage = remove
    token = plan.bearer()
    assert plan.bearer() == token
    assert plan.status().state == "missing"


def test_nothing_is_sent_without_the_lease(emulator: Emulator, server: RedisServer) -> None:
    expired_plan(emulator, server)
    store, other = (RedisStore(StoreUrl(server.bundle)) for _ in range(2))
    snapshot = store.read()
    assert snapshot is not None
    with locked(store, SystemClock()):
        assert other.try_lock() is None
        lease_runs_out(server)
        with locked(other, SystemClock()):
            with pytest.raises(TransportError, match="lost the lease"):
                store.prepare(snapshot)
            other.prepare(snapshot).discard_intent()
    assert other.try_lock() is not None


def test_what_redis_has_lost_is_stored_again_but_not_refreshed_at_once(
    emulator: Emulator, plan: TokenPlan, server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    token = plan.bearer()
    before = bundle_in(server)
    with server.client() as client:
        client.flushall()
    caplog.set_level(logging.WARNING, "minimax_sync")
    assert plan.status().state == "fresh"
    assert bundle_in(server) == before
    assert f"Redis had lost the Token Plan bundle {server.bundle}; it has been restored" in caplog.messages
    assert RedisStore(StoreUrl(server.bundle)).try_lock() is None  # somebody's POST may still be under way
    lease_runs_out(server)
    assert plan.force_refresh(token) != token
    assert emulator.portal.reused == 0


def test_an_older_copy_that_redis_came_back_with_is_replaced(
    emulator: Emulator, plan: TokenPlan, server: RedisServer
) -> None:
    plan.bearer()
    state = state_of(server)
    with server.client() as client:
        text = str(client.get(server.key))
        token = plan.force_refresh(plan.bearer())
        client.set(server.key, text)
        client.hset(f"{server.key}:state", mapping=dict(state))
    assert plan.status().state == "fresh"
    assert bundle_in(server)["access_token"] == token
    assert emulator.portal.reused == 0


def test_a_login_after_a_loss_is_not_overwritten_by_what_others_remember(
    emulator: Emulator, plan: TokenPlan, server: RedisServer
) -> None:
    emulator.portal.interval_ms = 10
    plan.bearer()
    with server.client() as client:
        client.flushall()
    login(emulator.url, bundle=server.bundle, on_code=lambda *_: None)
    new = bundle_in(server)["access_token"]
    plan.status()
    assert bundle_in(server)["access_token"] == new


@pytest.mark.parametrize("durable", [True, False])
def test_a_pair_that_came_while_redis_was_away_is_stored_when_it_is_back(tmp_path: Path, durable: bool) -> None:
    with RedisServer(tmp_path, durable=durable) as server, Emulator() as emulator:
        plan = expired_plan(emulator, server)
        lease = plan.watch()
        emulator.portal.on_stage = lambda stage, _: _kill(stage, server)
        token = plan.bearer()
        assert emulator.portal.posts == 1
        server.start()
        eventually(lambda: _is_stored(server, token), timeout=10)
        assert emulator.portal.posts == 1
        assert separate_plan(server.bundle, emulator.url).bearer() == token
        lease.close()


def _kill(stage: str, server: RedisServer) -> None:
    if stage == "committed":
        server.kill()


def _is_stored(server: RedisServer, token: str) -> bool:
    with server.client() as client:
        return bool(client.exists(server.key)) and bundle_in(server)["access_token"] == token


def test_a_missing_redis_package_is_named_with_what_to_install() -> None:
    script = (
        "import sys; sys.modules['redis'] = None\n"
        "from minimax_sync import *\n"
        "try: TokenPlan('redis://127.0.0.1:1/0/plan')\n"
        "except ConfigError as error: print(error)"
    )
    needed = 'bundle: a redis:// URL needs the package redis: pip install "minimax-sync[redis]"'
    assert needed in run_python(script)


def test_a_bundle_in_a_file_does_not_load_redis(emulator: Emulator, tmp_path: Path) -> None:
    emulator.portal.bundle(tmp_path / "bundle.json")
    script = "import sys; from minimax_sync import *; TokenPlan(sys.argv[1]).bearer(); print('redis' in sys.modules)"
    assert run_python(script, tmp_path / "bundle.json") == "False"


def test_expiry_is_read_as_from_a_file(emulator: Emulator, server: RedisServer) -> None:
    plan = expired_plan(emulator, server, ttl=7200)
    plan.bearer()
    put(server, expires_at=in_seconds(-5))
    assert plan.status().state == "expired"
