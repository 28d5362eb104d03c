"""Feed bytes to an accumulator as a connection would, in any pieces."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from minimax_sync.values.chunks import ReasoningDelta, StreamChunk, TextDelta
from minimax_sync.values.response import ChatResponse
from minimax_sync.wires.accumulator import Accumulator
from minimax_sync.wires.sse import SseParser

DATA = Path(__file__).parent.parent / "data"

NewAccumulator = Callable[[], Accumulator]


def recorded(name: str) -> bytes:
    return (DATA / name).read_bytes()


def stream_of(*events: Any) -> bytes:
    """Write dicts as `data:` events; text and bytes go as they are."""
    written = []
    for event in events:
        if isinstance(event, dict):
            event = f"data: {json.dumps(event)}\n\n"
        written.append(event if isinstance(event, bytes) else event.encode())
    return b"".join(written)


def chunks_of(accumulator: Accumulator, reads: Iterable[bytes]) -> list[StreamChunk]:
    """Read up to the end of the answer, or of the bytes, as the client does."""
    parser, chunks = SseParser(), list[StreamChunk]()
    for read in reads:
        for event in parser.feed(read):
            chunks += accumulator.feed(event)
            if accumulator.complete or accumulator.stopped:
                return chunks + accumulator.end()
    return chunks + accumulator.end()


def replay(make: NewAccumulator, data: bytes, step: int = 9) -> ChatResponse:
    """Read a stream whole, byte by byte, and split in two at points `step` bytes apart.

    All must agree, and the deltas with the response.
    """
    accumulator = make()
    chunks, response = chunks_of(accumulator, [data]), accumulator.response()
    splits = [[data[at : at + 1] for at in range(len(data))]]
    splits += [[data[:at], data[at:]] for at in range(1, len(data), step)]
    for reads in splits:
        accumulator = make()
        assert chunks_of(accumulator, reads) == chunks
        assert accumulator.response() == response
    assert "".join(chunk.text for chunk in chunks if isinstance(chunk, TextDelta)) == response.text
    assert "".join(chunk.text for chunk in chunks if isinstance(chunk, ReasoningDelta)) == response.reasoning
    return response


def plain(make: NewAccumulator, body: Any) -> ChatResponse:
    """Read a whole answer."""
    accumulator = make()
    accumulator.feed_body(body if isinstance(body, bytes) else json.dumps(body).encode())
    accumulator.end()
    return accumulator.response()


def essence(response: ChatResponse) -> ChatResponse:
    """Leave out what a stream and a plain answer need not share."""
    return msgspec.structs.replace(response, body=b"", id="", model="")
