"""Thinking as both wires write it, in histories that go on over the other wire and back."""

from __future__ import annotations

import json

from support.encoded import ANTHROPIC, OPENAI, USER, messages
from support.replay import essence

from minimax_sync.values.messages import ChatMessage, Reasoning, Text
from minimax_sync.values.request import as_request

DETAIL = {"type": "reasoning.text", "id": "r1", "format": "MiniMax-response-v1", "index": 0}


def from_openai() -> ChatMessage:
    """Return an answer as the OpenAI wire gives it."""
    accumulator = OPENAI.accumulator(as_request("Hi", {}))
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
    said = {"content": "Hm.", "reasoning_details": [{**DETAIL, "text": "I think."}], "tool_calls": [call]}
    accumulator.feed_body(json.dumps({"choices": [{"message": said}]}).encode())
    return essence(accumulator.response()).message


def from_anthropic() -> ChatMessage:
    """Return an answer as the Anthropic wire gives it."""
    accumulator = ANTHROPIC.accumulator(as_request("Hi", {}))
    content = [
        {"type": "thinking", "thinking": "I think.", "signature": "s"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "text", "text": "Hm."},
        {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
    ]
    accumulator.feed_body(json.dumps({"content": content}).encode())
    return accumulator.response().message


RESULT = ChatMessage.tool_result("a", "one")


def test_thinking_goes_back_whole_in_its_own_shape() -> None:
    openai = messages(OPENAI, USER, from_openai(), RESULT)[1]
    assert openai["reasoning_details"] == [{**DETAIL, "text": "I think."}]
    assert "reasoning_content" not in openai
    assert messages(ANTHROPIC, USER, from_anthropic(), RESULT)[1]["content"] == [
        {"type": "thinking", "thinking": "I think.", "signature": "s"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "text", "text": "Hm."},
        {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
    ]


def test_a_conversation_goes_on_over_the_other_wire() -> None:
    over_openai = messages(OPENAI, USER, from_anthropic(), RESULT)[1]
    assert over_openai["reasoning_details"] == [
        {
            "type": "reasoning.text",
            "id": "reasoning-text-1",
            "format": "MiniMax-response-v1",
            "index": 0,
            "text": "I think.",
        }
    ]
    assert over_openai["content"] == "Hm."
    assert over_openai["tool_calls"][0]["function"]["arguments"] == '{"x":1}'
    over_anthropic = messages(ANTHROPIC, USER, from_openai(), RESULT)[1]["content"]
    assert over_anthropic[0] == {"type": "thinking", "thinking": "I think."}
    assert [block["type"] for block in over_anthropic] == ["thinking", "text", "tool_use"]


def test_think_tags_go_back_inside_the_content() -> None:
    accumulator = OPENAI.accumulator(as_request("Hi", {}))
    content = "<think>\nI think.\n</think>\n\nHm."
    accumulator.feed_body(json.dumps({"choices": [{"message": {"content": content}}]}).encode())
    message = accumulator.response().message
    assert messages(OPENAI, USER, message)[1] == {"role": "assistant", "content": content}
    assert messages(ANTHROPIC, USER, message)[1]["content"] == [
        {"type": "thinking", "thinking": "I think."},
        {"type": "text", "text": "Hm."},
    ]


def test_encrypted_thinking_goes_back_to_where_it_came_from_and_leaves_no_empty_block_elsewhere() -> None:
    extra = {"type": "reasoning.encrypted", "index": 0, "data": "xyz"}
    message = ChatMessage("assistant", (Reasoning("", "reasoning_details", extra=extra), Text("Hm.")))
    assert messages(OPENAI, USER, message)[1]["reasoning_details"] == [extra]
    assert messages(ANTHROPIC, USER, message)[1]["content"] == [{"type": "text", "text": "Hm."}]
    alone = ChatMessage("assistant", message.parts[:1])
    assert len(messages(ANTHROPIC, USER, alone, ChatMessage.user("Go"))) == 1
