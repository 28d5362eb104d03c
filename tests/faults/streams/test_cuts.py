"""C1 to C3: streams that are cut, at any event or byte, or fall silent, and what had come by then."""

from __future__ import annotations

from typing import Any

import pytest
from support.canary import PROMPT
from support.raw_server import Peer, RawServer
from support.wire_server import ANTHROPIC, FRAMINGS, TEXT, THINKING, Wire, framed, read, replies

from minimax_sync import CallTimeoutError, LlmError, ResponseFormatError, StreamInterruptedError, TransportError


def check_cut(wire: Wire, complete_events: int, found: tuple[str, str, LlmError | None]) -> None:
    """Judge a stream that was cut behind so many whole events."""
    text, thinking, error = found
    if complete_events >= wire.whole_after:
        assert error is None
        assert (text, thinking) == (TEXT, THINKING)
        return
    assert isinstance(error, StreamInterruptedError)
    assert error.budget is None
    assert error.partial is not None
    assert error.partial.text == text
    assert TEXT.startswith(text)
    assert error.partial.reasoning == thinking or not thinking
    assert error.partial.finish_reason == ""


# C1


@pytest.mark.parametrize("framing", FRAMINGS)
def test_C1_an_end_at_any_event_boundary_but_the_last_is_an_error_with_the_part_received(
    wire: Wire, framing: str
) -> None:
    for count in range(1, len(wire.events) + 1):
        step = b"".join(framed(wire.events[:count], framing))
        with RawServer(replies(step)) as server, wire.client(server) as client:
            check_cut(wire, count, read(client))
        assert len(server.requests) == 1


def test_C1_a_stream_without_its_end_has_no_response(wire: Wire) -> None:
    step = b"".join(framed(wire.events[: wire.whole_after - 1], "chunked"))
    with RawServer(replies(step)) as server, wire.client(server) as client:
        stream = client.stream(PROMPT)
        for _ in range(2):
            with pytest.raises(StreamInterruptedError):
                assert stream.response
        assert stream.partial.text == TEXT
        assert stream.partial.finish_reason == ""
        with pytest.raises(StreamInterruptedError):
            list(client.stream(PROMPT).text_deltas())


# C2, C3


@pytest.mark.parametrize(
    ("framing", "end"),
    [("chunked", Peer.finish), ("chunked", Peer.reset), ("HTTP/1.0", Peer.finish)],
    ids=["FIN inside a chunk", "RST inside a chunk", "FIN without a length"],
)
def test_C2_C3_a_cut_at_any_byte_is_one_kind_of_error_with_the_part_received(
    wire: Wire, framing: str, end: Any
) -> None:
    pieces = framed(wire.events, framing)
    head, whole = pieces[0], b"".join(pieces[1:])
    overhead = len(b"%x\r\n" % len(wire.events[0])) if framing == "chunked" else 0
    ends, position = [], 0
    for piece, event in zip(pieces[1:], wire.events, strict=False):
        ends.append(position + overhead + len(event))
        position += len(piece)

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(head + whole[: peer.number])
        end(peer)

    with RawServer(script) as server, wire.client(server) as client:
        for cut in range(len(whole)):
            found = read(client)
            complete = sum(position <= cut for position in ends)
            if cut == 0 and framing == "HTTP/1.0" and isinstance(found[2], ResponseFormatError):
                continue  # an answer of no byte at all
            if end is Peer.finish or complete < wire.whole_after:
                check_cut(wire, complete, found)
            else:  # a reset may overtake what was sent before it
                assert found[2] is None or isinstance(found[2], StreamInterruptedError)
    assert len(server.requests) == len(whole)


# what goes with them


def test_C2_a_timeout_inside_a_stream_has_the_part_received(wire: Wire) -> None:
    def stall(peer: Peer) -> None:
        peer.send(*framed(wire.events[: wire.whole_after - 1], "chunked", end=False))
        peer.stall()

    with RawServer(replies(stall)) as server, wire.client(server, idle_timeout=0.15) as client:
        text, _, error = read(client)
    assert isinstance(error, CallTimeoutError)
    assert isinstance(error, TransportError)
    assert error.sent
    assert error.partial is not None
    assert error.partial.text == text == TEXT


def test_C2_the_usage_from_the_start_is_kept_when_the_stream_breaks() -> None:
    step = b"".join(framed(ANTHROPIC.events[:-2], "chunked"))
    with RawServer(replies(step)) as server, ANTHROPIC.client(server) as client:
        error = read(client)[2]
    assert error is not None
    assert error.partial is not None
    assert error.partial.usage.prompt_tokens == 7
