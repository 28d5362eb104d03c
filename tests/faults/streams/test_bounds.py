"""Group C, bounds: how much a stream may hold, and how much work a byte of it may cost. Work is counted, not timed."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from support import wire_server
from support.canary import PROMPT
from support.raw_server import Peer, RawServer, answer
from support.wire_server import ANTHROPIC, JSON, OPENAI, Wire, framed, halves, replies, sse

from minimax_sync import LlmError, ResponseFormatError, ToolArgumentsError
from minimax_sync.values.request import as_request
from minimax_sync.wires.accumulator import Accumulator
from minimax_sync.wires.sse import SseParser
from minimax_sync.wires.wire import Wire as Codec


def stream_error(wire: Wire, *events: bytes, **options: Any) -> LlmError:
    """Stream an answer with these events behind its beginning; return what it ends with."""
    step = b"".join(framed([*wire.events[: wire.first_delta + 1], *events], "length"))
    with RawServer(replies(step)) as server, wire.client(server) as client, pytest.raises(LlmError) as caught:
        list(client.stream(PROMPT, **options))
    assert len(server.requests) == 1
    return caught.value


# C8


@pytest.mark.parametrize("which", ["line", "event"])
@pytest.mark.parametrize("framing", ["gzip", "chunked", "close"])
def test_C8_a_line_or_event_past_its_bound_is_refused_with_the_part_received(
    wire: Wire, which: str, framing: str
) -> None:
    data = b"data: " + b"y" * (9 << 20) if which == "line" else (b"data: " + b"y" * 65_530 + b"\n") * 260
    pieces = framed([*wire.events[:-2], *halves(data, 1 << 16)], framing)

    def step(peer: Peer) -> None:
        peer.send(*pieces)
        peer.stall()

    with RawServer(replies(step)) as server, wire.client(server) as client:
        with pytest.raises(ResponseFormatError, match=f"{which} of the stream is longer") as caught:
            list(client.stream(PROMPT))
        assert server.wait_until(lambda: not server.open_connections)
    assert caught.value.partial is not None
    assert caught.value.partial.text == wire_server.TEXT


def test_C8_a_stream_past_its_bound_is_refused(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minimax_sync.calls.stream.MAX_STREAM_BYTES", 100_000)
    error = stream_error(wire, *[wire.delta("more ")] * 2000)
    assert type(error) is ResponseFormatError
    assert "the stream is longer than 100000 bytes" in str(error)
    assert error.partial is not None
    assert error.partial.text.startswith("more more ")


def test_C8_a_body_past_its_bound_is_refused(wire: Wire) -> None:
    step = b"".join(framed([b'{"a": "', *[b"x" * (1 << 20)] * 33], "gzip", kind=JSON))
    with RawServer(replies(step)) as server, wire.client(server) as client:
        for ask in (client.chat, client.stream):
            with pytest.raises(ResponseFormatError, match="longer than 33554432 bytes"):
                ask(PROMPT)


def test_C8_too_many_tool_calls_are_refused(wire: Wire) -> None:
    def call(i: int) -> bytes:
        if wire is OPENAI:
            function = {"name": "f", "arguments": "{}"}
            return sse({"choices": [{"delta": {"tool_calls": [{"index": i, "id": f"c{i}", "function": function}]}}]})
        block = {"type": "tool_use", "id": f"c{i}", "name": "f", "input": {}}
        return sse({"type": "content_block_start", "index": i + 2, "content_block": block})

    error = stream_error(wire, *map(call, range(1000)))
    assert type(error) is ResponseFormatError
    assert "more than 256 tool calls" in str(error)
    assert error.partial is not None
    assert len(error.partial.tool_calls) == 256


def test_C8_too_many_parts_are_refused(wire: Wire) -> None:
    def part(i: int) -> bytes:
        if wire is OPENAI:
            return sse({"choices": [{"delta": {"reasoning_details": [{"index": i, "text": f"thought {i}"}]}}]})
        return sse({"type": "content_block_start", "index": i, "content_block": {"type": "text", "text": "x"}})

    assert type(stream_error(wire, *map(part, range(2, 6000)))) is ResponseFormatError


@pytest.mark.parametrize("depth", [500, 5_000, 1_000_000])
def test_C8_nesting_of_any_depth_is_an_answer_or_an_llm_error(wire: Wire, depth: int) -> None:
    nested = "[" * depth + "]" * depth
    if wire is OPENAI:
        body = '{"choices": [{"message": {"content": "hi", "reasoning_details": DEEP}}], "usage": DEEP}'
        call = '{"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": DEEP}}]}}]}'
    else:
        body = '{"type": "message", "content": [{"type": "text", "text": "hi"}], "usage": DEEP}'
        block = '{"type": "tool_use", "name": "f", "input": DEEP}'
        call = f'{{"type": "content_block_start", "index": 2, "content_block": {block}}}'
    with (
        RawServer(replies(answer(body.replace("DEEP", nested).encode(), headers=[JSON]))) as server,
        wire.client(server) as client,
    ):
        for ask in (client.chat, lambda prompt: client.stream(prompt).response):
            try:
                assert ask(PROMPT).text == "hi"
            except ResponseFormatError:
                assert depth > 500
    events = [
        *wire.events[: wire.whole_after - 1],
        sse(call.replace("DEEP", nested)),
        *wire.events[wire.whole_after - 1 :],
    ]
    step = b"".join(framed(events, "chunked"))
    with RawServer(replies(step)) as server, wire.client(server) as client:
        try:
            (made,) = client.stream(PROMPT).response.tool_calls
        except ResponseFormatError:
            assert depth > 500
        else:
            with pytest.raises(ToolArgumentsError):
                assert made.arguments


# C9


@contextmanager
def counted() -> Iterator[Callable[[], int]]:
    """Count the calls of Python functions and of C functions that happen inside."""
    count = 0

    def profile(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield lambda: count
    finally:
        sys.setprofile(before)


class Weighed(bytearray):
    """Counts the bytes that are copied out of it."""

    copied = 0

    def decode(self, *arguments: Any) -> str:
        type(self).copied += len(self)
        return super().decode(*arguments)

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        type(self).copied += len(found) if isinstance(index, slice) else 1
        return found


def _delta(**fields: Any) -> bytes:
    return sse({"choices": [{"delta": fields}]})


def _nameless(arguments: str) -> bytes:
    return _delta(tool_calls=[{"function": {"name": "f", "arguments": arguments}}])


GROWING: dict[str, tuple[Wire, bytes, bytes]] = {
    "text": (OPENAI, b"", _delta(content="word ")),
    "spaces": (OPENAI, b"", _delta(content=" ")),
    "beginnings of tags": (OPENAI, b"", _delta(content="<thin")),
    "spaces inside think tags": (OPENAI, _delta(content="<think>hm"), _delta(content=" ")),
    "many think tags": (OPENAI, b"", _delta(content="<think></think>" * 10)),
    "thinking": (OPENAI, b"", _delta(reasoning_content="word ")),
    "thinking in spaces": (OPENAI, b"", _delta(reasoning_details=[{"index": 0, "text": " "}])),
    "arguments": (
        OPENAI,
        b"",
        _delta(tool_calls=[{"index": 0, "id": "1", "function": {"name": "f", "arguments": "x}"}}]),
    ),
    "arguments without id or index": (OPENAI, _nameless('{"a": "'), _nameless("x}")),
    "brackets without id or index": (OPENAI, _nameless('{"a": '), _nameless("[")),
    "blocks' text": (ANTHROPIC, b"", ANTHROPIC.delta("word ")),
    "blocks' thinking": (
        ANTHROPIC,
        b"",
        sse({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "word "}}),
    ),
    "signatures": (
        ANTHROPIC,
        b"",
        sse({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": ""}}),
    ),
    "blocks' arguments": (
        ANTHROPIC,
        sse({"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "name": "f"}}),
        sse({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "[1,"}}),
    ),
    "comments": (OPENAI, b"", b": ping\n\n"),
    "blank lines": (OPENAI, b"", b"\r\n\r\n"),
}


def work_of(wire: Wire, first: bytes, event: bytes, count: int, stop: tuple[str, ...]) -> tuple[int, int]:
    """Accumulator `count` events; return the calls this took and the length of the longest text that was passed on."""
    codec = Codec("openai_compat" if wire is OPENAI else "anthropic_messages")
    accumulator: Accumulator = codec.accumulator(as_request(PROMPT, {"stop": stop} if stop else {}))
    parser, longest = SseParser(), 0
    with counted() as calls:
        for data in (first, *[event] * count):
            for parsed in parser.feed(data):
                for chunk in accumulator.feed(parsed):
                    longest = max(longest, len(getattr(chunk, "text", "")))
        accumulator.flush_text()
        return calls(), longest


@pytest.mark.parametrize("stop", [(), ("zzz", "word  word")], ids=["", "with stop sequences"])
@pytest.mark.parametrize("what", GROWING)
def test_C9_four_times_the_deltas_are_four_times_the_calls(what: str, stop: tuple[str, ...]) -> None:
    (few, _), (many, _) = (work_of(*GROWING[what], count, stop) for count in (500, 2000))
    assert many < 4.2 * few + 200


@pytest.mark.parametrize("what", GROWING)
def test_C9_held_text_is_not_read_again_with_every_delta(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Count the bytes and characters that the fold looks at, in the places where something grows."""
    import minimax_sync.wires.accumulator as stream
    import minimax_sync.wires.growing_call as calls
    import minimax_sync.wires.think_tags as think

    searched = 0

    def finditer(pattern: str, text: str) -> Iterator[re.Match[str]]:
        nonlocal searched
        searched += len(text)
        return re.finditer(pattern, text)

    monkeypatch.setattr(think, "re", SimpleNamespace(finditer=finditer))
    monkeypatch.setattr(Weighed, "copied", 0)
    for module in (stream, calls):
        monkeypatch.setattr(module, "bytearray", Weighed, raising=False)
    wire, first, event = GROWING[what]
    work_of(wire, first, event, 2000, ())
    total = len(first) + 2000 * len(event)
    assert searched <= 2 * total
    assert Weighed.copied <= 2 * total


def test_C9_a_long_line_in_small_reads_costs_its_length(wire: Wire) -> None:
    text = "long " * 50_000
    event = wire.delta(text)
    with counted() as calls:
        parser = SseParser()
        for read in halves(event, 64):
            parser.feed(read)
        assert calls() < 20 * (len(event) // 64)
    head, *pieces = framed([*wire.events[: wire.first_delta], event, *wire.events[wire.whole_after - 1 :]], "close")

    def step(peer: Peer) -> None:
        peer.send(head, *halves(b"".join(pieces), 1000))

    with RawServer(replies(step)) as server, wire.client(server) as client:
        assert client.stream(PROMPT).response.text == text


def test_C9_a_body_in_tiny_chunks_is_read_whole(wire: Wire) -> None:
    body = json.dumps(json.loads(wire.body) | {"padding": "x" * 20_000}).encode()
    step = b"".join(framed(halves(body, 2), "chunked", kind=JSON))
    with RawServer(replies(step)) as server, wire.client(server) as client:
        assert client.chat(PROMPT).text == wire_server.TEXT
