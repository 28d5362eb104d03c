"""A reply: read whole or piece by piece, finished, dropped, closed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.http_lab import get, sends
from support.raw_server import Peer, RawServer, answer, chunked

from minimax_sync.errors import ResponseFormatError, TransportError
from minimax_sync.net.session import Http


@pytest.fixture
def http() -> Iterator[Http]:
    http = Http()
    yield http
    http.close()


@pytest.mark.parametrize("body", [answer(b"onetwo"), chunked(b"one", b"two")], ids=["length", "chunked"])
def test_a_body_is_read_once_and_kept(http: Http, body: bytes) -> None:
    with RawServer(sends(body)) as server:
        reply = get(http, server.url)
        assert reply.body is None
        assert reply.read() == reply.body == b"onetwo"
        assert reply.read1() == b""


def test_a_body_past_its_limit_is_an_error_with_the_status(http: Http) -> None:
    with RawServer(sends(answer(b"x" * 11))) as server:
        with pytest.raises(ResponseFormatError, match="longer than 10 bytes") as caught:
            get(http, server.url).read(10)
        assert caught.value.status == 200


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


def test_finish_leaves_the_connection_to_the_next_call(http: Http) -> None:
    def script(peer: Peer) -> None:
        while peer.read_request():
            peer.send(answer(b"x" * 1000))

    with RawServer(script) as server:
        for _ in range(3):
            get(http, server.url).finish()
        assert server.connections == 1
