"""Tool calls on the OpenAI wire: fragments and whole ones, with shared indexes, or with none."""

from __future__ import annotations

from typing import Any

import pytest
from support.openai_events import answer, call, delta, message
from support.replay import plain

from minimax_sync.values.messages import ToolCall
from minimax_sync.wires.openai_decode import OpenAIAccumulator

CALLS = {
    "fragments": [call("", index=0, id="a", name="f"), call('{"x"', index=0), call(": 1}", index=0)],
    "one whole": [call('{"x": 1}', index=0, id="a", name="f")],
    "a repeated id and name": [call('{"x"', index=0, id="a", name="f"), call(": 1}", index=0, id="a", name="f")],
    "a repeated name": [call('{"x"', index=0, id="a", name="f"), call(": 1}", index=0, name="f")],
    "an empty id later": [call('{"x"', index=0, id="a", name="f"), call(": 1}", index=0, id="", name="")],
    "no index": [call('{"x"', id="a", name="f"), call(": 1}")],
    "an index as text": [call('{"x"', index="0", id="a", name="f"), call(": 1}", index="0")],
    "an odd index": [call('{"x"', index={}, id="a", name="f"), call(": 1}", index=[])],
    "arguments as an object": [call({"x": 1}, index=0, id="a", name="f")],
    "the name late": [call("", index=0, id="a"), call('{"x": 1}', index=0, name="f")],
    "repeated in a whole message": [
        call('{"x": 1}', index=0, id="a", name="f"),
        message(content="", tool_calls=[{"id": "a", "function": {"name": "f", "arguments": '{"x": 1}'}}]),
    ],
    "in a whole message alone": [
        delta("", role="assistant"),
        message(tool_calls=[{"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}]),
    ],
}


@pytest.mark.parametrize("events", CALLS.values(), ids=CALLS)
def test_a_tool_call_in(events: list[dict[str, Any]]) -> None:
    (found,) = answer(*events, delta(finish="tool_calls")).tool_calls
    assert (found.id, found.name, found.arguments) == ("a", "f", {"x": 1})


PAIRS = {
    "two indexes": [
        call('{"x"', index=0, id="a", name="f"),
        call("{}", index=1, id="b", name="f"),
        call(":1}", index=0),
    ],
    "one index": [call('{"x":', index=0, id="a", name="f"), call("1}", index=0), call("{}", index=0, id="b", name="f")],
    "no index": [call('{"x":1}', id="a", name="f"), call("{}", id="b", name="f")],
    "one chunk": [
        delta(
            tool_calls=[
                {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x":1}'}},
                {"index": 1, "id": "b", "function": {"name": "f", "arguments": "{}"}},
            ]
        )
    ],
}


@pytest.mark.parametrize("events", PAIRS.values(), ids=PAIRS)
def test_two_tool_calls_with(events: list[dict[str, Any]]) -> None:
    found = answer(*events, delta(finish="tool_calls")).tool_calls
    assert found == (ToolCall("a", "f", arguments_json='{"x":1}'), ToolCall("b", "f", arguments_json="{}"))


@pytest.mark.parametrize("names", [("f", "g"), ("f", "f")])
def test_two_whole_calls_without_id_and_index_get_ids_of_their_own(names: tuple[str, str]) -> None:
    found = answer(*(call('{"x":1}', name=name) for name in names), delta(finish="tool_calls")).tool_calls
    assert [(c.name, c.arguments) for c in found] == [(name, {"x": 1}) for name in names]
    assert len({c.id for c in found}) == 2


def test_two_calls_with_one_id_get_ids_of_their_own_so_that_they_can_be_replayed() -> None:
    calls = [{"id": "a", "function": {"name": "f", "arguments": "{}"}}] * 2
    found = plain(OpenAIAccumulator, message(content="", tool_calls=calls)).tool_calls
    assert [c.id for c in found] == ["a", "a_2"]
    streamed = [call("{", index=n, id="a", name="f") for n in (0, 1)] + [call("}", index=n, id="a") for n in (0, 1)]
    assert answer(*streamed, delta(finish="tool_calls")).tool_calls == found
