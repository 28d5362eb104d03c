"""Group A, what the token endpoint answers: refusals, failures, rubbish, nothing at all, too much, and redirects."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from token_lab import bundle_at, edit, eventually, expire, expired_plan, latest_pair, neighbours, run_python, workers

from minimax_sync import MiniMaxClient, endpoints
from minimax_sync.auth import TokenPlan
from minimax_sync.auth.grant import Grant, decode_answer
from minimax_sync.auth.instants import expiry
from minimax_sync.emulator import Emulator
from minimax_sync.errors import (
    ConfigError,
    CredentialInvalidError,
    LlmError,
    ResponseFormatError,
    ServerError,
    TransportError,
)
from minimax_sync.secret import Secret

NOW = 1_800_000_000.0


def test_A15_a_dead_refresh_token_is_sent_once_and_then_known(tmp_path: Path) -> None:
    with Emulator() as emulator:
        plan = expired_plan(emulator, tmp_path / "bundle.json")
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


def test_A15_a_valid_access_token_outlives_its_refresh_token(tmp_path: Path) -> None:
    with Emulator() as emulator:
        plan = expired_plan(emulator, tmp_path / "bundle.json", ttl=30)
        edit(plan.path, refresh_token="rt-from-nowhere")
        token = bundle_at(plan.path).access_token.reveal()
        assert [plan.bearer() for _ in range(5)] == [token] * 5
        assert emulator.portal.posts == 1
        with pytest.raises(CredentialInvalidError):
            plan.force_refresh(token)
        assert emulator.portal.posts == 1


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
def test_A16_a_failure_of_the_endpoint_keeps_every_token(tmp_path: Path, failure: dict[str, Any]) -> None:
    with Emulator() as emulator:
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
        assert neighbours(plan.path) == []


def test_A16_no_connection_is_transient_and_tried_again_after_the_backoff(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Emulator() as emulator:
        plan = expired_plan(emulator, tmp_path / "bundle.json")
        edit(plan.path, region=f"http://127.0.0.1:{port}")
        plan = TokenPlan(plan.path, base_url=f"http://127.0.0.1:{port}")
        with pytest.raises(TransportError) as caught:
            plan.bearer()
        assert not isinstance(caught.value, ResponseFormatError)
        assert neighbours(plan.path) == []
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
def test_A17_a_200_that_is_no_grant_touches_nothing(tmp_path: Path, document: Any) -> None:
    with Emulator() as emulator:
        plan = expired_plan(emulator, tmp_path / "bundle.json")
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
    outcome = decode_answer(status, {}, json.dumps(document).encode(), Secret("rt-spent"), NOW)
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
def test_A18_each_form_of_expired_in_arrives_in_the_file(tmp_path: Path, form: str) -> None:
    with Emulator() as emulator:
        emulator.portal.expired_in = form
        plan = expired_plan(emulator, tmp_path / "bundle.json")
        plan.bearer()
        left = bundle_at(plan.path).expires_at - datetime.now(timezone.utc)
        assert timedelta(seconds=7190) < left < timedelta(seconds=7202)


def test_A19_an_answer_without_a_refresh_token_keeps_the_old_one(tmp_path: Path) -> None:
    with Emulator() as emulator:
        plan = expired_plan(emulator, tmp_path / "bundle.json")
        before = bundle_at(plan.path)
        emulator.portal.fault(fields={"refresh_token": None})
        assert plan.bearer() != before.access_token.reveal()
        assert bundle_at(plan.path).refresh_token == before.refresh_token
        assert plan.force_refresh(plan.bearer())
        assert (emulator.portal.posts, emulator.portal.reused) == (2, 0)


def test_A8_a_lost_answer_is_asked_for_again_at_once(tmp_path: Path) -> None:
    with Emulator() as emulator:
        emulator.portal.reuse_interval = 10.0
        plan = expired_plan(emulator, tmp_path / "bundle.json")
        emulator.portal.fault("lost")
        began = time.monotonic()
        assert plan.bearer() == latest_pair(emulator)["access_token"]
        assert time.monotonic() - began < 1.0
        assert (emulator.portal.posts, emulator.portal.grants, emulator.portal.reused) == (2, 1, 0)
        assert neighbours(plan.path) == []


def test_A8_without_a_reuse_interval_a_lost_answer_ends_the_login_clearly(tmp_path: Path) -> None:
    with Emulator() as emulator:
        plan = expired_plan(emulator, tmp_path / "bundle.json")
        emulator.portal.fault("lost")
        for _ in range(3):
            with pytest.raises(CredentialInvalidError, match="minimax-sync login"):
                plan.bearer()
        assert emulator.portal.posts == 2


def test_A8_the_token_is_sent_three_times_at_most_and_later_only_when_nothing_is_left_to_lose(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    with Emulator() as emulator:
        emulator.portal.expired_in = "ttl_s"
        old = emulator.portal.bundle(path, ttl=30)["access_token"]
        for _ in range(3):
            emulator.portal.fault("disconnect")
        with workers(1, path, emulator.url) as (process,):
            assert process.ask("bearer")["token"] == old
            assert emulator.portal.posts == 3
            assert neighbours(path) == ["bundle.json.intent"]
            process.ask("warp 20")  # a suspended laptop: the backoff is over, the token still valid
            assert process.ask("bearer")["token"] == old
            assert emulator.portal.posts == 3
            process.ask("warp 20")
            assert process.ask("bearer")["token"] == latest_pair(emulator)["access_token"]
            assert emulator.portal.posts == 4
        assert neighbours(path) == []


EVIL = [
    "http://api.minimax.io",
    "https://api.minimax.io@127.0.0.2",
    "https://api.minimax.io\\@127.0.0.2",
    "https://api.minimax.io%2f@127.0.0.2",
    "https://api.minimax.io#@127.0.0.2",
    "https://api.minimax.io:443@127.0.0.2",
    "https://api.minimax.io./",
    "https://api.minimax.io.evil.example",
    "https://0x7f.1",
    "https://2130706433",
    "https://[::ffff:127.0.0.2]",
    "http://127.0.0.2",
    "//127.0.0.2",
    "127.0.0.2",
    "file:///etc/passwd",
    "https://127.0.0.1\r\nHost: api.minimax.io",
]


@pytest.mark.parametrize("region", EVIL)
def test_A40_no_token_goes_to_a_region_that_only_the_bundle_names(tmp_path: Path, region: str) -> None:
    with Emulator() as emulator:
        plan = expired_plan(emulator, tmp_path / "bundle.json")
        edit(plan.path, region=region)
        with pytest.raises(ConfigError, match="region of the Token Plan bundle") as caught:
            plan.bearer()
        assert bundle_at(plan.path).refresh_token.reveal() not in str(caught.value)
        edit(plan.path, region=emulator.url)
        del plan
        assert emulator.portal.posts == 0


def test_A40_a_loopback_region_needs_a_base_url_that_was_set_by_hand(tmp_path: Path) -> None:
    with Emulator() as emulator:
        path = tmp_path / "bundle.json"
        emulator.portal.bundle(path, ttl=-10)
        for base_url in (None, "http://127.0.0.2:1", "https://api.minimax.io/anthropic"):
            with pytest.raises(ConfigError):
                TokenPlan(path, base_url=base_url).bearer()
        assert emulator.portal.posts == 0
        assert TokenPlan(path, base_url=f"{emulator.url}/anthropic").bearer()


@contextmanager
def _listener(host: str) -> Iterator[tuple[int, list[bytes]]]:
    """Listen on a second loopback address and keep what comes in."""
    received: list[bytes] = []
    with socket.create_server((host, 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    received.append(connection.recv(65536))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1], received
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_A41_a_redirect_of_the_token_endpoint_elsewhere_is_not_followed(tmp_path: Path, status: int) -> None:
    with Emulator() as emulator, _listener("127.0.0.2") as (port, received):
        plan = expired_plan(emulator, tmp_path / "bundle.json")
        location = f"http://127.0.0.2:{port}/oauth/token?secret=1"
        emulator.portal.fault(status=status, body=b"", headers={"Location": location})
        with pytest.raises(ResponseFormatError) as caught:
            plan.bearer()
        assert received == []
        assert "to 127.0.0.2, which is not followed" in str(caught.value)
        assert "secret" not in str(caught.value)
        assert (emulator.portal.posts, neighbours(plan.path)) == (1, [])


@pytest.mark.parametrize("location", ["", "http://account.minimax.io/oauth2/token", "https://evil.example/", "//[oops"])
def test_A41_a_redirect_to_plain_http_or_nowhere_is_not_followed(tmp_path: Path, location: str) -> None:
    with Emulator() as emulator:
        plan = expired_plan(emulator, tmp_path / "bundle.json")
        emulator.portal.fault(status=307, body=b"", headers={"Location": location} if location else {})
        with pytest.raises(ResponseFormatError, match="not followed"):
            plan.bearer()


def test_A41_one_307_to_another_host_of_minimax_is_followed_with_the_form_and_a_second_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Emulator() as emulator:
        plan = expired_plan(emulator, tmp_path / "bundle.json")
        moved: dict[str, Any] = {"status": 307, "body": b"", "headers": {"Location": f"{emulator.url}/oauth2/token"}}
        # MiniMax's own hosts are not on loopback, so the emulator is counted among them.
        monkeypatch.setattr(endpoints, "may_receive_token", lambda url, by_hand: url.startswith(emulator.url))
        emulator.portal.fault(**moved)
        assert emulator.portal.accepts(plan.bearer())
        assert [received.path for received in emulator.journal] == ["/oauth/token", "/oauth2/token"]
        assert emulator.journal[0].body == emulator.journal[1].body
        emulator.portal.fault(**moved)
        emulator.portal.fault(**moved)
        with pytest.raises(ResponseFormatError, match="redirect"):
            plan.force_refresh(plan.bearer())
        assert emulator.portal.posts == 4


@contextmanager
def _raw_endpoint(answer: Any) -> Iterator[str]:
    """Serve raw sockets: `answer(connection)` after the request is in."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    try:
                        answer(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def _flood(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n")
    for _ in range(1000):
        connection.sendall(b" " * 1_000_000)


def test_A42_a_gigabyte_from_the_endpoint_is_cut_at_64_kib(tmp_path: Path) -> None:
    with Emulator() as emulator, _raw_endpoint(_flood) as url:
        plan = expired_plan(emulator, tmp_path / "bundle.json")
        edit(plan.path, region=url)
        began = time.monotonic()
        with pytest.raises(ServerError, match="too long"):
            TokenPlan(plan.path, base_url=url).bearer()
        assert time.monotonic() - began < 2.0


DRIP = """
import sys, time
from minimax_sync.auth import credential, grant, refresh, TokenPlan
from minimax_sync.errors import TransportError
refresh.POST_TIMEOUT, refresh.RESEND_WITHIN = 0.5, 1.0
plan = TokenPlan(sys.argv[1], base_url=sys.argv[2])
began = time.monotonic()
try:
    plan.bearer()
except TransportError as error:
    print(time.monotonic() - began < 4)
"""


def _drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(200):
        connection.sendall(b" ")
        time.sleep(0.05)


def test_A42_an_endpoint_that_drips_is_given_up_at_the_total_deadline(tmp_path: Path) -> None:
    with Emulator() as emulator, _raw_endpoint(_drip) as url:
        path = tmp_path / "bundle.json"
        emulator.portal.bundle(path, ttl=-10)
        edit(path, region=url)
        assert run_python(DRIP, path, url) == "True"
        assert neighbours(path) == ["bundle.json.intent"]


def test_A31_an_edit_that_only_expires_the_token_does_not_replace_the_good_one_in_memory(tmp_path: Path) -> None:
    with Emulator() as emulator:
        plan = expired_plan(emulator, tmp_path / "bundle.json", ttl=3600)
        token = plan.bearer()
        expire(plan.path)  # somebody touched the file: what is in memory is still good
        assert plan.bearer() == token
        assert emulator.portal.posts == 0


def test_A6_a_second_401_ends_the_call_after_one_refresh(tmp_path: Path) -> None:
    with Emulator() as emulator:
        path = tmp_path / "bundle.json"
        emulator.portal.bundle(path)
        plan = TokenPlan(path, base_url=emulator.url)
        with MiniMaxClient(auth=plan, base_url=emulator.anthropic_base_url, requests_per_second=None) as client:
            for _ in range(2):
                emulator.fault(status=401)
            with pytest.raises(CredentialInvalidError):
                client.chat("Hello")
            calls = [received.path for received in emulator.journal]
        assert (len([path for path in calls if "messages" in path]), emulator.portal.posts) == (2, 1)


def test_A6_an_endpoint_that_grants_the_rejected_token_again_is_asked_once(tmp_path: Path) -> None:
    with Emulator() as emulator:
        plan = expired_plan(emulator, tmp_path / "bundle.json", ttl=3600)
        rejected = plan.bearer()
        emulator.portal.fault(fields={"access_token": rejected})
        with pytest.raises(CredentialInvalidError, match="minimax-sync login"):
            plan.force_refresh(rejected)
        assert emulator.portal.posts == 1
        assert bundle_at(plan.path).refresh_token.reveal() == latest_pair(emulator)["refresh_token"]
