"""The OpenAI wire's streams, in every form in which MiniMax and the gateways before it were seen to send them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.openai_events import COUNTED, DETAIL, DONE, END, USAGE, answer, call, delta, message, thought
from support.replay import chunks_of, essence, plain, recorded, replay, stream_of

from minimax_sync.errors import StreamInterruptedError
from minimax_sync.values.chunks import StreamEnd, TextDelta, ToolCallDelta, ToolCallEnd, ToolCallStart, UsageUpdate
from minimax_sync.values.messages import Reasoning, Text, ToolCall
from minimax_sync.values.usage import TokenUsage
from minimax_sync.wires.openai_decode import OpenAIAccumulator
from minimax_sync.wires.sse import Event


def test_the_capture_of_a_reasoned_answer() -> None:
    response = replay(OpenAIAccumulator, recorded("openai_m27_reasoning.sse"), step=1)
    assert response.text == "**Proof.** $$2a + 2b + 2 = 2(a + b + 1)$$ ∎"
    assert response.reasoning == "The user wants a proof."
    assert response.message.parts[0] == Reasoning("The user wants a proof.", "reasoning_details", extra=DETAIL)
    assert (response.id, response.model) == ("07008f4a82fecea87b8c3822c4ed23c0", "MiniMax-M2.7")
    assert response.usage == TokenUsage(769, 116, 885, reasoning_tokens=37, cache_read_tokens=443)
    assert response.finish_reason == "stop"
    assert response.raw is None


def test_a_stream_and_a_whole_answer_give_the_same_response() -> None:
    streamed = replay(OpenAIAccumulator, recorded("openai_m27_reasoning.sse"), step=1)
    body = message(
        content=streamed.text,
        reasoning_content=streamed.reasoning,
        reasoning_details=[{**DETAIL, "text": streamed.reasoning}],
    )
    body["usage"] = {
        "total_tokens": 885,
        "prompt_tokens": 769,
        "completion_tokens": 116,
        "completion_tokens_details": {"reasoning_tokens": 37},
        "prompt_tokens_details": {"cached_tokens": 443},
    }
    assert essence(plain(OpenAIAccumulator, body)) == essence(streamed)


def test_the_two_real_forms_of_tool_calls() -> None:
    accumulator = OpenAIAccumulator()
    chunks = chunks_of(accumulator, [recorded("openai_m27_tool_calls.sse")])
    first, second = (
        ToolCall("call_function_jpaq2z2bgfh7_1", "search", {"query": "|event::"}),
        ToolCall("call_function_jpaq2z2bgfh7_2", "read_file", {"paths": ["src/providers/minimax.rs"]}),
    )
    assert [(c.id, c.name, c.arguments) for c in accumulator.response().tool_calls] == [
        (c.id, c.name, c.arguments) for c in (first, second)
    ]
    assert [type(chunk) for chunk in chunks] == [
        ToolCallStart,
        ToolCallDelta,
        ToolCallDelta,
        ToolCallStart,
        ToolCallDelta,
        ToolCallEnd,
        ToolCallEnd,
        UsageUpdate,
        StreamEnd,
    ]
    assert chunks[0] == ToolCallStart(0, first.id, "search")
    assert chunks[4] == ToolCallDelta(1, '{"paths": ["src/providers/minimax.rs"]}')
    assert chunks[-1] == StreamEnd("tool_calls")
    assert replay(OpenAIAccumulator, recorded("openai_m27_tool_calls.sse"), step=1) == accumulator.response()


ENDINGS: dict[str, tuple[Any, ...]] = {
    "usage after the finish reason, no [DONE]": (delta("Hi"), *END),
    "[DONE] behind it": (delta("Hi"), *END, DONE),
    "[DONE] and no usage": (delta("Hi"), delta(finish="stop"), DONE),
    "the connection closes behind the finish reason": (delta("Hi"), delta(finish="stop")),
    "text in the finish chunk": (delta("H"), delta("i", finish="stop"), USAGE),
    "usage in the finish chunk": (delta("Hi"), {**delta(finish="stop"), "usage": USAGE["usage"]}),
    "usage before the finish reason": (delta("Hi"), USAGE, delta(finish="stop")),
    "zero usage in every chunk": (
        {**delta("Hi"), "usage": {"total_tokens": 0, "total_characters": 0}},
        {**delta(finish="stop"), "usage": {"total_tokens": 0}},
        USAGE,
        {"choices": [], "usage": None},
    ),
    "the finish chunk twice": (delta("Hi"), delta(finish="stop"), delta(finish="stop"), USAGE),
    "a role of ''": (delta("Hi", role=""), *END),
    "an empty role chunk first": (delta("", role="assistant"), delta("Hi"), *END),
    "base_resp 0 in every chunk": tuple({**e, "base_resp": {"status_code": 0}} for e in (delta("Hi"), *END)),
    "a warning with base_resp 0": (
        delta("Hi"),
        END[0],
        {
            **USAGE,
            "base_resp": {"status_code": 0, "status_msg": 'Invalid parameters detected, json: unknown field "user"'},
        },
    ),
    "no space behind data:": (f"data:{json.dumps(delta('Hi'))}\n\ndata:{json.dumps(END[0])}\n\n",),
    "pretty-printed over several data lines": (
        "".join(f"data: {line}\n" for line in json.dumps(delta("Hi"), indent=1).split("\n")) + "\n",
        *END,
    ),
    "CRLF and comments": (stream_of(": keep-alive\n\n", delta("Hi"), *END).replace(b"\n", b"\r\n"),),
    "blank keep-alives": ("data:\n\n", delta("Hi"), "data: \n\n", *END),
    "the whole message repeated at the end": (delta("H"), delta("i"), message(content="Hi"), USAGE),
    "the whole message in the finish chunk": (
        delta("Hi"),
        {"choices": [{"index": 0, "finish_reason": "stop", "delta": {}, "message": {"content": "Hi"}}]},
        USAGE,
    ),
    "a whole message and no delta": ({**message(content="Hi"), "usage": USAGE["usage"]},),
    "a whole message without a finish reason": ({"choices": [{"message": {"content": "Hi"}}]},),
    "a choice index that counts up": (delta("H"), {"choices": [{"index": 1, "delta": {"content": "i"}}]}, *END),
    "content as a list": (delta([{"type": "text", "text": "H"}, {"type": "text", "text": "i"}, 5]), *END),
    "wrong types where it does not matter": (
        {**delta("Hi"), "created": "x", "id": 5, "model": ["M"], "usage": "none", "request_id": {}},
        {"choices": [{"index": "0", "finish_reason": 7, "delta": {"tool_calls": None, "reasoning_details": "no"}}]},
    ),
}


@pytest.mark.parametrize("events", ENDINGS.values(), ids=ENDINGS)
def test_an_answer_is_whole_with(events: tuple[Any, ...]) -> None:
    data = stream_of(*events)
    response = replay(OpenAIAccumulator, data)
    assert response.message.parts == (Text("Hi"),)
    assert response.finish_reason == "stop"
    assert response.usage == (COUNTED if b'"total_tokens": 5' in data else TokenUsage())


def test_a_usage_that_is_counted_before_the_end_is_kept_past_null_and_zeros() -> None:
    zeros = {"choices": [], "usage": {"total_tokens": 0, "prompt_tokens": 0}}
    assert answer(delta("Hi"), USAGE, zeros, {**delta(finish="stop"), "usage": None}).usage == COUNTED


def test_usage_comes_right_before_the_end_which_is_last() -> None:
    chunks = chunks_of(OpenAIAccumulator(), [stream_of(delta("Hi"), *END)])
    assert chunks == [TextDelta("Hi"), UsageUpdate(COUNTED), StreamEnd("stop")]


def test_counts_written_as_text_or_floats_are_read_and_nonsense_counts_as_zero() -> None:
    usage = {"prompt_tokens": "3", "completion_tokens": 2.0, "total_tokens": None, "prompt_tokens_details": [1]}
    assert answer(delta("Hi"), delta(finish="stop"), {"choices": [], "usage": usage}).usage == COUNTED
    odd = {
        "prompt_tokens": -3,
        "completion_tokens": 1e300,
        "total_tokens": 4,
        "completion_tokens_details": {"reasoning_tokens": {}},
    }
    assert answer(delta("Hi"), delta(finish="stop"), {"choices": [], "usage": odd}).usage == TokenUsage(0, 0, 4)


@pytest.mark.parametrize("end", range(1, 4))
def test_a_stream_without_its_finish_reason_is_interrupted_and_keeps_what_came(end: int) -> None:
    events = (thought("Let me see"), delta("Hel"), delta("lo"))[:end]
    accumulator = OpenAIAccumulator()
    with pytest.raises(StreamInterruptedError) as caught:
        chunks_of(accumulator, [stream_of(*events)])
    partial = caught.value.partial
    assert partial is not None
    assert partial.text == ("", "Hel", "Hello")[end - 1]
    assert partial.reasoning == "Let me see"
    assert partial.finish_reason == ""


def test_half_an_event_at_the_end_is_not_folded() -> None:
    data = stream_of(delta("Hi"), delta(" there"))[:-1]
    with pytest.raises(StreamInterruptedError) as caught:
        chunks_of(OpenAIAccumulator(), [data])
    assert caught.value.partial is not None
    assert caught.value.partial.text == "Hi"


def test_only_usage_is_awaited_after_a_finish_reason() -> None:
    accumulator = OpenAIAccumulator()
    seen = []
    for event in (delta("Hi"), delta(finish="stop"), USAGE):
        accumulator.feed(Event("message", json.dumps(event).encode()))
        seen.append((accumulator.awaits_only_usage, accumulator.complete))
    assert seen == [(False, False), (True, False), (False, True)]


def test_the_lists_of_chunks_that_were_handed_out_do_not_change_later() -> None:
    accumulator = OpenAIAccumulator()
    empty = accumulator.feed(Event("message", b'{"choices": []}'))
    accumulator.feed(Event("message", json.dumps(delta("Hi")).encode()))
    assert empty == []


REASONS = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "stop",  # without a call there is none to answer
    "tool_call": "stop",
    "function_call": "stop",
    "end_turn": "stop",
    "max_tokens": "length",
    "insufficient_system_resource": "insufficient_system_resource",
}


@pytest.mark.parametrize(("sent", "given"), REASONS.items())
def test_finish_reason(sent: str, given: str) -> None:
    assert answer(delta("Hi"), delta(finish=sent)).finish_reason == given


def test_with_tool_calls_the_finish_reason_is_always_tool_calls() -> None:
    assert answer(call("{}", index=0, id="a", name="f"), delta(finish="stop")).finish_reason == "tool_calls"


def test_sensitive_content_is_flagged() -> None:
    assert answer({**delta("Hi"), "input_sensitive": True}, *END).flagged
    assert not answer({**delta("Hi"), "input_sensitive": False}, *END).flagged


def test_invalid_utf8_and_half_surrogates_are_replaced() -> None:
    data = b'data: {"choices":[{"delta":{"content":"a\xffb \\ud83d\\ude00 \\ud83d \\\\ud83d"}}]}\n\n'
    assert replay(OpenAIAccumulator, data + stream_of(*END)).text == "a\ufffdb \U0001f600 \ufffd \\ud83d"
