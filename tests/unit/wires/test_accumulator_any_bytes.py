"""Whatever a server sends, however the network cuts it: chunks, or one of our errors, and nothing else."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.encoded import ANTHROPIC, OPENAI, body
from support.replay import NewAccumulator, chunks_of, recorded, stream_of

from minimax_sync.errors import LlmError, ResponseFormatError
from minimax_sync.values.chunks import StreamEnd
from minimax_sync.values.messages import ChatMessage
from minimax_sync.wires.anthropic_decode import AnthropicAccumulator
from minimax_sync.wires.openai_decode import OpenAIAccumulator
from minimax_sync.wires.sse import SseParser

BOTH = pytest.mark.parametrize("make", [OpenAIAccumulator, AnthropicAccumulator])
QUICKLY = settings(max_examples=150, derandomize=True, deadline=None)

ODD = st.recursive(
    st.sampled_from([None, True, False, 0, 1, -1, 0.5, 10**30, "", "x", "0", "\ud800", math.nan, math.inf]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "index", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)

SEEDS: list[dict[str, Any]] = [
    {
        "id": "07",
        "model": "M",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "delta": {
                    "content": "Hi",
                    "reasoning_content": "Hm",
                    "reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "Hm"}],
                    "tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}],
                },
                "message": {"content": "Hi"},
            }
        ],
        "usage": {"total_tokens": 1, "completion_tokens_details": {"reasoning_tokens": 1}},
        "base_resp": {"status_code": 0, "status_msg": ""},
    },
    {"error": {"message": "boom", "type": "x", "code": "1", "http_code": "500"}, "request_id": "r", "type": "error"},
    {
        "type": "message_start",
        "message": {"id": "x", "model": "M", "content": [], "usage": {"input_tokens": 1}, "stop_reason": None},
    },
    {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "tool_use", "id": "a", "name": "f", "input": {}},
    },
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi", "signature": "s"}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
    {
        "type": "message",
        "content": [{"type": "thinking", "thinking": "Hm", "signature": "s"}, {"type": "text", "text": "Hi"}],
    },
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the paths of everything in a value, itself included."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] + [found for key, child in children for found in places(child, (*path, key))]


def with_change(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    changed = json.loads(json.dumps(value))
    inside = changed
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = new
    return changed


def outcome(make: NewAccumulator, reads: list[bytes]) -> object:
    """Return the chunks and the response, which goes back on both wires, or the error that came instead."""
    accumulator = make()
    try:
        chunks = chunks_of(accumulator, reads)
    except LlmError as error:
        return type(error), str(error), accumulator.response()
    assert isinstance(chunks[-1], StreamEnd)
    response = accumulator.response()
    results = [ChatMessage.tool_result(call.id, "done") for call in response.tool_calls]
    for wire in (OPENAI, ANTHROPIC):  # whatever came can be sent back
        body(wire, ["Hi", response.message, *results, "Go on."])
    return chunks, response


CHANGES = [(seed, path) for seed in SEEDS for path in places(seed)]


@BOTH
@QUICKLY
@given(st.lists(st.tuples(st.sampled_from(CHANGES), ODD), min_size=1, max_size=4))
def test_any_type_in_any_field(make: NewAccumulator, changes: list[tuple[tuple[Any, tuple[Any, ...]], Any]]) -> None:
    data = stream_of(*(f"data: {json.dumps(with_change(seed, path, new))}\n\n" for (seed, path), new in changes))
    outcome(make, [data])
    accumulator = make()
    try:
        accumulator.feed_body(data[6:-2])
        accumulator.end()
        assert repr(accumulator.response())
    except LlmError:
        assert accumulator.response() is not None


@BOTH
@pytest.mark.parametrize(
    "odd", [None, True, 0, -1, 0.5, 10**30, "", "x", [], {}, [[]], [{}], {"text": 1}, "\ud800"], ids=repr
)
def test_each_odd_value_in_each_field(make: NewAccumulator, odd: Any) -> None:
    for seed, path in CHANGES:
        outcome(make, [stream_of(f"data: {json.dumps(with_change(seed, path, odd))}\n\n")])


@BOTH
@QUICKLY
@given(st.data())
def test_a_recording_with_some_bytes_changed(make: NewAccumulator, data: st.DataObject) -> None:
    name = "openai_m27_tool_calls.sse" if make is OpenAIAccumulator else "anthropic_m25_tool_use.sse"
    spoiled = bytearray(recorded(name))
    for _ in range(data.draw(st.integers(1, 4))):
        spoiled[data.draw(st.integers(0, len(spoiled) - 1))] = data.draw(st.integers(0, 255))
    at = data.draw(st.integers(0, len(spoiled)))
    assert outcome(make, [bytes(spoiled[:at]), bytes(spoiled[at:])]) == outcome(make, [bytes(spoiled)])


@BOTH
@pytest.mark.parametrize(
    "opening", [b"[", b'{"a":', b'{"choices":[{"delta":{"reasoning_details":[{"x":', b'{"error":[']
)
@pytest.mark.parametrize("depth", [500, 900, 990, 5000, 100_000])
def test_deep_nesting(make: NewAccumulator, opening: bytes, depth: int) -> None:
    for inner in (b"[" * depth, b'{"a":' * depth):
        for data in (opening + inner, opening + inner + b"1" + (b"]" if inner[:1] == b"[" else b"}") * depth):
            outcome(make, [b"data: " + data + b"\n\n"])


@BOTH
@pytest.mark.parametrize("depth", range(150, 1000, 25))
def test_arguments_that_nest_deeply(make: NewAccumulator, depth: int) -> None:
    nested = "[" * depth + "]" * depth
    call = '{"choices":[{"message":{"tool_calls":[{"function":{"name":"f","arguments":{"x":@}}}]}}]}'
    block = '{"content":[{"type":"tool_use","id":"a","name":"f","input":{"x":@}}]}'
    accumulator = make()
    try:
        accumulator.feed_body((call if make is OpenAIAccumulator else block).replace("@", nested).encode())
    except ResponseFormatError:
        return
    assert accumulator.response().tool_calls


@BOTH
def test_a_million_tool_calls(make: NewAccumulator) -> None:
    calls = b",".join([b'{"index":0,"type":"tool_use","function":{}}'] * 1_000_000)
    accumulator = make()
    with pytest.raises(ResponseFormatError):
        accumulator.feed_body(b'{"choices":[{"message":{"tool_calls":[%s]}}],"content":[%s]}' % (calls, calls))


def delta(make: NewAccumulator, text: str) -> bytes:
    if make is OpenAIAccumulator:
        return stream_of({"choices": [{"index": 0, "delta": {"content": text}}], "usage": None})
    return b"event: content_block_delta\n" + stream_of(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    )


@BOTH
def test_an_accumulator_keeps_little_beyond_the_text(make: NewAccumulator) -> None:
    import tracemalloc

    feed, accumulator = SseParser().feed, make()
    read = delta(make, "word ")
    tracemalloc.start()
    try:
        for _ in range(20_000):
            for event in feed(read):
                accumulator.feed(event)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept - 100_000 < 256 * 1024
    assert len(accumulator.response().text) == 100_000


@BOTH
def test_a_delta_costs_few_calls(make: NewAccumulator) -> None:
    """Count calls instead of time: the hot path of every stream."""
    import cProfile

    feed, accumulator = SseParser().feed, make()
    if make is OpenAIAccumulator:
        for event in feed(stream_of({"choices": [{"delta": {"reasoning_content": "Let me see."}}]})):
            accumulator.feed(event)
    reads = [delta(make, f"word{n} ") for n in range(1000)]
    profile = cProfile.Profile()
    profile.enable()
    for read in reads:
        for event in feed(read):
            accumulator.feed(event)
    profile.disable()
    assert sum(entry.callcount for entry in profile.getstats()) <= 12 * len(reads) + 50
