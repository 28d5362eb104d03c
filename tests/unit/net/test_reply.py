"""A reply's bytes as they come: framing, encoding, limits, and the connection's way back."""

from __future__ import annotations

import gzip
import os
import threading
import time
import zlib
from collections.abc import Callable

import pytest
from support.http_lab import get, sends
from support.raw_server import Certificate, Peer, RawServer, answer, chunked

from minimax_sync.errors import CallTimeoutError, ResponseFormatError, TransportError
from minimax_sync.net.session import Http

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
def test_read1_returns_bytes_as_soon_as_they_arrive(http: Http, framing: str, tls: Certificate | None) -> None:
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


def test_read1_decodes_the_part_of_a_compressed_stream_that_has_arrived(http: Http) -> None:
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


def test_a_body_that_does_not_match_its_encoding_is_a_format_error(http: Http) -> None:
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


def test_the_connection_is_reused_after_a_whole_body(http: Http, tls: Certificate | None) -> None:
    def script(peer: Peer) -> None:
        for whole in (answer(b"1"), chunked(b"2"), answer(b""), chunked(), answer(b"5")):
            peer.read_request()
            peer.send(whole)
        peer.stall()

    with RawServer(script, tls) as server:
        assert [get(http, server.url).read() for _ in range(5)] == [b"1", b"2", b"", b"", b"5"]
    assert server.connections == 1


def test_finish_reads_a_short_remainder_so_that_the_connection_is_reused(http: Http) -> None:
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
def test_finish_does_not_wait_for_a_long_remainder(http: Http, rest: bytes) -> None:
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
            with pytest.raises(TransportError, match="the answer was cut off after 4 bytes"):
                reply.read1()


@pytest.mark.parametrize("body", [answer(b"onetwo"), chunked(b"one", b"two")], ids=["length", "chunked"])
def test_a_body_is_read_once_and_kept(http: Http, body: bytes) -> None:
    with RawServer(sends(body)) as server:
        reply = get(http, server.url)
        assert reply.body is None
        assert reply.read() == reply.body == b"onetwo"
        assert reply.read1() == b""


def test_a_closed_reply_gives_nothing_and_a_dropped_one_counts_as_empty(http: Http) -> None:
    with RawServer(sends(answer(b"x" * 100)[:-50], then=Peer.stall)) as server:
        reply = get(http, server.url)
        reply.close()
        assert reply.read1() == b""
        with pytest.raises(TransportError, match="closed before it was read"):
            reply.read()
    with RawServer(sends(answer(b"x" * 100)[:-50], then=Peer.stall)) as server:
        reply = get(http, server.url)
        reply.drop()
        assert reply.read() == b""
