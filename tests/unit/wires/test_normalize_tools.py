"""Tools, tool choices, calls and their results as both wires write them."""

from __future__ import annotations

from typing import Any

import pytest
from support.encoded import ANTHROPIC, BOTH, OPENAI, USER, body, messages

from minimax_sync.values.messages import ChatMessage, ToolCall
from minimax_sync.values.tooldef import ToolDef
from minimax_sync.wires.wire import Wire

CALLS = (ToolCall("a", "f", {"x": 1}), ToolCall("b", "g"))
TOOLS = [ToolDef("f"), ToolDef("g", "Does g.", {"type": "object", "properties": {"x": {"type": "integer"}}})]


def test_tools_have_parameters_even_where_they_were_left_out() -> None:
    empty = {"type": "object", "properties": {}}
    first, second = body(OPENAI, "Hi", tools=TOOLS)["tools"]
    assert first == {"type": "function", "function": {"name": "f", "description": "", "parameters": empty}}
    assert second["function"]["parameters"] == TOOLS[1].parameters
    assert body(ANTHROPIC, "Hi", tools=[{"name": "f"}])["tools"] == [
        {"name": "f", "description": "", "input_schema": empty}
    ]
    (bare,) = body(OPENAI, "Hi", tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}])["tools"]
    assert bare["function"]["parameters"] == empty


NAMED = {"type": "function", "function": {"name": "g"}}
CHOICES = [
    ("auto", "auto", {"type": "auto"}),
    ("none", "none", {"type": "none"}),
    ("required", "required", {"type": "any"}),
    ("f", {"type": "function", "function": {"name": "f"}}, {"type": "tool", "name": "f"}),
    (NAMED, NAMED, {"type": "tool", "name": "g"}),
]


@pytest.mark.parametrize(("choice", "openai", "anthropic"), CHOICES)
def test_a_tool_choice(choice: Any, openai: Any, anthropic: Any) -> None:
    assert body(OPENAI, "Hi", tools=TOOLS, tool_choice=choice)["tool_choice"] == openai
    assert body(ANTHROPIC, "Hi", tools=TOOLS, tool_choice=choice)["tool_choice"] == anthropic


@BOTH
def test_without_tools_neither_tools_nor_a_choice_is_sent(wire: Wire) -> None:
    assert body(wire, "Hi", tools=[], tool_choice="auto").keys().isdisjoint({"tools", "tool_choice"})


def test_parallel_results_go_in_the_order_of_their_calls() -> None:
    history = (
        USER,
        ChatMessage.assistant("", CALLS),
        ChatMessage.tool_result("b", {"y": [1, None]}, "g", is_error=True),
        ChatMessage.tool_result("a", "one"),
        ChatMessage.user("And now?"),
    )
    assert messages(OPENAI, *history)[1:] == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
                {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "one"},
        {"role": "tool", "tool_call_id": "b", "content": '{"y":[1,null]}', "name": "g"},
        {"role": "user", "content": "And now?"},
    ]
    assert messages(ANTHROPIC, *history)[1:] == [
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
                {"type": "tool_use", "id": "b", "name": "g", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "one"},
                {"type": "tool_result", "tool_use_id": "b", "content": '{"y":[1,null]}', "is_error": True},
                {"type": "text", "text": "And now?"},
            ],
        },
    ]


@pytest.mark.parametrize("arguments", ['{"x": ', "[1]", "null", '"x"', "", "  ", "NaN"])
def test_malformed_arguments_are_replayed_as_an_empty_object(arguments: str) -> None:
    history = (
        USER,
        ChatMessage.assistant("", [ToolCall("a", "f", arguments_json=arguments)]),
        ChatMessage.tool_result("a", "no"),
    )
    assert messages(OPENAI, *history)[1]["tool_calls"][0]["function"]["arguments"] == "{}"
    assert messages(ANTHROPIC, *history)[1]["content"][0]["input"] == {}
