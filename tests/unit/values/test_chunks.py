"""The chunks of a stream as values, and a tool's result as the message that goes back."""

from __future__ import annotations

from minimax_sync.values.chunks import TextDelta, ToolResult
from minimax_sync.values.messages import ToolCall


def test_chunks_can_be_matched_by_pattern_and_compared() -> None:
    match TextDelta("hi"):
        case TextDelta(text):
            assert text == "hi"
    assert TextDelta("hi") == TextDelta("hi") != TextDelta("ho")


def test_a_result_is_the_message_that_answers_its_call() -> None:
    call = ToolCall("c1", "f", {"x": 1})
    good, bad = ToolResult(call, "42").message, ToolResult(call, "boom", "boom").message
    assert (good.role, good.tool_call_id, good.text, good.is_error) == ("tool", "c1", "42", False)
    assert bad.is_error
