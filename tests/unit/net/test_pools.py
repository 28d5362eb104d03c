"""The pool of an origin: which connections it keeps, and for how long."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest
from support.raw_server import Peer, RawServer, answer, echo
from support.run_python import run_python

from minimax_sync.net import pools
from minimax_sync.net.connections import open_sockets
from minimax_sync.net.deadlines import Deadlines
from minimax_sync.net.pools import MAX_IDLE_CONNECTIONS, Pool, open_pool
from minimax_sync.net.session import Http


def exchange(pool: Pool, body: bytes = b"x") -> bytes:
    limits = Deadlines(monotonic() + 10, idle_timeout=5, connect_timeout=5)
    headers = {"Host": "localhost", "Content-Length": str(len(body))}
    return bytes(pool.exchange("POST", "/", headers, body, limits).read())


def test_a_connection_is_used_again_until_it_has_been_idle_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(echo) as server:
        pool = open_pool(server.url, None, True)
        assert [exchange(pool, body) for body in (b"one", b"two")] == [b"one", b"two"]
        assert server.connections == 1
        monkeypatch.setattr(pools, "MAX_IDLE_TIME", 0.0)
        assert exchange(pool) == b"x"
        assert server.connections == 2
        pool.close()
        assert server.wait_until(lambda: not server.open_connections)


def test_new_and_lost_connections_are_logged_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    def answer_once(peer: Peer) -> None:
        peer.send(answer(peer.read_request().body))
        peer.read_request()

    with caplog.at_level(logging.DEBUG, "minimax_sync.net"), RawServer(answer_once) as server:
        pool = open_pool(server.url, None, True)
        assert [exchange(pool, body) for body in (b"one", b"two")] == [b"one", b"two"]
        pool.close()
    connected, lost, again = (record.getMessage() for record in caplog.records)
    assert connected.startswith(f"connected to {server.url.removeprefix('http://')} in ")
    assert lost == "the server has closed the idle connections to 127.0.0.1"
    assert again.startswith("connected to ")


def test_a_closed_pool_keeps_no_connection() -> None:
    with RawServer(echo) as server:
        pool = open_pool(server.url, None, True)
        pool.close()
        assert exchange(pool) == b"x"
        assert server.wait_until(lambda: not server.open_connections)


def together(count: int) -> Callable[[Peer], None]:
    """Make a script that answers no request before `count` of them have come."""
    all_came = threading.Barrier(count)

    def script(peer: Peer) -> None:
        while True:
            body = peer.read_request().body
            all_came.wait(10)
            peer.send(answer(body))

    return script


def call(http: Http, url: str) -> bytes:
    return http.exchange("POST", url, headers={}, body=b"x", deadline=time.monotonic() + 10).read()


def test_after_a_burst_ten_connections_stay_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    others = open_sockets()
    monkeypatch.setattr(pools, "open_sockets", lambda: open_sockets() - others)
    http = Http()
    with RawServer(together(40)) as server, ThreadPoolExecutor(40) as threads:
        for _ in range(2):
            assert list(threads.map(lambda _: call(http, server.url), range(40))) == [b"x"] * 40
        assert server.wait_until(lambda: server.open_connections == MAX_IDLE_CONNECTIONS)
        http.close()
        assert server.wait_until(lambda: server.open_connections == 0)


SMALL_LIMIT = """
    import os, resource, sys, threading, time
    from concurrent.futures import ThreadPoolExecutor
    from minimax_sync.net.session import Http

    http = Http()

    def call(_):
        return http.exchange("POST", sys.argv[1], headers={}, body=b"x", deadline=time.monotonic() + 10).read()

    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    with ThreadPoolExecutor(30) as threads:
        list(threads.map(call, range(30)))
    print(sum(os.path.exists(f"/dev/fd/{fd}") for fd in range(64)))
    http.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_fewer_connections_stay_idle_where_a_program_may_open_few_files() -> None:
    with RawServer(together(30)) as server:
        assert int(run_python(SMALL_LIMIT, server.url)) < 15
