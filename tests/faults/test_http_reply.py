"""A reply on the wire: its bytes as they come, closing from anywhere, interruption, and nothing left behind."""

from __future__ import annotations

import contextlib
import gc
import gzip
import logging
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
import traceback
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from raw_server import Certificate, Peer, RawServer, answer, chunked, echo

from minimax_sync.errors import CallTimeoutError, ConfigError, LlmError, ResponseFormatError, TransportError
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


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=["http", "https"])
def tls(
    request: pytest.FixtureRequest, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> Certificate | None:
    """Give the certificate that a server is to use, or none; the client trusts it."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate.file)
    return certificate if request.param == "https" else None


def get(http: Http, url: str, **options: Any) -> Reply:
    return http.exchange("GET", url, **{"headers": {}, "deadline": time.monotonic() + 10, **options})


def post(http: Http, url: str, body: bytes, **options: Any) -> Reply:
    return http.exchange("POST", url, body=body, **{"headers": {}, "deadline": time.monotonic() + 10, **options})


def sends(*pieces: bytes, then: Callable[[Peer], None] = Peer.finish) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(*pieces, pause=0.01)
        then(peer)

    return script


HEAD = b"HTTP/1.1 200 OK\r\n"
FRAMINGS: dict[str, tuple[list[bytes], Callable[[Peer], None]]] = {
    "chunked": (
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"3\r\none\r\n", b"3\r\ntwo\r\n", b"0\r\n\r\n"],
        Peer.stall,
    ),
    "length": ([HEAD + b"Content-Length: 6\r\n\r\n", b"one", b"two"], Peer.stall),
    "close": ([HEAD + b"Connection: close\r\n\r\n", b"one", b"two"], Peer.finish),
    "HTTP/1.0": ([b"HTTP/1.0 200 OK\r\n\r\n", b"one", b"two"], Peer.finish),
}


@pytest.mark.parametrize("framing", FRAMINGS)
def test_read1_gives_what_has_come_as_soon_as_it_has_come(http: Http, framing: str, tls: Certificate | None) -> None:
    pieces, end = FRAMINGS[framing]
    step = threading.Semaphore(0)

    def script(peer: Peer) -> None:
        peer.read_request()
        for piece in pieces:
            peer.send(piece)
            if piece in pieces[1:3]:
                assert step.acquire(timeout=10)
        end(peer)

    with RawServer(script, tls) as server:
        reply = get(http, server.url)
        assert reply.read1() == b"one"
        step.release()
        assert reply.read1() == b"two"
        step.release()
        assert reply.read1() == b""
        assert reply.read1() == b""


def test_read1_decodes_what_has_come_of_a_packed_stream(http: Http) -> None:
    packer = zlib.compressobj(wbits=31)
    pieces = [packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH) for text in (b"one", b"two")]
    chunks = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, packer.flush())]
    head = HEAD + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    go_on = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(head, chunks[0])
        assert go_on.wait(10)
        peer.send(*chunks[1:], b"0\r\n\r\n")
        peer.stall()

    with RawServer(script) as server:
        reply = get(http, server.url)
        assert reply.read1() == b"one"
        go_on.set()
        assert reply.read() == b"two"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "x-gzip"])
def test_read_decodes_a_whole_body(http: Http, encoding: str) -> None:
    text = os.urandom(1000) * 300
    packed = zlib.compress(text) if encoding == "deflate" else gzip.compress(text)
    with RawServer(sends(answer(packed, headers=[f"Content-Encoding: {encoding}"]))) as server:
        assert get(http, server.url).read() == text


def test_a_body_that_is_not_what_its_encoding_says_is_a_format_error(http: Http) -> None:
    with RawServer(sends(answer(b"plain text", headers=["Content-Encoding: gzip"]))) as server:
        reply = get(http, server.url)
        with pytest.raises(ResponseFormatError, match="cannot be decoded"):
            reply.read()


def test_a_large_body_in_many_pieces_is_read_whole(http: Http, tls: Certificate | None) -> None:
    body = os.urandom(3 << 20)
    chunks = [body[i : i + 70_001] for i in range(0, len(body), 70_001)]
    for whole in (answer(body), chunked(*chunks)):
        with RawServer(sends(whole, then=Peer.stall), tls) as server:
            assert get(http, server.url).read() == body


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_frees_its_connection(http: Http, status: int) -> None:
    def script(peer: Peer) -> None:
        while True:
            peer.read_request()
            peer.send(f"HTTP/1.1 {status} Nothing\r\n\r\n".encode())

    with RawServer(script) as server:
        for _ in range(3):
            assert get(http, server.url).read() == b""
    assert server.connections == 1


def test_chunks_are_told_apart_wherever_the_network_splits_them(http: Http) -> None:
    whole = HEAD + b"Transfer-Encoding: chunked\r\n\r\n3;name=value\r\none\r\n00C\r\n\r\n3\r\nnot\r\n\r\n\r\n"
    whole += b"0\r\nTrailer: x\r\n\r\n"
    points = range(whole.index(b"\r\n\r\n") + 4, len(whole))

    def script(peer: Peer) -> None:
        for point in points:
            peer.read_request()
            peer.send(whole[:point], whole[point:], pause=0.002)
        peer.stall()

    with RawServer(script) as server:
        for point in points:
            assert get(http, server.url).read() == b"one\r\n3\r\nnot\r\n\r\n", point
    assert server.connections == 1


def test_a_connection_with_more_on_it_than_the_answer_is_not_used_again(http: Http) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(chunked(b"%d" % peer.number))
        peer.wait(0.01)
        peer.send(answer(b"nobody asked for this"))
        peer.stall()

    with RawServer(script) as server:
        for i in range(3):
            assert get(http, server.url).read() == b"%d" % i
            time.sleep(0.04)
    assert server.connections == 3


def test_the_connection_is_reused_after_a_whole_body(http: Http, tls: Certificate | None) -> None:
    def script(peer: Peer) -> None:
        for whole in (answer(b"1"), chunked(b"2"), answer(b""), chunked(), answer(b"5")):
            peer.read_request()
            peer.send(whole)
        peer.stall()

    with RawServer(script, tls) as server:
        assert [get(http, server.url).read() for _ in range(5)] == [b"1", b"2", b"", b"", b"5"]
    assert server.connections == 1


def test_finish_reads_a_short_rest_so_that_the_connection_is_reused(http: Http) -> None:
    def script(peer: Peer) -> None:
        while True:
            peer.read_request()
            peer.send(chunked(b"data", end=False), b"4\r\nrest\r\n0\r\n\r\n", pause=0.01)

    with RawServer(script) as server:
        for _ in range(3):
            reply = get(http, server.url)
            assert reply.read1() == b"data"
            reply.finish()
            assert reply.read1() == b""
    assert server.connections == 1


@pytest.mark.parametrize("rest", [b"10000000\r\n" + bytes(1 << 20), b""], ids=["too long", "too late"])
def test_finish_does_not_wait_for_a_long_rest(http: Http, rest: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(chunked(b"data", end=False) + rest)
        peer.stall()

    with RawServer(script) as server:
        reply = get(http, server.url)
        assert reply.read1().startswith(b"data")
        began = time.monotonic()
        reply.finish()
        assert time.monotonic() - began < 1
        assert server.wait_until(lambda: not server.open_connections)


def test_the_deadline_and_the_idle_limit_may_be_moved_between_reads(http: Http) -> None:
    with RawServer(sends(chunked(b"data", end=False), then=Peer.stall)) as server:
        reply = get(http, server.url, deadline=time.monotonic() + 20)
        assert reply.read1() == b"data"
        reply.idle_timeout = 0.1
        with pytest.raises(CallTimeoutError, match=r"silent for 0\.1 s"):
            reply.read1()
    with RawServer(sends(chunked(b"data", end=False), then=Peer.stall)) as server:
        reply = get(http, server.url, deadline=time.monotonic() + 0.3)
        assert reply.read1() == b"data"
        reply.deadline += 0.3
        began = time.monotonic()
        with pytest.raises(CallTimeoutError, match="timeout passed"):
            reply.read1()
        assert time.monotonic() - began > 0.4


def test_a_deadline_that_has_passed_ends_the_next_read(http: Http) -> None:
    with RawServer(sends(chunked(b"data", end=False), then=Peer.stall)) as server:
        reply = get(http, server.url)
        assert reply.read1() == b"data"
        reply.deadline = time.monotonic() - 1
        with pytest.raises(CallTimeoutError, match="timeout passed"):
            reply.read1()


def test_a_broken_body_stays_broken(http: Http) -> None:
    with RawServer(sends(chunked(b"data", end=False))) as server:
        reply = get(http, server.url)
        assert reply.read1() == b"data"
        for _ in range(3):
            with pytest.raises(TransportError, match="the answer was cut after 4 bytes"):
                reply.read1()


# Closing


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
        assert time.monotonic() - began < 0.3
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


# Interruption


INTERRUPTED = """
    import os, signal, sys, threading, time
    import requests
    from minimax_sync.http import Http

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
        command = [sys.executable, "-W", "error", "-c", textwrap.dedent(INTERRUPTED), server.url, kind, phase]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr) == ("whole\n", "")
    assert server.connections == 2


