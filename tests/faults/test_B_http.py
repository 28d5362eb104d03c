"""Group B, one call: what the HTTP layer promises when the network, the server or the machine fails.

Each fault is caused for real on loopback, on a session of our own and, where it makes sense, on a user's.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import subprocess
import sys
import textwrap
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from raw_server import Certificate, Peer, RawServer, answer, chunked, echo

from minimax_sync.errors import (
    AmbiguousResultError,
    CallTimeoutError,
    ConfigError,
    LlmError,
    ResponseFormatError,
    TransportError,
)
from minimax_sync.http import Http, Reply

OWN, USERS = "own session", "user's session"


@pytest.fixture(params=[OWN, USERS])
def http(request: pytest.FixtureRequest) -> Iterator[Http]:
    """Give an Http over its own session, then one over a plain session as a user would make it."""
    if request.param == OWN:
        http = Http()
        yield http
        http.close()
    else:
        with requests.Session() as session:
            yield Http(session)


@pytest.fixture
def own() -> Iterator[Http]:
    http = Http()
    yield http
    http.close()


def post(http: Http, url: str, body: bytes = b"{}", **options: Any) -> Reply:
    options = {"headers": {"Authorization": "Bearer canary"}, "deadline": time.monotonic() + 10, **options}
    return http.exchange("POST", url, body=body, **options)


def failure(http: Http, url: str, **options: Any) -> LlmError:
    """Exchange and read the body; return the error that this must end with."""
    with pytest.raises(LlmError) as caught:
        post(http, url, **options).read()
    return caught.value


@contextlib.contextmanager
def took(at_least: float, at_most: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert at_least <= time.monotonic() - began <= at_most


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(tmp_path_factory.mktemp("tls"))


def run_python(code: str, *arguments: str) -> str:
    """Run a client of its own in another process; what it raises fails the test."""
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", textwrap.dedent(code), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


# B1: forks


FORK = """
    import os, sys, threading, time
    import requests
    from minimax_sync.http import Http

    url, kind = sys.argv[1:]
    http = Http() if kind == "own" else Http(requests.Session())

    def call(text):
        reply = http.exchange("POST", url, headers={}, body=text.encode(), deadline=time.monotonic() + 10)
        assert reply.read() == text.encode()

    call("warm")
    child = os.fork()
    name = "parent" if child else "child"
    for i in range(200):
        call(f"{name} {i}")
    if not child:
        sys.exit()
    assert os.waitpid(child, 0)[1] == 0
    call("after")
"""


@pytest.mark.parametrize("kind", ["own", "user's"])
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_B1_parent_and_child_go_on_after_a_fork_each_on_its_own_connection(
    kind: str, tls: bool, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate.file)
    with RawServer(echo, certificate if tls else None) as server:
        run_python(FORK, server.url, kind)
    bodies = {number: [r.body.split()[0] for r in server.requests if r.connection == number] for number in (0, 1)}
    assert server.connections == 2
    assert bodies[0] == [b"warm", *[b"parent"] * 200, b"after"]
    assert bodies[1] == [b"child"] * 200


FORK_MID_STREAM = """
    import gc, os, sys, time
    import requests
    from minimax_sync.http import Http

    url, kind = sys.argv[1:]
    http = Http() if kind == "own" else Http(requests.Session())
    reply = http.exchange("GET", url, headers={}, deadline=time.monotonic() + 10)
    assert reply.read1() == b"one"
    child = os.fork()
    if not child:
        reply.close()
        del reply, http
        gc.collect()
        sys.exit()
    assert os.waitpid(child, 0)[1] == 0
    http.exchange("POST", url, headers={}, body=b"go on", deadline=time.monotonic() + 10).close()
    assert reply.read() == b"two"
