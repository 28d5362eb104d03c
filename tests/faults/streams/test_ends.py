"""C18: the end of a stream: when it is one, what is waited for, and what becomes of the connection."""

from __future__ import annotations

import time
from typing import Any

import pytest
from support.canary import PROMPT
from support.raw_server import Peer, RawServer
from support.wire_server import OPENAI, TEXT, TOKENS, Step, Wire, framed, replies, sse

from minimax_sync import StreamEnd, UsageUpdate


def kept_open(wire: Wire, *events: bytes) -> Any:
    """Make a step that sends events and then keeps the connection."""

    def step(peer: Peer) -> None:
        peer.send(*framed(events, "chunked", end=False))
        peer.stall()

    return step


@pytest.mark.parametrize(
    "end", [sse("[DONE]"), b": bye\n\n", b"data: \n\n", b""], ids=["DONE", "comment", "blank", "none"]
)
def test_C18_a_server_that_keeps_the_socket_open_does_not_delay_the_end(wire: Wire, end: bytes) -> None:
    with RawServer(replies(kept_open(wire, *wire.events, end))) as server, wire.client(server) as client:
        began = time.monotonic()
        response = client.stream(PROMPT).response
        assert time.monotonic() - began < 1
        assert (response.text, response.usage.total_tokens) == (TEXT, TOKENS)
        assert server.wait_until(lambda: not server.open_connections)


def test_C18_usage_that_comes_after_the_finish_reason_is_kept() -> None:
    late = [*OPENAI.events[:-1], b": wait\n\n", OPENAI.events[-1], sse("[DONE]")]

    def step(peer: Peer) -> None:
        peer.send(*framed(late, "chunked"), pause=0.05)

    with RawServer(replies(step)) as server, OPENAI.client(server) as client:
        chunks = list(client.stream(PROMPT))
    assert [type(chunk) for chunk in chunks[-2:]] == [UsageUpdate, StreamEnd]


@pytest.mark.parametrize("ping", [b": ping\n\n", sse({"choices": [{"delta": {}}]})], ids=["comments", "empty chunks"])
def test_C18_usage_that_never_comes_is_waited_for_no_longer_than_its_grace_whatever_keeps_coming(
    ping: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minimax_sync.calls.stream.USAGE_GRACE", 0.3)

    def step(peer: Peer) -> None:
        peer.send(*framed(OPENAI.events[:-1], "chunked", end=False))
        while True:
            peer.send(framed([ping], "chunked", end=False)[1])
            peer.wait(0.05)

    for options in ({}, {"idle_timeout": 0.2}):
        with RawServer(replies(step)) as server, OPENAI.client(server, **options) as client:
            began = time.monotonic()
            response = client.stream(PROMPT).response
            assert 0.15 < time.monotonic() - began < 3
        assert (response.text, response.finish_reason) == (TEXT, "stop")


@pytest.mark.parametrize("end", [Peer.finish, Peer.reset, Peer.stall], ids=["FIN", "RST", "silence"])
def test_C18_an_answer_that_lacks_only_its_terminal_event_is_returned(wire: Wire, end: Any) -> None:
    def step(peer: Peer) -> None:
        peer.send(*framed(wire.events[: wire.whole_after], "chunked", end=False))
        peer.wait(0.02)
        end(peer)

    with RawServer(replies(step)) as server, wire.client(server, idle_timeout=0.2) as client:
        response = client.stream(PROMPT).response
    assert (response.text, response.finish_reason) == (TEXT, "stop")


def test_C18_what_follows_the_end_is_not_read_for_long_and_not_taken_for_the_next_answer(wire: Wire) -> None:
    def flood(peer: Peer) -> None:
        peer.send(*framed(wire.events, "chunked", end=False))
        while True:
            peer.send(framed([wire.delta("more") * 100], "chunked", end=False)[1])

    steps: list[Step] = [flood, b"".join(framed(wire.events, "chunked"))]
    with RawServer(replies(*steps)) as server, wire.client(server) as client:
        began = time.monotonic()
        assert client.stream(PROMPT).response.text == TEXT
        assert time.monotonic() - began < 1
        assert client.stream(PROMPT).response.text == TEXT
    assert [request.connection for request in server.requests] == [0, 1]


def test_C18_after_a_stop_sequence_the_rest_of_the_answer_is_not_read(wire: Wire) -> None:
    sent: list[int] = []

    def step(peer: Peer) -> None:
        peer.send(*framed([*wire.events[: wire.first_delta + 1], wire.delta("one STOP two")], "chunked", end=False))
        while True:
            peer.wait(0.05)
            peer.send(framed([wire.delta("three")], "chunked", end=False)[1])
            sent.append(1)

    with RawServer(replies(step)) as server, wire.client(server) as client:
        response = client.stream(PROMPT, stop="STOP").response
        assert (response.text, response.finish_reason) == ("one ", "stop")
        assert server.wait_until(lambda: not server.open_connections)
    assert len(sent) < 6


def test_C18_a_stream_read_to_its_end_leaves_its_connection_for_the_next(wire: Wire) -> None:
    with RawServer(replies(b"".join(framed(wire.events, "chunked")))) as server, wire.client(server) as client:
        for _ in range(5):
            assert client.stream(PROMPT).response.text == TEXT
    assert server.connections == 1
