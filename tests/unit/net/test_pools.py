"""The pool of an origin: which connections it keeps, and for how long."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import monotonic

import pytest
from support.raw_server import RawServer, echo

from minimax_sync.net import pools
from minimax_sync.net.deadlines import Deadlines
from minimax_sync.net.pools import Pool, open_pool


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


def test_after_a_burst_few_connections_stay_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "_allowed_idle", lambda: 3)
    barrier = Barrier(12)
    with RawServer(echo) as server, ThreadPoolExecutor(12) as threads:
        pool = open_pool(server.url, None, True)

        def call(number: int) -> bytes:
            barrier.wait()
            return exchange(pool, b"%d" % number)

        assert list(threads.map(call, range(12))) == [b"%d" % number for number in range(12)]
        for _ in range(3):
            exchange(pool)
        assert pool._idle is not None
        assert len(pool._idle) <= max(3, 12 // 2)
        pool.close()


def test_a_closed_pool_keeps_no_connection() -> None:
    with RawServer(echo) as server:
        pool = open_pool(server.url, None, True)
        pool.close()
        assert exchange(pool) == b"x"
        assert server.wait_until(lambda: not server.open_connections)