"""


@pytest.mark.parametrize("kind", ["own", "user's"])
@pytest.mark.parametrize("framing", ["Transfer-Encoding: chunked", "Connection: close"])
def test_B1_a_child_that_closes_an_inherited_stream_does_not_end_it_for_the_parent(kind: str, framing: str) -> None:
    go_on = threading.Event()

    def script(peer: Peer) -> None:
        if peer.read_request().line.startswith("POST"):
            go_on.set()
            peer.send(answer())
            return
        one, two = (b"3\r\none\r\n", b"3\r\ntwo\r\n0\r\n\r\n") if "chunked" in framing else (b"one", b"two")
        peer.send(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode() + one)
        assert go_on.wait(20)
        peer.send(two)

    with RawServer(script) as server:
        run_python(FORK_MID_STREAM, server.url, kind)


FORK_UNDER_LOCKS = """
    import os, sys, threading, time, warnings
    import requests
    from minimax_sync.http import Http

    warnings.simplefilter("ignore")
    url, kind = sys.argv[1:]
    http = Http() if kind == "own" else Http(requests.Session())

    def call():
        http.exchange("POST", url, headers={}, body=b"x", deadline=time.monotonic() + 10).read()

    def busy():
        while True:
            call()

    for _ in range(4):
        threading.Thread(target=busy, daemon=True).start()
    sys.setswitchinterval(1e-5)
    for _ in range(30):
        child = os.fork()
        if not child:
            call()
            http.close()
            os._exit(0)
        end = time.monotonic() + 10
        while (done := os.waitpid(child, os.WNOHANG))[0] == 0:
            assert time.monotonic() < end, "the child hangs"
            time.sleep(0.001)
        assert done[1] == 0
    os._exit(0)
"""


@pytest.mark.parametrize("kind", ["own", "user's"])
def test_B1_a_fork_while_other_threads_hold_locks_does_not_hang_the_child(kind: str) -> None:
    with RawServer(echo) as server:
        run_python(FORK_UNDER_LOCKS, server.url, kind)


FORK_WITH_LOCKS_HELD = """
    import os, sys, threading, time, warnings
    import requests
    from minimax_sync.http import Http

    warnings.simplefilter("ignore")
    url, kind = sys.argv[1:]
    http = Http() if kind == "own" else Http(requests.Session())

    def call(path="/"):
        return http.exchange("POST", url + path, headers={}, body=b"x", deadline=time.monotonic() + 10)

    if kind == "own":
        stream = call("/stream")
    call().read()
    pools = http._session.get_adapter(url).poolmanager.pools
    locks = [pools.lock, *(pool.pool.mutex for pool in pools._container.values())]
    held, forked = threading.Event(), threading.Event()

    def hold():
        for lock in locks:
            lock.acquire()
        held.set()
        forked.wait()
        for lock in reversed(locks):
            lock.release()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    (wait_ready, ready), (wait_end, end) = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        call("/child").read()
        os.write(ready, b"x")
        os.read(wait_end, 1)
        sys.exit()
    os.read(wait_ready, 1)
    forked.set()
    holder.join()
    stream = None
    http._session.close()
    call("/report").read()
    os.write(end, b"x")
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.parametrize("kind", ["own", "user's"])
def test_B1_a_child_neither_waits_for_its_parents_locks_nor_keeps_its_connections_open(kind: str) -> None:
    others: list[bool] = []

    def script(peer: Peer) -> None:
        while True:
            request = peer.read_request()
            if "/stream" in request.line:
                peer.send(chunked(b"begun", end=False))
                peer.stall()
                return
            if "/report" in request.line:  # this connection and the child's own are left
                others.append(server.wait_until(lambda: server.open_connections == 2))
            peer.send(answer(b"x"))

    with RawServer(script) as server:
        run_python(FORK_WITH_LOCKS_HELD, server.url, kind)
    assert others == [True]


# B2, B11, B17, B23: what else may get into a request


