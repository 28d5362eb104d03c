"""Functions as tools: the decorator, the definition that is sent, and results as text."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pydantic
import pytest

from minimax_sync import MiniMaxClient, ToolDef, tool
from minimax_sync.emulator import Emulator
from minimax_sync.functions.results import as_text
from minimax_sync.values.tooldef import as_tool


@tool
def add(a: Annotated[int, "the first"], b: int = 1) -> int:
    """Add two numbers."""
    return a + b


# the decorator


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


def test_name_and_description_replace_what_the_function_says() -> None:
    @tool(name="sum", description="Sum up.")
    def renamed(a: int) -> int:
        """Add."""
        return a

    assert (as_tool(renamed).name, as_tool(renamed).description) == ("sum", "Sum up.")
    assert as_tool(tool(description="")(add)).description == ""
    assert as_tool(tool(add)).description == "Add two numbers."


def test_a_tool_of_this_module_pickles_as_the_function_it_is() -> None:
    assert pickle.loads(pickle.dumps(add)) is add


def test_what_has_no_attributes_is_wrapped_and_stays_callable() -> None:
    notes: list[str] = []
    append = tool(notes.append)
    append("a")
    assert (notes, as_tool(append).name) == (["a"], "append")


def test_chat_takes_a_tool_as_it_takes_a_definition(emulator: Emulator, any_client: MiniMaxClient) -> None:
    emulator.answer(tool_calls=[("add", {"a": 1})])
    assert any_client.chat("1 + 1?", tools=[add]).tool_calls[0].arguments == {"a": 1}
    (told,) = emulator.journal[-1].body["tools"]
    assert told.get("function", told)["description"] == "Add two numbers."


# results


@dataclass
class Place:
    city: str
    since: date


class Person(pydantic.BaseModel):
    born: date


class Point(msgspec.Struct):
    x: float


RECURSIVE: list[Any] = []


RECURSIVE.append(RECURSIVE)


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("as it is", "as it is"),
        ("", ""),
        (None, "null"),
        ({"a": [1, 2.5, True]}, '{"a":[1,2.5,true]}'),
        (Place("Kiel", date(2026, 1, 2)), '{"city":"Kiel","since":"2026-01-02"}'),
        ([Person(born=date(1815, 12, 10))], '[{"born":"1815-12-10"}]'),
        (Point(1.5), '{"x":1.5}'),
        (Path("a/b"), '"a/b"'),
        ({(1, 2): 3}, '{"(1, 2)":3}'),
        (RECURSIVE, "[[...]]"),
        ("file\udcff", "file\\udcff"),
        (["file\udcff"], "['file\\udcff']"),
    ],
)
def test_a_result_is_told_as_text_or_json(result: Any, text: str) -> None:
    assert as_text(result) == text
