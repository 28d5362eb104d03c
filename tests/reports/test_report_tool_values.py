"""Reports of tools in other libraries, end to end on both wires: arguments of another type, null, metadata, results."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy
import pydantic
import pytest

from minimax_sync import MiniMaxClient
from minimax_sync.emulator import Emulator


@dataclass
class Task:
    title: str
    tags: list[str] = field(default_factory=list)
    rank: Annotated[int, pydantic.Field(ge=1, description="from 1")] = 1


class Note(pydantic.BaseModel):
    text: str
    sender: str = pydantic.Field(default="ana", alias="from")


def search(
    query: Annotated[str, pydantic.Field(description="what to look for", min_length=1)],
    limit: Annotated[int, pydantic.Field(ge=1, le=100)] = 10,
    mode: Literal["fast", "deep"] = "fast",
) -> str:
    """Search."""
    return f"{query} {limit} {mode}"


def plan(tasks: list[Task]) -> list[Task]:
    """Plan."""
    return tasks


def keep(note: Note, zip_code: str = "") -> Any:
    """Keep."""
    return [note, zip_code]


def words() -> Iterator[str]:
    """List words."""
    yield from ("one", "two")


def mean(values: list[float]) -> Any:
    """Return the mean."""
    return {"mean": numpy.float64(numpy.mean(values)), "values": numpy.array(values)}


class Bank:
    def __call__(self, amount: int) -> int:
        """Pay in."""
        return amount + 5


def outcome(client: MiniMaxClient, emulator: Emulator, function: Callable[..., Any], arguments: dict[str, Any]) -> str:
    """Let the model call the function, and return the result that it gets."""
    name = getattr(function, "__name__", "") or type(function).__name__
    emulator.answer(tool_calls=[(getattr(getattr(function, "func", None), "__name__", name), arguments)])
    emulator.answer("ok")
    (result,) = [each for each in client.run_tools("?", [function]).messages if each.role == "tool"]
    return result.text


@pytest.mark.parametrize(
    ("function", "arguments", "result"),
    [
        (search, {"query": "x", "limit": "20", "mode": "DEEP"}, "x 20 deep"),
        (search, {"query": "x", "limit": None, "mode": None}, "x 10 fast"),
        (search, {"query": "x", "limit": "null"}, "x 10 fast"),
        (search, {"query": 90210}, "90210 10 fast"),
        (plan, {"tasks": '[{"title": "a"}]'}, '[{"title":"a","tags":[],"rank":1}]'),
        (plan, {"tasks": ['{"title": "a", "tags": "[\\"b\\"]"}']}, '[{"title":"a","tags":["b"],"rank":1}]'),
        (plan, {"tasks": {"item": {"title": 1, "rank": "2"}}}, '[{"title":"1","tags":[],"rank":2}]'),
        (keep, {"note": '{"text": "a"}'}, '[{"text":"a","from":"ana"},""]'),
        (keep, {"note": {"text": 5, "from": "bo"}, "zip_code": 90210}, '[{"text":"5","from":"bo"},"90210"]'),
        (words, {}, '["one","two"]'),
        (mean, {"values": "[1, 2]"}, '{"mean":1.5,"values":[1.0,2.0]}'),
        (functools.partial(search, "y", mode="deep"), {"limit": 5}, "y 5 deep"),
        (Bank(), {"amount": "1"}, "6"),
        (Task, {"title": "a"}, '{"title":"a","tags":[],"rank":1}'),
    ],
)
def test_a_tool_is_called_with_what_the_model_meant(
    emulator: Emulator,
    any_client: MiniMaxClient,
    function: Callable[..., Any],
    arguments: dict[str, Any],
    result: str,
) -> None:
    assert outcome(any_client, emulator, function, arguments) == result


@pytest.mark.parametrize(
    ("function", "arguments", "problem"),
    [
        (search, {"query": "", "limit": 1000}, "query: must have at least 1 characters; limit: must be at most 100"),
        (plan, {"tasks": [{"title": "a", "rank": 0}]}, "tasks[0].rank: must be at least 1"),
        (search, {"limit": 5}, "query: is missing"),
        (keep, {"note": {}}, "note.text: Field required"),
    ],
)
def test_a_value_outside_the_bounds_is_an_error_that_names_the_place(
    emulator: Emulator,
    any_client: MiniMaxClient,
    function: Callable[..., Any],
    arguments: dict[str, Any],
    problem: str,
) -> None:
    assert problem in outcome(any_client, emulator, function, arguments)


def test_texts_and_bounds_are_sent_on_both_wires(emulator: Emulator, any_client: MiniMaxClient) -> None:
    any_client.run_tools("?", [search, plan])
    sent = json.dumps(emulator.journal[-1].body["tools"])
    for part in ('"what to look for"', '"maximum": 100', '"minLength": 1', '"from 1"', '"default": "fast"'):
        assert part in sent
