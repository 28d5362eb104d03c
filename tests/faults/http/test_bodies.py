"""B18 to B22: bodies that are huge, slow, silent, cut or not wanted."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

import pytest
import requests
from support.clock import took
from support.http_lab import failure, post, sends
from support.raw_server import Certificate, Peer, RawServer, answer, chunked, echo

from minimax_sync.errors import CallTimeoutError, ResponseFormatError, TransportError
from minimax_sync.net.session import Http


def test_B18_a_body_past_the_limit_is_refused_and_its_connection_closed(http: Http) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        with contextlib.suppress(OSError):
            peer.send(chunked(*[bytes(65536)] * 1000))
        assert peer.gone()

    with RawServer(script) as server:
        with pytest.raises(ResponseFormatError, match="longer than 65536 bytes") as caught:
            post(http, server.url).read(limit=65536)
        assert caught.value.status == 200
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

    script = sends(before, then=lambda peer: peer.drip(dripped, 0.02))
    with RawServer(script, certificate if tls else None) as server, took(0.3):
        error = failure(own, server.url, deadline=time.monotonic() + 0.3, idle_timeout=0.2)
    assert isinstance(error, CallTimeoutError)
    assert error.sent
    assert "the call's timeout passed" in str(error)


@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Connection: close"])
def test_B19_a_dripped_body_on_a_users_session_is_left_at_the_deadline(framing: str) -> None:
    script = sends(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode(), then=lambda peer: peer.drip(bytes(1000), 0.02))
    with requests.Session() as session, RawServer(script) as server, took(0.3):
        error = failure(Http(session), server.url, deadline=time.monotonic() + 0.3)
    assert isinstance(error, CallTimeoutError)


@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked", "Connection: close"])
def test_B20_silence_inside_the_body_is_a_timeout(http: Http, framing: str) -> None:
    head = f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode()
    with RawServer(sends(head + b"5\r\nhel", then=Peer.stall)) as server, took(0.2):
        error = failure(http, server.url, idle_timeout=0.2)
        assert server.wait_until(lambda: not server.open_connections)
    assert isinstance(error, CallTimeoutError)
    assert error.sent
    assert error.status == 200


WHOLE = {"length": (answer(b"hello world"), 0), "chunked": (chunked(b"hello", b" world"), len(b"0\r\n\r\n"))}
"""Each with the length of the end mark, which may be missing."""


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
            with pytest.raises(TransportError, match="the answer was cut off after") as caught:
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
