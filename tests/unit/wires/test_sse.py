"""The SSE parser against the published vectors, under every way in which the network may split them."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.replay import recorded

from minimax_sync.errors import ResponseFormatError
from minimax_sync.wires import sse
from minimax_sync.wires.sse import Event, SseParser

VECTORS: list[dict[str, Any]] = json.loads(recorded("sse_vectors.json"))["vectors"]
BY_NAME = pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])


def wire(vector: dict[str, Any]) -> bytes:
    if vector["wire_b64"] is not None:
        return base64.b64decode(vector["wire_b64"])
    return b"data: " + b"y" * (1 << 20) + b"\n\n"


def expected(vector: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(event["type"], event.get("data", "y" * (1 << 20)), event["last_event_id"]) for event in vector["events"]]


def run(reads: list[bytes]) -> tuple[list[tuple[str, str, str]], SseParser]:
    parser = SseParser()
    events = [event for read in reads for event in parser.feed(read)]
    return [(event.type, event.text, event.last_event_id) for event in events], parser


@BY_NAME
def test_a_vector_read_whole(vector: dict[str, Any]) -> None:
    events, parser = run([wire(vector)])
    assert events == expected(vector)
    assert parser.reconnection_time_ms == vector["reconnection_time_ms"]
    assert parser.last_event_id == vector["final_last_event_id"]


def splits(data: bytes) -> Iterator[list[bytes]]:
    """Yield the reads of single bytes, of two parts, and of parts of random sizes."""
    yield [data[i : i + 1] for i in range(len(data))]
    for i in range(0, len(data) + 1, max(1, len(data) // 400)):
        yield [data[:i], data[i:]]
    choice = random.Random(7)
    for _ in range(40 if len(data) < 10_000 else 3):
        ends = sorted(choice.choices(range(len(data) + 1), k=choice.randint(2, 12)))
        yield [data[begin:end] for begin, end in pairwise([0, *ends, len(data)])]


@BY_NAME
def test_a_vector_is_read_alike_however_it_is_split(vector: dict[str, Any]) -> None:
    for reads in splits(wire(vector)):
        assert run(reads)[0] == expected(vector), list(map(len, reads))


@given(st.lists(st.binary(max_size=40), max_size=12))
def test_any_bytes_give_the_same_events_however_they_are_split(reads: list[bytes]) -> None:
    assert run(reads)[0] == run([b"".join(reads)])[0]


def test_a_cr_ends_its_line_without_waiting_for_the_next_byte() -> None:
    assert SseParser().feed(b"data: x\r\r") == [Event("message", b"x")]


def test_a_line_past_its_bound_is_an_error_however_it_arrives() -> None:
    parser = SseParser()
    with pytest.raises(ResponseFormatError, match="line"):
        for _ in range(3):
            parser.feed(b"data: " + b"y" * (sse.MAX_LINE_BYTES // 2))


def test_an_event_past_its_bound_is_an_error_although_its_lines_are_short() -> None:
    parser = SseParser()
    lines = b"data: " + b"y" * 65_536 + b"\n"
    with pytest.raises(ResponseFormatError, match="event"):
        for _ in range(sse.MAX_EVENT_BYTES // 65_536 + 1):
            parser.feed(lines)


@pytest.mark.parametrize(("retry", "time"), [("3000", 3000), ("9" * 5000, None), ("3s", None), ("", None)])
def test_only_a_whole_number_of_milliseconds_is_a_reconnection_time(retry: str, time: int | None) -> None:
    parser = SseParser()
    (event,) = parser.feed(f"retry: {retry}\ndata: x\n\n".encode())
    assert (event.data, parser.reconnection_time_ms) == (b"x", time)


def test_the_work_is_linear_in_the_bytes_when_a_long_line_comes_in_small_reads() -> None:
    """Count the bytes that pass through the parser's buffer, instead of timing it."""
    parser, piece = SseParser(), b"y" * 64
    parser.feed(b"data: ")
    for _ in range((2 << 20) // len(piece)):
        assert parser.feed(piece) == []
    (event,) = parser.feed(b"\n\n")
    assert len(event.data) == 2 << 20
