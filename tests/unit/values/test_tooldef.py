"""Functions as tools: the decorator and the definition that is sent."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Annotated

from minimax_sync import MiniMaxClient, ToolDef, tool
from minimax_sync.emulator import Emulator
from minimax_sync.values.tooldef import as_tool


@dataclass
class Point:
    x: int


@tool
def add(a: Annotated[int, "the first"], b: int = 1) -> int:
    """Add two numbers."""
    return a + b


def test_a_tool_is_still_the_function_and_carries_its_definition() -> None:
    assert add(2, b=3) == 5
    assert as_tool(add) == ToolDef(
        "add",
        "Add two numbers.",
        {
            "type": "object",
            "properties": {
                "a": {"type": "integer", "description": "the first"},
                "b": {"type": "integer", "default": 1},
            },
            "additionalProperties": False,
            "required": ["a"],
        },
    )


def test_name_and_description_replace_those_of_the_function() -> None:
    @tool(name="sum", description="Sum up.")
    def renamed(a: int) -> int:
        """Add."""
        return a

    assert (as_tool(renamed).name, as_tool(renamed).description) == ("sum", "Sum up.")
    assert as_tool(tool(description="")(add)).description == ""
    assert as_tool(tool(add)).description == "Add two numbers."


def test_a_tool_of_this_module_pickles_as_the_function_it_is() -> None:
    assert pickle.loads(pickle.dumps(add)) is add


def test_a_callable_without_attributes_is_wrapped_and_stays_callable() -> None:
    notes: list[str] = []
    append = tool(notes.append)
    append("a")
    assert (notes, as_tool(append).name) == (["a"], "append")


def test_chat_takes_a_tool_as_it_takes_a_definition(emulator: Emulator, any_client: MiniMaxClient) -> None:
    emulator.answer(tool_calls=[("add", {"a": 1})])
    assert any_client.chat("1 + 1?", tools=[add]).tool_calls[0].arguments == {"a": 1}
    (sent,) = emulator.journal[-1].body["tools"]
    assert sent.get("function", sent)["description"] == "Add two numbers."


def test_a_class_is_wrapped_and_keeps_its_own_attributes() -> None:
    made = tool(Point)
    assert made(1) == Point(1)
    assert as_tool(made).name == "Point"
    assert not hasattr(Point, "definition")
