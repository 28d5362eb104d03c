"""A connection: the request on the wire, interim answers, and its sockets in a forked child."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Any, cast

import pytest
import requests
from support.http_lab import post
from support.ports import unused_port
from support.raw_server import Certificate, Peer, RawServer, answer, chunked, echo
from support.run_python import run_python
from urllib3.exceptions import NewConnectionError

from minimax_sync.errors import CallTimeoutError
from minimax_sync.net.connections import Connection, abandon, open_sockets
from minimax_sync.net.deadlines import Deadlines
from minimax_sync.net.session import Http


def connected(server: RawServer) -> Connection:
    connection = Connection(server.address, server.port)
    connection.begin(Deadlines(monotonic() + 10, idle_timeout=5, connect_timeout=5))
    connection.connect()
    return connection


def test_a_request_is_written_as_it_is_and_interim_answers_are_skipped() -> None:
    def script(peer: Peer) -> None:
        request = peer.read_request()
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", answer(request.body))

    with RawServer(script) as server:
        before = open_sockets()
        connection = connected(server)
        assert open_sockets() == before + 1
        connection.send_request("POST", "/path?a=1", {"Host": "h", "Content-Length": "4"}, b"body")
        reply = connection.receive_head("POST", cast(Any, None))
        assert (reply.status, reply.read()) == (200, b"body")
        connection.close()
    (request,) = server.requests
    assert (request.line, request.headers["host"], request.body) == ("POST /path?a=1 HTTP/1.1", "h", b"body")


def test_an_abandoned_socket_is_closed_here_and_stays_open_for_others() -> None:
    ours, theirs = socket.socketpair()
    copy = os.dup(ours.fileno())
    abandon(ours)
    assert ours.fileno() == -1
    os.write(copy, b"still there")
    assert theirs.recv(100) == b"still there"
    os.close(copy)
    theirs.close()


def test_a_refused_connection_is_an_error_of_the_system() -> None:
    connection = Connection("127.0.0.1", unused_port())
    connection.begin(Deadlines(monotonic() + 10, idle_timeout=5, connect_timeout=5))
    with pytest.raises((ConnectionRefusedError, NewConnectionError)):
        connection.connect()


KEEP_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPALIVE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}


def options_of(sock: Any) -> dict[str, int]:
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    names = [name for name in KEEP_ALIVE if hasattr(socket, name)]
    return {name: sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names}


def late(pause: float, end: bool) -> Any:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.wait(pause)
        if end:
            peer.send(answer(b"late"))
        else:
            peer.send(chunked(b"begun", end=False))
            peer.stall()

    return script


def test_tcp_keep_alive_finds_a_dead_peer(own: Http, tls: Certificate | None) -> None:
    with RawServer(echo, tls) as server:
        reply = post(own, server.url)
        sock = reply._limits._sock
        assert options_of(sock) == {name: value for name, value in KEEP_ALIVE.items() if hasattr(socket, name)}
        assert reply.read() == b"{}"


def test_tcp_keep_alive_is_on_where_a_stand_in_sees_the_request(own: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    send = requests.Session.send
    monkeypatch.setattr(requests.Session, "send", lambda self, *args, **kwargs: send(self, *args, **kwargs))
    with RawServer(late(0.0, end=False)) as server:
        reply = post(own, server.url)
        sock: Any = reply._raw.connection.sock  # type: ignore[union-attr]
        assert options_of(sock) == {name: value for name, value in KEEP_ALIVE.items() if hasattr(socket, name)}
        reply.close()
        own.close()


def test_the_first_byte_may_take_longer_than_the_idle_timeout(http: Http, tls: Certificate | None) -> None:
    with RawServer(late(1.0, end=True), tls) as server:
        assert post(http, server.url, idle_timeout=0.5, first_byte_timeout=inf).read() == b"late"


def test_after_the_first_byte_the_idle_timeout_applies(http: Http) -> None:
    with RawServer(late(0.3, end=False)) as server:
        reply = post(http, server.url, idle_timeout=0.5, first_byte_timeout=inf)
        began = time.monotonic()
        with pytest.raises(CallTimeoutError, match=r"silent for 0\.5 s"):
            reply.read()
        assert time.monotonic() - began < 5


def test_the_deadline_ends_the_wait_for_the_first_byte(http: Http) -> None:
    with RawServer(late(9, end=True)) as server, pytest.raises(CallTimeoutError, match="the call's timeout passed"):
        post(http, server.url, idle_timeout=0.5, first_byte_timeout=inf, deadline=time.monotonic() + 1.0)


def test_an_interim_answer_is_not_the_first_byte(own: Http) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 102 Processing\r\n\r\n")
        peer.wait(1.0)
        peer.send(answer(b"late"))

    with RawServer(script) as server:
        assert post(own, server.url, idle_timeout=0.5, first_byte_timeout=inf).read() == b"late"


def head_then(seconds: float, *, rest: bytes = b"late") -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
        peer.wait(seconds)
        peer.send(rest)
        peer.wait(seconds)
        peer.send(rest)

    return script


def test_a_head_that_comes_alone_is_not_the_first_byte(http: Http) -> None:
    with RawServer(head_then(1.0)) as server:
        reply = post(http, server.url, idle_timeout=0.5, first_byte_timeout=inf)
        assert reply.read1() == b"late"
        with pytest.raises(CallTimeoutError, match=r"silent for 0\.5 s"):
            reply.read()


def test_in_a_stream_the_idle_timeout_applies_after_the_head(http: Http) -> None:
    with RawServer(head_then(9)) as server:
        reply = post(http, server.url, idle_timeout=0.5)
        with pytest.raises(CallTimeoutError, match=r"silent for 0\.5 s"):
            reply.read1()


AT_EXIT = """
    import sys, threading, time
    from minimax_sync.net.session import Http

    http = Http()
    http.exchange("POST", sys.argv[1], headers={}, body=b"hi", deadline=time.monotonic() + 10).read()
    if sys.argv[2] == "thread":
        threading.current_thread().kept = http
    else:
        sys.displayhook = lambda value, http=http: None
"""


@pytest.mark.parametrize("holder", ["thread", "hook"])
def test_a_connection_that_outlives_its_module_at_exit_closes_without_an_error(holder: str) -> None:
    with RawServer(echo) as server:
        assert run_python(AT_EXIT, server.url, holder) == ""
