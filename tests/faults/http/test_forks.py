"""B1: connections after a fork. Parent and child each go on, on connections of their own."""

from __future__ import annotations

import threading

import pytest
from support.raw_server import Peer, RawServer, answer, chunked
from support.run_python import run_python

FORK_MID_STREAM = """
    import gc, os, sys, time
    import requests
    from minimax_sync.net.session import Http

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


FORK_WITH_LOCKS_HELD = """
    import os, sys, threading, time, warnings
    import requests
    from minimax_sync.net import trust
    from minimax_sync.net.session import Http

    warnings.simplefilter("ignore")
    url, kind = sys.argv[1:]
    http = Http() if kind == "own" else Http(requests.Session())

    def call(path="/"):
        return http.exchange("POST", url + path, headers={}, body=b"x", deadline=time.monotonic() + 10)

    if kind == "own":
        stream = call("/stream")
    call().read()
    if kind == "own":
        locks = [trust._lock]
    else:
        pools = http._session.get_adapter(url).poolmanager.pools
        mutexes = [pool.pool.mutex for pool in pools._container.values()]
        locks = [pools.lock, *mutexes, http._session.cookies._cookies_lock]
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
    http.close() if kind == "own" else http._session.close()
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
