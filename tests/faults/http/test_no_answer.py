"""B24, B25: no connection, and an answer that does not begin as one."""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.clock import took
from support.http_lab import failure, post, sends
from support.ports import unused_port
from support.raw_server import Certificate, Peer, RawServer, answer, echo

from minimax_sync.errors import CallTimeoutError, ResponseFormatError, TransportError
from minimax_sync.net.session import Http


def test_B24_a_refused_connection_may_be_tried_again(http: Http) -> None:
    port = unused_port()
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


def test_B24_an_invalid_host_name_is_not_tried_again(http: Http) -> None:
    error = failure(http, f"http://{'a' * 64}.invalid/")
    assert type(error) is TransportError
    assert error.budget is None


@contextlib.contextmanager
def deaf_address() -> Iterator[tuple[str, int]]:
    """Give an address that answers no attempt to connect: its queue is full."""
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            assert waiting.connect_ex(full.getsockname()) in (0, errno.EINPROGRESS)
        yield full.getsockname()


def test_B24_connecting_obeys_its_limit(http: Http) -> None:
    with deaf_address() as (host, port), took(0.2):
        error = failure(http, f"http://{host}:{port}", connect_timeout=0.2)
    assert isinstance(error, CallTimeoutError)
    assert not error.sent
    assert error.budget == "server"


def test_B24_an_address_that_does_not_answer_leaves_time_for_the_next(
    own: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer(echo) as server, deaf_address() as deaf:
        addresses = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in (deaf, (server.address, server.port))
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_: addresses)
        with took(0.2):
            assert post(own, "http://two.invalid", b"x", connect_timeout=0.5).read() == b"x"


def test_B24_a_handshake_that_stalls_obeys_the_limit_of_connecting(http: Http, certificate: Certificate) -> None:
    with RawServer(lambda peer: peer.stall()) as server, took(0.2):
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
    with RawServer(sends(head, then=Peer.stall)) as server, took(0, 2):
        error = failure(http, server.url)
        assert server.wait_until(lambda: not server.open_connections)
    assert type(error) is ResponseFormatError
    assert "is not HTTP" in str(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize("head", [b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" * 1000, b"X: " + b"x" * 60_000 + b"\r\n"])
def test_B25_a_storm_of_interim_answers_or_headers_ends(own: Http, head: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n" if head.startswith(b"X") else b"")
        while True:
            peer.send(head)

    with RawServer(script) as server, took(0, 5):
        assert type(failure(own, server.url)) is ResponseFormatError


def test_B25_an_interim_answer_is_skipped(http: Http) -> None:
    with RawServer(sends(b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"yes"))) as server:
        assert post(http, server.url).read() == b"yes"


@pytest.mark.parametrize("status", ["102 Processing", "103 Early Hints"])
def test_B25_what_follows_an_interim_answer_is_the_answer(own: Http, status: str) -> None:
    def script(peer: Peer) -> None:
        while True:
            body = peer.read_request().body
            peer.send(f"HTTP/1.1 {status}\r\nLink: </x>\r\n\r\n".encode() * 2 + answer(body))

    with RawServer(script) as server:
        for text in (b"the first", b"the second"):
            assert post(own, server.url, text).read() == text
    assert server.connections == 1


def test_B25_a_change_of_protocol_that_was_not_asked_for_is_refused(own: Http) -> None:
    upgrade = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"
    with RawServer(sends(upgrade, answer(b"no"), then=Peer.stall)) as server:
        assert type(failure(own, server.url)) is ResponseFormatError
