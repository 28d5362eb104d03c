"""Tool calls on the Anthropic wire: input in the start, in deltas, in both, or malformed."""

from __future__ import annotations

from typing import Any

import pytest
from support.anthropic_events import END, answer, grown, opened, stopped
from support.replay import plain

from minimax_sync.values.messages import ToolCall
from minimax_sync.wires.anthropic_decode import AnthropicAccumulator

TOOL_USE = {
    "deltas": (
        opened(0, "tool_use", id="a", name="f", input={}),
        grown(0, partial_json='{"x":'),
        grown(0, partial_json="1}"),
    ),
    "the whole input in the start": (opened(0, "tool_use", id="a", name="f", input={"x": 1}),),
    "the whole input in the start and an empty delta": (
        opened(0, "tool_use", id="a", name="f", input={"x": 1}),
        grown(0, partial_json=""),
    ),
    "the input in the start and again in deltas": (
        opened(0, "tool_use", id="a", name="f", input={"x": 1}),
        grown(0, partial_json=""),
        grown(0, partial_json='{"x":1}'),
    ),
    "the input as text": (opened(0, "tool_use", id="a", name="f", input='{"x":1}'),),
}


@pytest.mark.parametrize("events", TOOL_USE.values(), ids=TOOL_USE)
def test_a_tool_call_in(events: tuple[Any, ...]) -> None:
    for end in ((), (stopped(0),)):
        (found,) = answer(*events, *end, *END).tool_calls
        assert found == ToolCall("a", "f", arguments_json='{"x":1}')


def test_a_call_without_a_name_is_not_a_call() -> None:
    response = answer(grown(0, partial_json="{}"), *END)
    assert (response.tool_calls, response.finish_reason) == ((), "stop")


def test_malformed_input_that_came_as_text_stays_the_text_it_is() -> None:
    body = {"content": [{"type": "tool_use", "id": "a", "name": "f", "input": '{"x": '}], "stop_reason": "tool_use"}
    assert plain(AnthropicAccumulator, body).tool_calls[0].arguments_json == '{"x": '
