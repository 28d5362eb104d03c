"""B5, B6, B15, B16: connections that are lost, stale, left behind, or many."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from support.clock import took
from support.http_lab import failure, post, sends
from support.raw_server import Certificate, Peer, RawServer, answer, echo

from minimax_sync.errors import AmbiguousResultError, CallTimeoutError
from minimax_sync.net.session import Http


@pytest.mark.parametrize("end", [Peer.finish, Peer.reset], ids=["FIN", "RST"])
def test_B5_a_connection_lost_after_sending_is_ambiguous_and_not_sent_again(
    http: Http, end: Callable[[Peer], None]
) -> None:
    with RawServer(sends(then=end)) as server:
        error = failure(http, server.url)
        assert server.wait_until(lambda: not server.open_connections)
    assert type(error) is AmbiguousResultError
    assert error.budget is None
    assert len(server.requests) == server.connections == 1


def test_B5_silence_after_sending_is_a_timeout_with_its_reason(http: Http) -> None:
    with RawServer(sends(then=Peer.stall)) as server, took(0.2):
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
    with RawServer(script, certificate if tls else None) as server, took(0.3):
        error = failure(own, server.url, body=bytes(64 << 20), deadline=time.monotonic() + 0.3)
    assert isinstance(error, CallTimeoutError)
    assert error.sent


def test_B5_sending_on_a_users_session_to_a_server_that_does_not_read_obeys_the_deadline() -> None:
    with requests.Session() as session, RawServer(reads_nothing) as server, took(0.3):
        error = failure(Http(session), server.url, body=bytes(64 << 20), deadline=time.monotonic() + 0.3)
    assert isinstance(error, CallTimeoutError)
    assert error.sent


def test_B5_sending_to_a_server_that_does_not_read_obeys_the_idle_limit(own: Http) -> None:
    with RawServer(reads_nothing) as server, took(0.2):
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


def test_B6_a_reused_connection_of_a_users_session_that_ends_without_an_answer_is_replaced_once() -> None:
    with requests.Session() as session, RawServer(closes_after_reading(1)) as server:
        http = Http(session)
        for text in (b"first", b"second", b"third"):
            assert post(http, server.url, text).read() == text
    assert [request.body for request in server.requests] == [b"first", b"second", b"second", b"third", b"third"]


def test_B6_a_connection_that_was_made_anew_for_the_request_is_not_replaced(http: Http) -> None:
    def script(peer: Peer) -> None:
        request = peer.read_request()
        if peer.number == 0:
            peer.send(answer(request.body))

    with RawServer(script) as server:
        assert post(http, server.url, b"first").read() == b"first"
        assert server.wait_until(lambda: server.open_connections == 0)
        assert type(failure(http, server.url, body=b"second")) is AmbiguousResultError
    assert len(server.requests) == 2


def test_B6_a_fresh_connection_without_an_answer_ends_it(http: Http) -> None:
    with RawServer(closes_after_reading(1, fresh=True)) as server:
        post(http, server.url, b"first").read()
        assert type(failure(http, server.url, body=b"second")) is AmbiguousResultError
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


def test_B6_a_connection_that_the_server_closed_meanwhile_is_not_used(http: Http) -> None:
    def script(peer: Peer) -> None:
        peer.send(answer(peer.read_request().body))

    with RawServer(script) as server:
        for i in range(3):
            assert post(http, server.url, b"%d" % i).read() == b"%d" % i
            assert server.wait_until(lambda: not server.open_connections)
    assert [request.connection for request in server.requests] == [0, 1, 2]


def test_B6_bytes_on_an_idle_connection_are_not_taken_for_the_next_answer(http: Http) -> None:
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


def test_B6_idle_connections_of_a_burst_are_closed_by_a_later_call(own: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(echo) as server:
        replies = [post(own, server.url) for _ in range(10)]
        for reply in replies:
            reply.read()
        assert server.open_connections == 10
        monkeypatch.setattr("minimax_sync.net.pools.MAX_IDLE_TIME", 0.05)
        time.sleep(0.05)
        post(own, server.url).read()
        assert server.wait_until(lambda: server.open_connections == 1)


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
