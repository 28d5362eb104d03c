"""Types as JSON: schemas without references, lenient but lossless conversion, places that show no answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import pydantic
import pytest
from jsonschema import Draft202012Validator

from minimax_sync.functions.json_types import Misfit, from_json, schema_of
from minimax_sync.values.json_schema import inlined, place_of, property_names


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Point:
    """A place."""

    x: float
    y: int = 3


class Node(msgspec.Struct):
    value: int
    children: list[Node] = []


class Options(TypedDict, total=False):
    verbose: bool


class Person(pydantic.BaseModel):
    name: str
    age: Annotated[int, pydantic.Field(ge=0)]


class Family(pydantic.BaseModel):
    head: Person
    branches: list[Family] = []


@dataclass
class Team:
    lead: Person
    points: dict[str, Point] = field(default_factory=dict)


def test_references_are_put_in_place() -> None:
    schema = inlined(schema_of(list[Point]))
    assert schema == {
        "type": "array",
        "items": {
            "title": "Point",
            "description": "A place.",
            "type": "object",
            "properties": {"x": {"type": "number"}, "y": {"type": "integer", "default": 3}},
            "required": ["x"],
        },
    }


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Node, {"value": 1, "children": [{"value": 2}]}, {"value": 1, "children": [{"value": "x"}]}),
        (
            Family,
            {"head": {"name": "a", "age": 1}, "branches": [{"head": {"name": "b", "age": 2}}]},
            {"head": {"name": "a", "age": 1}, "branches": [{"head": {"name": "b"}}]},
        ),
        (
            list[Family],
            [{"head": {"name": "a", "age": 1}, "branches": [{"head": {"name": "b", "age": 2}}]}],
            [{"head": {"name": "a", "age": 1}, "branches": [{"head": 1}]}],
        ),
    ],
)
def test_a_recursive_type_keeps_one_definition_that_a_validator_can_follow(kind: Any, good: Any, bad: Any) -> None:
    schema = inlined(schema_of(kind))
    assert len(schema["$defs"]) == 1
    validator = Draft202012Validator(schema)
    assert validator.is_valid(good)
    assert not validator.is_valid(bad)


def test_a_pydantic_model_inside_another_type_is_described_and_made() -> None:
    properties = inlined(schema_of(Team))["properties"]
    assert properties["lead"]["required"] == ["name", "age"]
    assert from_json({"lead": {"name": "Ada", "age": 36}}, Team) == Team(Person(name="Ada", age=36))
    with pytest.raises(Misfit, match="greater than or equal to 0") as caught:
        from_json([{"lead": {"name": "Ada", "age": -1}}], list[Team])
    assert caught.value.problems[0][0] == "$[0].lead"


class Unknown:
    """Neither msgspec nor pydantic knows it."""


class Holder(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)

    unknown: Unknown


@pytest.mark.parametrize("kind", [object, 5, "int", Unknown, list[Unknown], Holder, Point | Team])
def test_what_has_no_schema_is_a_type_error(kind: Any) -> None:
    with pytest.raises(TypeError):
        schema_of(kind)


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("3", int, 3),
        ("1.5", float, 1.5),
        ("true", bool, True),
        ("null", int | None, None),
        ("[1, 2]", list[int], [1, 2]),
        ('{"x": "1"}', Point, Point(1.0)),
        ({"x": "1", "y": "4"}, Point, Point(1.0, 4)),
        (3.0, int, 3),
        ("2026-01-31", date, date(2026, 1, 31)),
        ("red", Colour, Colour.RED),
        ({"verbose": "true"}, Options, {"verbose": True}),
        ({"name": "Ada", "age": "36"}, Person, Person(name="Ada", age=36)),
    ],
)
def test_a_value_is_converted_where_nothing_is_lost(value: Any, kind: Any, expected: Any) -> None:
    assert from_json(value, kind) == expected


@pytest.mark.parametrize(
    ("value", "kind"), [("3", str), ("3", int | str), ("null", str | None), ("1", Literal["1", 2]), ("[1]", Any)]
)
def test_text_stays_text_where_text_is_due(value: str, kind: Any) -> None:
    assert from_json(value, kind) == value


@pytest.mark.parametrize(
    ("value", "kind", "place", "text"),
    [
        ({"x": "north"}, Point, "$.x", "Expected `float`"),
        ({"x": "1", "y": "north"}, Point, "$.y", "Expected `int`"),
        ({}, Point, "$", "missing required field `x`"),
        ([1, "two"], list[int], "$[1]", "Expected `int`"),
        ({"secret": "word"}, dict[str, int], "$[...]", "Expected `int`"),
        ({"one": 1}, dict[int, int], "$", "Expected `int`"),
        (3.5, int, "$", "Expected `int`"),
        ("\ud800", int, "$", "surrogates"),
        ({"age": 1}, Person, "$.name", "required"),
        ({"name": "\ud800", "age": -1}, Person, "$", "JSON"),
        ({"head": {"name": "Ada", "age": -1}}, Family, "$.head.age", "greater"),
    ],
)
def test_a_misfit_tells_the_place_and_the_reason(value: Any, kind: Any, place: str, text: str) -> None:
    with pytest.raises(Misfit) as caught:
        from_json(value, kind)
    assert caught.value.problems[0][0] == place
    assert text in caught.value.problems[0][1]


def test_a_place_holds_only_names_that_the_schema_knows() -> None:
    schema = {"properties": {"a": {"anyOf": [{"properties": {"b": {}}}, {"type": "null"}]}}}
    assert property_names(schema) == {"a", "b"}
    assert place_of(["a", 0, "b", "secret"], property_names(schema)) == "$.a[0].b[...]"
