"""The Anthropic wire's streams, in every form in which MiniMax and the gateways before it were seen to send them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.anthropic_events import COUNTED, END, HI, STOP, answer, grown, opened, reason, start, stopped
from support.replay import chunks_of, plain, recorded, replay, stream_of

from minimax_sync.errors import StreamInterruptedError
from minimax_sync.values.chunks import (
    ReasoningDelta,
    StreamEnd,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    UsageUpdate,
)
from minimax_sync.values.messages import Reasoning, Text, ToolCall
from minimax_sync.values.usage import TokenUsage
from minimax_sync.wires.anthropic_decode import AnthropicAccumulator

SIGNATURE = "7254671620b06ac0624bcebbf123928a95fa4de340fb3ee72109a53a23eee5c8"


def test_the_capture_of_thinking_text_and_a_tool_call() -> None:
    data = recorded("anthropic_m25_tool_use.sse")
    response = replay(AnthropicAccumulator, data, step=1)
    assert response.message.parts == (
        Reasoning("The user asks a simple question.", "thinking", SIGNATURE),
        Text("Hello 世界!"),
        ToolCall("call_function_4veuf3y571vf_1", "get_prd", arguments_json='{"id": 7}'),
    )
    assert response.finish_reason == "tool_calls"
    assert (response.id, response.model) == ("06ade102991aa94deb49ac9ac4b7d56d", "MiniMax-M2.5")
    assert response.usage == TokenUsage(172, 111, 283)
    assert chunks_of(AnthropicAccumulator(), [data]) == [
        ReasoningDelta("The user asks a simple question."),
        TextDelta("Hello"),
        TextDelta(" 世界!"),
        ToolCallStart(0, "call_function_4veuf3y571vf_1", "get_prd"),
        ToolCallDelta(0, '{"id": '),
        ToolCallDelta(0, "7}"),
        ToolCallEnd(0, response.tool_calls[0]),
        UsageUpdate(TokenUsage(172, 111, 283)),
        StreamEnd("tool_calls"),
    ]


def test_a_stream_and_a_whole_message_give_the_same_response() -> None:
    streamed = replay(AnthropicAccumulator, recorded("anthropic_m25_tool_use.sse"), step=1)
    content = [
        {"type": "thinking", "thinking": streamed.reasoning, "signature": SIGNATURE},
        {"type": "text", "text": streamed.text},
        {"type": "tool_use", "id": streamed.tool_calls[0].id, "name": "get_prd", "input": {"id": 7}},
    ]
    usage = {"input_tokens": 172, "output_tokens": 111}
    whole = plain(
        AnthropicAccumulator, {"type": "message", "content": content, "stop_reason": "tool_use", "usage": usage}
    )
    assert whole.tool_calls[0].arguments == streamed.tool_calls[0].arguments
    assert whole.message.parts[:2] == streamed.message.parts[:2]
    assert (whole.usage, whole.finish_reason) == (streamed.usage, streamed.finish_reason)


FORMS = {
    "all events": (start(COUNTED), {"type": "ping"}, *HI, *END),
    "event lines alone name the kind": tuple(
        f"event: {event['type']}\ndata: {json.dumps({k: v for k, v in event.items() if k != 'type'})}\n\n"
        for event in (start(), *HI, *END)
    ),
    "no message_stop": (start(COUNTED), *HI, reason()),
    "no message_stop and [DONE]": (start(COUNTED), *HI, reason(), "data: [DONE]\n\n"),
    "no message_delta": (start(COUNTED), *HI, STOP),
    "no content_block_start": (start(COUNTED), grown(0, text="H"), grown(0, text="i"), *END),
    "no content_block_stop": (start(COUNTED), *HI[:2], *END),
    "no message_start": (*HI, *END),
    "text in the start, not repeated": (opened(0, "text", text="H"), grown(0, text="i"), *END),
    "text in the start, repeated": (opened(0, "text", text="Hi"), grown(0, text="Hi"), stopped(0), *END),
    "text in the start, repeated and longer": (opened(0, "text", text="H"), grown(0, text="Hi"), *END),
    "text in the start, repeated behind an empty delta": (
        opened(0, "text", text="Hi"),
        grown(0, text=""),
        grown(0, text="Hi"),
        *END,
    ),
    "all text in the start": (opened(0, "text", text="Hi"), stopped(0), *END),
    "all text in the start that never stops": (opened(0, "text", text="Hi"), *END),
    "the message repeated behind the deltas": (
        *HI,
        {"type": "message", "content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn", "usage": COUNTED},
        *END,
    ),
    "a whole message and no delta": (
        {"type": "message", "content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn", "usage": COUNTED},
    ),
    "a whole message in message_start": (start(COUNTED, content=[{"type": "text", "text": "Hi"}]), *END),
    "usage only at message_stop": (*HI, reason(), {**STOP, "usage": COUNTED}),
    "usage null": (start(COUNTED), *HI, reason(usage=None), STOP),
    "usage zero at the start": (start({"input_tokens": 0, "output_tokens": 0}), *HI, *END),
    "OpenAI's names in usage": (*HI, reason(usage={"prompt_tokens": 3, "completion_tokens": 2}), STOP),
    "indexes as text": (start(COUNTED), opened("0", "text", text=""), grown("0", text="Hi"), stopped("0"), *END),
    "no indexes": (start(COUNTED), opened(None, "text", text=""), grown(None, text="Hi"), stopped(None), *END),
    "unknown events": ({"type": "later", "x": 1}, *HI, {"type": "x", "delta": {}}, *END),
    "wrong types where it does not matter": (
        {"type": "message_start", "message": {"id": 5, "model": [], "usage": COUNTED, "stop_reason": None}},
        *HI,
        {"type": "message_delta", "delta": {"stop_reason": 7}, "usage": {"output_tokens": "2", "x": [{}]}},
        STOP,
    ),
    "a message that is text": ({"type": "message_start", "message": "hello"}, *HI, *END),
    "content that is text": ({"type": "message", "content": "Hi", "stop_reason": "end_turn", "usage": COUNTED},),
    "blank keep-alives": ("data:\n\n", *HI, "data: \n\n", *END),
}


@pytest.mark.parametrize("events", FORMS.values(), ids=FORMS)
def test_an_answer_is_whole_with(events: tuple[Any, ...]) -> None:
    response = answer(*events)
    assert response.message.parts == (Text("Hi"),)
    assert response.finish_reason == "stop"
    assert response.usage == TokenUsage(3, 2, 5)


def test_usage_counts_the_cache_as_input_and_merges_what_comes_in_pieces() -> None:
    usage = {
        "input_tokens": 236,
        "output_tokens": 0,
        "cache_creation_input_tokens": 7149,
        "cache_read_input_tokens": 38308,
    }
    response = answer(start(usage), *HI, reason(usage={"output_tokens": 9, "cache_read_input_tokens": None}), STOP)
    assert response.usage == TokenUsage(45693, 9, 45702, 0, 38308, 7149)


@pytest.mark.parametrize("usage", [None, {}, {"input_tokens": 0}, "none", [1], {"input_tokens": "x"}])
def test_a_stream_without_usage_has_no_usage_update(usage: Any) -> None:
    chunks = chunks_of(AnthropicAccumulator(), [stream_of(start(usage), *HI, reason(usage=usage), STOP)])
    assert chunks == [TextDelta("Hi"), StreamEnd("stop")]


REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
    "tool_use": "stop",  # without a call there is none to answer
    "pause_turn": "pause_turn",
    "something_new": "something_new",
}


@pytest.mark.parametrize(("sent", "given"), REASONS.items())
def test_finish_reason(sent: str, given: str) -> None:
    assert answer(*HI, reason(sent), STOP).finish_reason == given
    body = {"content": [{"type": "text", "text": "Hi"}], "stop_reason": sent}
    assert plain(AnthropicAccumulator, body).finish_reason == given


@pytest.mark.parametrize("events", [(), (start(COUNTED),), (start(COUNTED), *HI), (start(), *HI[:2])])
def test_a_stream_without_its_end_is_interrupted_and_keeps_what_came(events: tuple[Any, ...]) -> None:
    with pytest.raises(StreamInterruptedError) as caught:
        chunks_of(AnthropicAccumulator(), [stream_of(*events)])
    assert caught.value.partial is not None
    assert caught.value.partial.text == ("Hi" if len(events) > 1 else "")


def test_blocks_that_grow_side_by_side_keep_the_order_of_their_indexes() -> None:
    response = answer(
        opened(0, "thinking", thinking=""),
        opened(1, "tool_use", id="a", name="f", input={}),
        opened(2, "tool_use", id="b", name="g", input={}),
        grown(2, partial_json='{"y"'),
        grown(0, thinking="Let"),
        grown(1, partial_json='{"x": 1}'),
        grown(0, thinking=" me"),
        grown(2, partial_json=": 2}"),
        grown(0, signature="s1"),
        stopped(2),
        stopped(0),
        stopped(1),
        *END,
    )
    assert response.message.parts == (
        Reasoning("Let me", "thinking", "s1"),
        ToolCall("a", "f", arguments_json='{"x": 1}'),
        ToolCall("b", "g", arguments_json='{"y": 2}'),
    )


def test_a_second_start_at_one_index_begins_another_block() -> None:
    assert answer(*HI, *HI, *END).message.parts == (Text("Hi"), Text("Hi"))
