"""How a reply may end before its end: closed, dropped, interrupted; what is left, and what an error shows."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.eventually import together
from support.http_lab import get, post, sends
from support.ports import unused_port
from support.raw_server import Certificate, Peer, RawServer, answer, chunked, echo
from support.run_python import run_python

from minimax_sync.errors import ConfigError, LlmError, TransportError
from minimax_sync.net.session import Http

HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("framing", ["Transfer-Encoding: chunked", "Connection: close", "Content-Length: 9"])
def test_close_from_another_thread_ends_a_read_at_once(http: Http, framing: str, tls: Certificate | None) -> None:
    with RawServer(sends(HEAD + f"{framing}\r\n\r\n".encode() + b"3\r\none", then=Peer.stall), tls) as server:
        reply = get(http, server.url)
        while b"one" not in reply.read1():
            continue
        results: list[bytes] = []
        reader = threading.Thread(target=lambda: results.append(reply.read1()))
        reader.start()
        time.sleep(0.05)
        began = time.monotonic()
        reply.close()
        reader.join(5)
        assert time.monotonic() - began < 1.0
        assert results == [b""]
        assert server.wait_until(lambda: not server.open_connections)
        reply.close()
        with pytest.raises(TransportError, match="closed before it was read"):
            reply.read()


def test_close_after_the_last_byte_leaves_the_connection_to_the_next_call(http: Http) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer(b"old"))
        peer.read_request()
        peer.send(HEAD + b"Content-Length: 3\r\n\r\n", b"new", pause=0.05)

    with RawServer(script) as server:
        old = get(http, server.url)
        assert old.read1() == b"old"
        new = get(http, server.url)
        old.close()
        assert new.read() == b"new"
    assert server.connections == 1


def test_close_in_a_race_with_the_end_never_hits_the_next_call() -> None:
    http = Http()
    with RawServer(echo) as server:
        for i in range(300):
            old = post(http, server.url, b"old")
            closer = threading.Thread(target=old.close)
            closer.start()
            with contextlib.suppress(TransportError):
                old.read()
            body = b"%d" % i
            assert post(http, server.url, body).read() == body
            closer.join()
    http.close()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("framing", ["Transfer-Encoding: chunked", "Connection: close"])
def test_abandoned_replies_leave_no_descriptor(http: Http, framing: str, tls: Certificate | None) -> None:
    with RawServer(sends(HEAD + f"{framing}\r\n\r\n3\r\none".encode(), then=Peer.stall), tls) as server:
        get(http, server.url).read1()
        assert server.wait_until(lambda: not server.open_connections)
        before = descriptors()
        gc.disable()  # they are to go with the last reference
        try:
            for _ in range(200):
                get(http, server.url).read1()
            assert server.wait_until(lambda: not server.open_connections)
        finally:
            gc.enable()
        assert server.wait_until(lambda: descriptors() <= before)


def test_failed_exchanges_leave_no_descriptor(http: Http, tls: Certificate | None) -> None:
    with RawServer(sends(b"HTTP/1.1 2", then=Peer.reset), tls) as server:
        before = descriptors()
        for _ in range(50):
            with pytest.raises(LlmError):
                get(http, server.url)
        gc.collect()
        assert server.wait_until(lambda: descriptors() <= before)


def test_closing_ends_the_idle_connections_and_those_in_use_afterwards() -> None:
    http = Http()
    with RawServer(echo) as server:
        late, early = post(http, server.url, b"late"), post(http, server.url, b"early")
        assert early.read() == b"early"
        assert server.open_connections == 2
        http.close()
        assert server.wait_until(lambda: server.open_connections == 1)
        assert late.read() == b"late"
        assert server.wait_until(lambda: not server.open_connections)


def test_closing_while_other_threads_call_further_servers_raises_nothing(own: Http) -> None:
    port, left = unused_port(), list(range(1, 4000))

    def call() -> None:
        with contextlib.suppress(IndexError):
            while True:
                number = left.pop()
                with contextlib.suppress(TransportError):
                    get(own, f"http://127.0.{number // 250}.{number % 250 + 1}:{port}")

    def close() -> None:
        while left:
            time.sleep(0.005)
            own.close()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        together([call, call, call, close])
    finally:
        sys.setswitchinterval(interval)


INTERRUPTED = """
    import os, signal, sys, threading, time
    import requests
    from minimax_sync.net.session import Http

    url, kind, phase = sys.argv[1:]
    http = Http() if kind == "own" else Http(requests.Session())

    def call(path):
        deadline = time.monotonic() + 10
        return http.exchange("POST", url + path, headers={}, body=b"x", deadline=deadline).read()

    threading.Timer(0.15, os.kill, (os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    try:
        call("/" + phase)
    except KeyboardInterrupt:
        assert time.monotonic() - began < 1
        print(call("/whole").decode())
"""


@pytest.mark.parametrize("kind", ["own", "user's"])
@pytest.mark.parametrize("phase", ["head", "body"])
def test_ctrl_c_discards_the_connection_and_the_next_call_works(kind: str, phase: str) -> None:
    def script(peer: Peer) -> None:
        while True:
            request = peer.read_request()
            if "/whole" in request.line:
                peer.send(answer(b"whole"))
            else:
                peer.send(b"HTTP/1.1 200 OK\r\n" if phase == "head" else chunked(b"half", end=False))
                peer.stall()
                return

    with RawServer(script) as server:
        assert run_python(INTERRUPTED, server.url, kind, phase, flags=("-W", "error")) == "whole"
    assert server.connections == 2


CANARY = "canary-7c1d"


def everything_shown(error: BaseException) -> str:
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join([*report.format(), repr(error), str(error), repr(error.__dict__), str(pickle.dumps(error))])


BREAKDOWNS: dict[str, Callable[[Peer], None]] = {
    "lost": Peer.reset,
    "garbage": sends(b"no http\r\n\r\n"),
    "cut": sends(chunked(b"half", end=False)),
    "silent": Peer.stall,
    "huge": sends(answer(bytes(200_000))),
    "packed": sends(answer(b"x" * 100, headers=["Content-Encoding: gzip"])),
}


@pytest.mark.parametrize("breakdown", [*BREAKDOWNS, "refused", "untrusted", "bad header", "bad url"])
def test_no_error_shows_what_was_sent(
    http: Http, breakdown: str, certificate: Certificate, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    headers = {"Authorization": f"Bearer {CANARY}"}
    body = f'{{"prompt": "{CANARY}"}}'.encode()
    query = f"?GroupId={CANARY}"

    def call(url: str) -> None:
        post(http, url, body, headers=headers, idle_timeout=0.2).read(limit=100_000)

    script = BREAKDOWNS.get(breakdown, echo)
    with RawServer(script, certificate if breakdown == "untrusted" else None) as server:
        url = server.url
        if breakdown == "refused":
            server.__exit__(None, None, None)
        if breakdown == "bad header":
            headers["Authorization"] += "\n"
        if breakdown == "bad url":
            url = f"http://someone:{CANARY}@127.0.0.1"
        with pytest.raises(ConfigError if breakdown.startswith("bad") else LlmError) as caught:
            call(f"{url}/{query}")
    error = caught.value
    assert error.__context__ is None or error.__suppress_context__
    error.__traceback__ = below_the_tests(error)
    assert CANARY not in everything_shown(error)
    assert not any(f"Bearer {CANARY}" in record.getMessage() for record in caplog.records)


def below_the_tests(error: BaseException) -> Any:
    """Drop the frames of the tests, which do hold the canary."""
    step = error.__traceback__
    while step is not None and not step.tb_frame.f_globals["__name__"].startswith("minimax_sync"):
        step = step.tb_next
    assert step is not None
    return step


def test_an_interrupted_exchange_shows_nothing_either(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        os.kill(os.getpid(), signal.SIGINT)
        peer.stall()

    with RawServer(script) as server:
        try:
            post(http, server.url, CANARY.encode(), headers={"Authorization": f"Bearer {CANARY}"})
        except KeyboardInterrupt as interrupt:
            interrupt.__traceback__ = below_the_tests(interrupt)
            assert CANARY not in everything_shown(interrupt)
        else:
            raise AssertionError("the call was not interrupted")


def test_many_first_calls_at_once_load_the_authorities_once(certificate: Certificate, tmp_path: Path) -> None:
    code = """
        import ssl, sys, threading, time
        from minimax_sync.net.session import Http

        loads = []
        load = ssl.SSLContext.load_verify_locations
        def counted(self, *args, **kwargs):
            loads.append(1)
            return load(self, *args, **kwargs)
        ssl.SSLContext.load_verify_locations = counted

        https, ready = [Http(), Http()], threading.Barrier(32)
        def call(i):
            ready.wait()
            deadline = time.monotonic() + 20
            assert https[i % 2].exchange("POST", sys.argv[1], headers={}, body=b"x", deadline=deadline).read() == b"x"
        threads = [threading.Thread(target=call, args=(i,)) for i in range(32)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(len(loads))
    """
    with RawServer(echo, certificate) as server:
        environment = {**os.environ, "REQUESTS_CA_BUNDLE": certificate.file}
        assert run_python(code, server.url, flags=("-W", "error"), env=environment) == "1"