# Secrets


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
        caught = shown_by(call, f"{url}/{query}")
    assert isinstance(caught, ConfigError if breakdown.startswith("bad") else LlmError)
    assert caught.__context__ is None or caught.__suppress_context__
    caught.__traceback__ = below_this_file(caught)
    assert CANARY not in everything_shown(caught)
    assert not any(f"Bearer {CANARY}" in record.getMessage() for record in caplog.records)


def shown_by(call: Callable[[str], None], url: str) -> BaseException:
    try:
        call(url)
    except LlmError as error:
        return error
    raise AssertionError("the call did not fail")


def below_this_file(error: BaseException) -> Any:
    """Drop the frames of the test, which do hold the canary."""
    step = error.__traceback__
    while step is not None and step.tb_frame.f_code.co_filename == __file__:
        step = step.tb_next
    return step


def test_an_interrupted_exchange_shows_nothing_either(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        os.kill(os.getpid(), signal.SIGINT)
        peer.stall()

    with RawServer(script) as server:
        try:
            http.exchange(
                "POST",
                server.url,
                headers={"Authorization": f"Bearer {CANARY}"},
                body=CANARY.encode(),
                deadline=time.monotonic() + 10,
            )
        except KeyboardInterrupt as interrupt:
            interrupt.__traceback__ = below_this_file(interrupt)
            assert CANARY not in everything_shown(interrupt)
        else:
            raise AssertionError("the call was not interrupted")


# TLS


def test_many_first_calls_at_once_load_the_authorities_once(certificate: Certificate, tmp_path: Path) -> None:
    code = """
        import ssl, sys, threading, time
        from minimax_sync.http import Http

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
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(code), server.url],
            env={**os.environ, "REQUESTS_CA_BUNDLE": certificate.file},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert (done.stdout, done.stderr) == ("1\n", "")