def test_B2_netrc_does_not_replace_the_bearer(http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with RawServer(echo) as server:
        post(http, server.url).read()
        post(http, server.url, headers={}).read()
    assert server.requests[0].headers["authorization"] == "Bearer canary"
    assert "authorization" not in server.requests[1].headers


def test_B2_the_auth_of_a_users_session_does_not_replace_the_bearer() -> None:
    with requests.Session() as session, RawServer(echo) as server:
        session.auth = ("someone", "else")
        session.headers["Authorization"] = "Basic abc"
        session.headers["X-Tenant"] = "seven"
        post(Http(session), server.url).read()
    assert server.requests[0].headers["authorization"] == "Bearer canary"
    assert server.requests[0].headers["x-tenant"] == "seven"


def test_B11_http_never_goes_through_a_proxy_of_the_environment(own: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(echo) as proxy, RawServer(echo) as server:
        for name in ("http_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert post(own, server.url, b"direct").read() == b"direct"
    assert proxy.connections == 0


def tunnel_to(target: RawServer, refusal: bytes = b"") -> Callable[[Peer], None]:
    """Make a proxy's script: it connects a client to `target`, whatever was asked for, or refuses."""

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)

    def script(peer: Peer) -> None:
        peer.read_request()
        if refusal:
            peer.send(refusal)
            return
        with socket.create_connection((target.address, target.port)) as upstream:
            peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(upstream, peer.sock))
            back.start()
            pump(peer.sock, upstream)
            with contextlib.suppress(OSError):
                upstream.shutdown(socket.SHUT_RDWR)
            back.join()

    return script


def test_B11_https_goes_through_the_proxy_of_the_environment_and_the_bearer_only_to_the_target(
    http: Http, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate.file)
    with RawServer(echo, certificate) as server, RawServer(tunnel_to(server)) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        for text in (b"one", b"two"):
            assert post(http, server.url, text).read() == text
        assert proxy.connections == 1
        http._session.close()
    assert proxy.requests[0].line == f"CONNECT 127.0.0.1:{server.port} HTTP/1.1" or "HTTP/1.0" in proxy.requests[0].line
    assert "authorization" not in proxy.requests[0].headers
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer canary"] * 2


@pytest.mark.parametrize(("status", "budget"), [("407 No", None), ("503 Busy", "server")])
def test_B11_a_proxy_that_refuses_is_named_and_only_its_own_trouble_is_retried(
    http: Http, certificate: Certificate, monkeypatch: pytest.MonkeyPatch, status: str, budget: str | None
) -> None:
    with RawServer(echo, certificate) as server, RawServer(tunnel_to(server, answer(status=status))) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        error = failure(http, server.url)
    assert type(error) is TransportError
    assert error.budget == budget
    assert "proxy refused" in str(error)


def test_B11_no_proxy_is_honoured(own: Http, certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURL_CA_BUNDLE", certificate.file)
    with RawServer(echo) as proxy, RawServer(echo, certificate) as server:
        monkeypatch.setenv("https_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert post(own, server.url, b"direct").read() == b"direct"
    assert proxy.connections == 0


def test_B11_the_environment_does_not_outrank_the_ca_that_a_users_session_chose(
    certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", Certificate.make(tmp_path, address="127.0.0.9").file)
    with requests.Session() as session, RawServer(echo, certificate) as server:
        session.verify = certificate.file
        assert post(Http(session), server.url, b"x").read() == b"x"


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_B11_a_ca_file_that_cannot_be_used_is_named(
    http: Http, certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
    with RawServer(echo, certificate) as server:
        error = failure(http, server.url)
    assert error.budget is None or http._session.adapters["https://"].__class__ is requests.adapters.HTTPAdapter
    if content is None:
        assert type(error) is ConfigError
        assert str(file) in str(error)


def test_B17_cookies_are_neither_kept_nor_sent(http: Http) -> None:
    def script(peer: Peer) -> None:
        while True:
            peer.read_request()
            peer.send(answer(b"{}", headers=["Set-Cookie: session=1; Path=/"]))

    with RawServer(script) as server:
        for _ in range(50):
            post(http, server.url).read()
    assert not http._session.cookies
    assert not any("cookie" in request.headers for request in server.requests)


def test_B23_every_thread_sends_its_own_token_whatever_happens_to_the_session(http: Http) -> None:
    stop = threading.Event()

    def mutate() -> None:
        while not stop.is_set():
            http._session.headers["Authorization"] = "Bearer wrong"
            http._session.headers["User-Agent"] = "other"

    def calls(number: int) -> list[bytes]:
        headers = {"Authorization": f"Bearer {number}"}
        return [post(http, server.url, b"%d" % number, headers=headers).read() for _ in range(30)]

    interval = sys.getswitchinterval()
    http._session.headers["Authorization"] = "Bearer wrong"
    with RawServer(echo) as server, ThreadPoolExecutor(9) as pool:
        sys.setswitchinterval(1e-6)
        try:
            mutator = pool.submit(mutate)
            results = list(pool.map(calls, range(8)))
        finally:
            stop.set()
            sys.setswitchinterval(interval)
        mutator.result()
    assert results == [[b"%d" % number] * 30 for number in range(8)]
    assert all(request.headers["authorization"] == f"Bearer {request.body.decode()}" for request in server.requests)


# B5, B6: lost connections


@pytest.mark.parametrize("end", [Peer.finish, Peer.reset], ids=["FIN", "RST"])
def test_B5_a_connection_lost_after_sending_is_ambiguous_and_not_sent_again(
    http: Http, end: Callable[[Peer], None]
) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        end(peer)

    with RawServer(script) as server:
        error = failure(http, server.url)
        assert server.wait_until(lambda: not server.open_connections)
    assert type(error) is AmbiguousResultError
    assert error.budget is None
    assert len(server.requests) == server.connections == 1


def test_B5_a_connection_lost_inside_the_head_is_ambiguous(own: Http) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: te")

    with RawServer(script) as server:
        assert type(failure(own, server.url)) is AmbiguousResultError
    assert len(server.requests) == 1


def test_B5_silence_after_sending_is_a_timeout_that_says_so(http: Http) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.stall()

    with RawServer(script) as server, took(0.2, 1.5):
        error = failure(http, server.url, idle_timeout=0.2)
        assert server.wait_until(lambda: not server.open_connections)
    assert isinstance(error, CallTimeoutError)
    assert error.sent
    assert error.budget is None
    assert "silent for 0.2 s" in str(error)
    assert len(server.requests) == 1


def reads_nothing(peer: Peer) -> None:
    peer.wait(20)


def reads_slowly(peer: Peer) -> None:
    while peer.sock.recv(65536):
        peer.wait(0.02)


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("script", [reads_nothing, reads_slowly])
def test_B5_sending_to_a_server_that_hardly_reads_obeys_the_deadline(
    own: Http, script: Callable[[Peer], None], tls: bool, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate.file)
    with RawServer(script, certificate if tls else None) as server, took(0.3, 2.5):
        error = failure(own, server.url, body=bytes(64 << 20), deadline=time.monotonic() + 0.3)
    assert isinstance(error, CallTimeoutError)
    assert error.sent


def test_B5_sending_on_a_users_session_to_a_server_that_does_not_read_obeys_the_deadline() -> None:
    with requests.Session() as session, RawServer(reads_nothing) as server, took(0.3, 2.5):
        error = failure(Http(session), server.url, body=bytes(64 << 20), deadline=time.monotonic() + 0.3)
    assert isinstance(error, CallTimeoutError)
    assert error.sent


def test_B5_sending_to_a_server_that_does_not_read_obeys_the_idle_limit(own: Http) -> None:
    with RawServer(reads_nothing) as server, took(0.2, 2.5):
        error = failure(own, server.url, body=bytes(64 << 20), idle_timeout=0.2)
    assert isinstance(error, CallTimeoutError)
    assert error.sent


def test_B5_an_answer_that_comes_before_all_is_sent_is_read(http: Http) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(answer(b"too large", "413 Content Too Large", ["Connection: close"]))
        peer.sock.shutdown(socket.SHUT_WR)
        peer.gone()

    with RawServer(script) as server:
        reply = post(http, server.url, bytes(8 << 20))
        assert (reply.status, reply.read()) == (413, b"too large")


def test_B5_an_answer_to_an_upload_that_is_cut_short_is_read_and_the_connection_not_used_again(own: Http) -> None:
    def script(peer: Peer) -> None:
        if peer.number:
            echo(peer)
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.read_head()
        peer.send(answer(b"no", "401 Unauthorized"))
        peer.wait(0.05)

    with RawServer(script) as server:
        reply = post(own, server.url, bytes(8 << 20))
        assert (reply.status, reply.read()) == (401, b"no")
        assert post(own, server.url, b"next").read() == b"next"
    assert server.connections == 2


def closes_after_reading(second: int, fresh: bool = False) -> Callable[[Peer], None]:
    """Make a script that answers, but closes without an answer on the request number `second` of a connection."""

    def script(peer: Peer) -> None:
        for i in range(100):
            request = peer.read_request()
            if i == second or (fresh and peer.number):
                return
            peer.send(answer(request.body))

    return script


@pytest.mark.parametrize("end", [Peer.finish, Peer.reset], ids=["FIN", "RST"])
def test_B6_a_reused_connection_without_an_answer_is_replaced_once(own: Http, end: Callable[[Peer], None]) -> None:
    def script(peer: Peer) -> None:
        peer.send(answer(peer.read_request().body))
        request = peer.read_request()
        if peer.number == 0:
            end(peer)
        else:
            peer.send(answer(request.body))

    with RawServer(script) as server:
        assert post(own, server.url, b"first").read() == b"first"
        assert post(own, server.url, b"second").read() == b"second"
    assert [(request.body, request.connection) for request in server.requests] == [
        (b"first", 0),
        (b"second", 0),
        (b"second", 1),
    ]


def test_B6_a_fresh_connection_without_an_answer_ends_it(own: Http) -> None:
    with RawServer(closes_after_reading(1, fresh=True)) as server:
        post(own, server.url, b"first").read()
        assert type(failure(own, server.url, body=b"second")) is AmbiguousResultError
    assert [(request.body, request.connection) for request in server.requests] == [
        (b"first", 0),
        (b"second", 0),
        (b"second", 1),
    ]


def test_B6_a_reused_connection_that_began_an_answer_is_not_replaced(own: Http) -> None:
    def script(peer: Peer) -> None:
        peer.send(answer(peer.read_request().body))
        peer.read_request()
        peer.send(b"HTTP/1.1 2")

    with RawServer(script) as server:
        post(own, server.url).read()
        assert type(failure(own, server.url)) is AmbiguousResultError
    assert len(server.requests) == 2


def test_B6_on_a_users_session_a_lost_answer_is_never_sent_again() -> None:
    with requests.Session() as session, RawServer(closes_after_reading(1)) as server:
        http = Http(session)
        post(http, server.url, b"first").read()
        assert type(failure(http, server.url, body=b"second")) is AmbiguousResultError
    assert len(server.requests) == 2


def test_B6_a_connection_that_the_server_closed_meanwhile_is_not_used(http: Http) -> None:
    def script(peer: Peer) -> None:
        peer.send(answer(peer.read_request().body))

    with RawServer(script) as server:
        for i in range(3):
            assert post(http, server.url, b"%d" % i).read() == b"%d" % i
            assert server.wait_until(lambda: not server.open_connections)
    assert [request.connection for request in server.requests] == [0, 1, 2]


def test_B6_a_connection_that_was_idle_for_too_long_is_not_used(own: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(echo) as server:
        post(own, server.url).read()
        post(own, server.url).read()
        monkeypatch.setattr("minimax_sync.pools.MAX_IDLE_TIME", 0.0)
        post(own, server.url).read()
    assert [request.connection for request in server.requests] == [0, 0, 1]


def test_B6_last_words_on_an_idle_connection_are_not_taken_for_the_next_answer(http: Http) -> None:
    def script(peer: Peer) -> None:
        peer.send(answer(peer.read_request().body))
        peer.wait(0.01)
        peer.send(answer(b"idle for too long", "408 Request Timeout", ["Connection: close"]))

    with RawServer(script) as server:
        for i in range(3):
            assert post(http, server.url, b"%d" % i).read() == b"%d" % i
            assert server.wait_until(lambda: not server.open_connections)


def test_B6_a_connection_that_proved_stale_takes_the_idle_ones_with_it(own: Http) -> None:
    with RawServer(closes_after_reading(1)) as server:
        for reply in [post(own, server.url, b"first") for _ in range(5)]:
            reply.read()
        assert server.open_connections == 5
        assert post(own, server.url, b"second").read() == b"second"
        assert server.wait_until(lambda: server.open_connections == 1)


def test_B6_connections_that_a_burst_left_behind_are_closed_in_passing(
    own: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer(echo) as server:
        replies = [post(own, server.url) for _ in range(10)]
        for reply in replies:
            reply.read()
        assert server.open_connections == 10
        monkeypatch.setattr("minimax_sync.pools.MAX_IDLE_TIME", 0.05)
        time.sleep(0.05)
        post(own, server.url).read()
        assert server.wait_until(lambda: server.open_connections == 1)


# B15, B16: many connections


def test_B15_many_threads_at_once_cause_no_warning(own: Http, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    ready = threading.Barrier(128)

    def call(number: int) -> bool:
        ready.wait(20)
        return all(post(own, server.url, b"%d" % number).read() == b"%d" % number for _ in range(3))

    with RawServer(echo) as server, ThreadPoolExecutor(128) as pool:
        assert all(pool.map(call, range(128)))
        assert server.connections <= 128
    assert not caplog.records


def test_B16_open_streams_do_not_keep_a_call_waiting(own: Http) -> None:
    def script(peer: Peer) -> None:
        while True:
            if peer.read_request().body == b"stream":
                peer.send(chunked(b"begun", end=False))
                peer.stall()
            peer.send(answer(b"done"))

    with RawServer(script) as server, took(0, 2):
        streams = [post(own, server.url, b"stream") for _ in range(20)]
        assert [stream.read1() for stream in streams] == [b"begun"] * 20
        assert post(own, server.url).read() == b"done"
        for stream in streams:
            stream.close()


# B18, B19, B20, B21, B22: bodies


BOMB = """
    import pathlib, re, sys, time
    from minimax_sync.errors import ResponseFormatError
    from minimax_sync.http import Http

    def peak():
        return int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])

    http = Http()
    http.exchange("GET", sys.argv[1], headers={}, deadline=time.monotonic() + 30).close()
    before = peak()
    try:
        http.exchange("GET", sys.argv[1], headers={}, deadline=time.monotonic() + 30).read(limit=65536)
    except ResponseFormatError as error:
        print(peak() - before)
"""


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity"])
def test_B18_a_bomb_costs_no_more_than_its_first_bytes(encoding: str) -> None:
    zeros = bytes(1 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, {"gzip": 31, "deflate": 15, "identity": 15}[encoding])
    first, block = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH), zeros
    if encoding != "identity":
        block = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Encoding: {encoding}\r\n\r\n".encode())
        peer.send(first if encoding != "identity" else b"", *[block] * 200)

    with RawServer(script) as server:
        assert int(run_python(BOMB, server.url)) < 4096


def test_B18_a_body_past_the_limit_is_refused_and_its_connection_closed(http: Http) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        with contextlib.suppress(OSError):
            peer.send(chunked(*[bytes(65536)] * 1000))
        assert peer.gone()

    with RawServer(script) as server:
        with pytest.raises(ResponseFormatError, match="longer than 65536 bytes"):
            post(http, server.url).read(limit=65536)
        assert server.wait_until(lambda: not server.open_connections)


def test_B18_a_body_of_exactly_the_limit_is_read(http: Http) -> None:
    with RawServer(echo) as server:
        assert len(post(http, server.url, bytes(1000)).read(limit=1000)) == 1000
        with pytest.raises(ResponseFormatError):
            post(http, server.url, bytes(1001)).read(limit=1000)


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("part", ["head", "body", "chunk sizes"])
def test_B19_a_dripping_server_is_left_at_the_deadline(
    own: Http, part: str, tls: bool, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate.file)
    before, dripped = {
        "head": (b"", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000),
        "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", bytes(1000)),
        "chunk sizes": (chunked(b"x", end=False), b"0" * 1000),
    }[part]

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(before)
        peer.drip(dripped, 0.02)

    with RawServer(script, certificate if tls else None) as server, took(0.3, 1.5):
        error = failure(own, server.url, deadline=time.monotonic() + 0.3, idle_timeout=0.2)
    assert isinstance(error, CallTimeoutError)
    assert error.sent
    assert "the call's timeout passed" in str(error)


@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Connection: close"])
def test_B19_a_dripped_body_on_a_users_session_is_left_at_the_deadline(framing: str) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode())
        peer.drip(bytes(1000), 0.02)

    with requests.Session() as session, RawServer(script) as server, took(0.3, 1.5):
        error = failure(Http(session), server.url, deadline=time.monotonic() + 0.3)
    assert isinstance(error, CallTimeoutError)


@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked", "Connection: close"])
def test_B20_silence_inside_the_body_is_a_timeout(http: Http, framing: str) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n5\r\nhel".encode())
        peer.stall()

    with RawServer(script) as server, took(0.2, 1.5):
        error = failure(http, server.url, idle_timeout=0.2)
        assert server.wait_until(lambda: not server.open_connections)
    assert isinstance(error, CallTimeoutError)
    assert error.sent
    assert error.status == 200


WHOLE = {
    "length": (answer(b"hello world"), len(b"")),
    "chunked": (chunked(b"hello", b" world"), len(b"0\r\n\r\n")),
}


@pytest.mark.parametrize("end", [Peer.finish, Peer.reset], ids=["FIN", "RST"])
@pytest.mark.parametrize("framing", WHOLE)
def test_B21_a_body_cut_at_any_byte_is_an_error_and_never_half_an_answer(
    http: Http, framing: str, end: Callable[[Peer], None]
) -> None:
    whole, end_mark = WHOLE[framing]
    cuts = range(whole.index(b"\r\n\r\n") + 4, len(whole) - end_mark)

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(whole[: cuts[peer.number]])
        peer.wait(0.005)
        end(peer)

    with RawServer(script) as server:
        for cut in cuts:
            with pytest.raises(TransportError, match="the answer was cut after") as caught:
                post(http, server.url).read()
            assert type(caught.value) is TransportError, cut
            assert caught.value.budget is None
    assert len(server.requests) == len(cuts)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_B22_a_redirect_is_not_followed_and_its_endless_body_not_read(http: Http, status: int) -> None:
    gone = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(f"HTTP/1.1 {status} Elsewhere\r\nLocation: http://127.0.0.2/\r\nConnection: close\r\n\r\n".encode())
        try:
            peer.drip(bytes(10_000), 0.001)
        finally:
            gone.set()

    with RawServer(script) as server, took(0, 1):
        reply = post(http, server.url)
        assert (reply.status, reply.headers.get("LOCATION")) == (status, "http://127.0.0.2/")
        assert gone.wait(0.5)
        assert reply.read() == b""
    assert len(server.requests) == 1


def test_B22_a_short_redirect_keeps_its_connection(http: Http) -> None:
    def script(peer: Peer) -> None:
        while True:
            peer.read_request()
            peer.send(answer(b"moved", "307 Temporary Redirect", ["Location: /elsewhere"]))

    with RawServer(script) as server:
        for _ in range(3):
            reply = post(http, server.url)
            assert reply.status == 307
            reply.finish()
    assert server.connections == 1


# B24: no connection


def test_B24_a_refused_connection_may_be_tried_again(http: Http) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    error = failure(http, f"http://127.0.0.1:{port}")
    assert type(error) is TransportError
    assert error.budget == "server"
    assert isinstance(error.__cause__, ConnectionRefusedError)
    assert f"no connection to http://127.0.0.1:{port}: Connection refused" in str(error)


def test_B24_a_name_that_cannot_be_resolved_may_be_tried_again(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    error = failure(http, "http://minimax.invalid/")
    assert type(error) is TransportError
    assert error.budget == "server"
    assert "Temporary failure in name resolution" in str(error)


def test_B24_a_name_that_is_none_is_not_tried_again(http: Http) -> None:
    error = failure(http, f"http://{'a' * 64}.invalid/")
    assert type(error) is TransportError
    assert error.budget is None


def test_B24_connecting_obeys_its_limit(http: Http) -> None:
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            assert waiting.connect_ex(address) in (0, errno.EINPROGRESS)
        with took(0.2, 1.5):
            error = failure(http, f"http://127.0.0.1:{address[1]}", connect_timeout=0.2)
    assert isinstance(error, CallTimeoutError)
    assert not error.sent
    assert error.budget == "server"


def test_B24_an_address_that_is_deaf_leaves_time_for_the_next(own: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(echo) as server, socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        addresses = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", full.getsockname()),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (server.address, server.port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_: addresses)
        with took(0.2, 1.5):
            assert post(own, "http://two.invalid", b"x", connect_timeout=0.5).read() == b"x"


def test_B24_a_handshake_that_stalls_obeys_the_limit_of_connecting(http: Http, certificate: Certificate) -> None:
    with RawServer(lambda peer: peer.stall()) as server, took(0.2, 1.5):
        error = failure(http, f"https://127.0.0.1:{server.port}", connect_timeout=0.2)
    assert isinstance(error, CallTimeoutError)
    assert not error.sent
    assert error.budget == "server"


@pytest.mark.parametrize("end", [Peer.finish, Peer.reset], ids=["FIN", "RST"])
def test_B24_a_handshake_that_is_cut_may_be_tried_again(own: Http, end: Callable[[Peer], None]) -> None:
    def script(peer: Peer) -> None:
        peer.sock.recv(10)
        end(peer)

    with RawServer(script) as server:
        error = failure(own, f"https://127.0.0.1:{server.port}")
    assert type(error) is TransportError
    assert error.budget == "server"


def test_B24_a_certificate_that_is_not_trusted_is_never_tried_again(http: Http, certificate: Certificate) -> None:
    with RawServer(echo, certificate) as server:
        error = failure(http, server.url)
    assert type(error) is TransportError
    assert error.budget is None
    assert "REQUESTS_CA_BUNDLE" in str(error)
    assert "self-signed certificate" in str(error)
    assert not server.requests


def test_B24_a_certificate_of_another_host_is_never_tried_again(
    http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Certificate.make(tmp_path, address="127.0.0.9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", other.file)
    with RawServer(echo, other) as server:
        error = failure(http, server.url)
    assert type(error) is TransportError
    assert error.budget is None
    assert not server.requests


def test_B24_a_deadline_that_has_passed_sends_nothing(http: Http) -> None:
    with RawServer(echo) as server:
        post(http, server.url).read()
        error = failure(http, server.url, deadline=time.monotonic())
    assert isinstance(error, CallTimeoutError)
    assert not error.sent
    assert len(server.requests) == 1


# B25: heads


ODD_HEADS = {
    "a flood of headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    "a header of 70 kB": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    "a status line of 70 kB": b"HTTP/1.1 200 " + b"x" * 70_000 + b"\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "another HTTP": b"HTTP/3 200 OK\r\n\r\n",
    "a status that is none": b"HTTP/1.1 20x OK\r\n\r\n",
    "lengths that differ": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
}


@pytest.mark.parametrize("head", ODD_HEADS.values(), ids=list(ODD_HEADS))
def test_B25_a_head_that_is_not_http_or_past_its_bounds_is_refused(http: Http, head: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(head)
        peer.stall()

    with RawServer(script) as server, took(0, 2):
        error = failure(http, server.url)
        assert server.wait_until(lambda: not server.open_connections)
    assert type(error) is ResponseFormatError
    assert "is not HTTP" in str(error)
    assert len(server.requests) == 1


def test_B25_a_storm_of_interim_answers_ends(own: Http) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        while True:
            peer.send(b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" * 1000)

    with RawServer(script) as server, took(0, 5):
        assert type(failure(own, server.url)) is ResponseFormatError


def test_B25_an_interim_answer_is_skipped(http: Http) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n", answer(b"yes"), pause=0.01)

    with RawServer(script) as server:
        assert post(http, server.url).read() == b"yes"


def test_B25_what_follows_an_early_hint_is_not_taken_for_the_answer_to_the_next_request(own: Http) -> None:
    def script(peer: Peer) -> None:
        if peer.number:
            echo(peer)
        peer.read_request()
        peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer(b"the first"))
        peer.stall()

    with RawServer(script) as server:
        assert type(failure(own, server.url)) is ResponseFormatError
        assert post(own, server.url, b"the second").read() == b"the second"
