"""Messages and tools from OpenAI-style dicts; whole conversations and bad ones stand in test_request."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from minimax_sync.errors import RequestError
from minimax_sync.values.dicts import message_from_dict, messages_from, tool_from_dict
from minimax_sync.values.messages import ChatMessage, ToolCall


def test_messages_dicts_and_strings_may_be_mixed() -> None:
    found = messages_from([{"role": "developer", "content": "S"}, "Hi", ChatMessage.assistant("Ho")])
    assert found == ((ChatMessage.system("S"), ChatMessage.user("Hi"), ChatMessage.assistant("Ho")), False)
    assert messages_from([MappingProxyType({"role": "user", "content": "Hi"})])[0] == (ChatMessage.user("Hi"),)


def test_a_plain_conversation_takes_the_short_way_to_the_same_messages() -> None:
    plain = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]
    long = [{**message, "name": "x"} for message in plain]
    assert messages_from(plain) == (messages_from(long)[0], True)


@pytest.mark.parametrize("arguments", ['{"x": 1}', {"x": 1}])
def test_the_arguments_of_a_call_are_text_or_a_dict(arguments: Any) -> None:
    call = {"id": "c1", "function": {"name": "f", "arguments": arguments}}
    (found,) = message_from_dict({"role": "assistant", "tool_calls": [call]}, "m").tool_calls
    assert (found.id, found.name, found.arguments) == ("c1", "f", {"x": 1})
    assert isinstance(found, ToolCall)


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ({"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}, "f"),
        ({"name": "g", "input_schema": {"type": "object"}}, "g"),
    ],
)
def test_a_tool_is_read_in_either_shape(tool: dict[str, Any], name: str) -> None:
    assert (tool_from_dict(tool).name, tool_from_dict(tool).parameters["type"]) == (name, "object")


@pytest.mark.parametrize("tool", [{"type": "web_search"}, {"function": "f"}, {"function": {}}])
def test_a_tool_of_another_kind_is_refused(tool: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match="tools"):
        tool_from_dict(tool)
