"""Types as JSON: schemas without references, lenient but lossless conversion, places that show no answer."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple, NewType, TypedDict

import annotated_types
import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from typing_extensions import NotRequired

from minimax_sync.functions.json_types import JsonType, Misfit, from_json, schema_of
from minimax_sync.values.json_schema import place_of, property_names


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Point:
    """A place."""

    x: float
    y: int = 3


@dataclass
class Line:
    start: Point
    end: Point


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


def test_a_type_can_be_read_as_json_in_one_step() -> None:
    assert schema_of(list[date]) == JsonType(list[date]).schema
    assert from_json(["2026-11-30"], list[date]) == [date(2026, 11, 30)]
    with pytest.raises(Misfit):
        from_json(["soon"], list[date])


def test_references_are_put_in_place() -> None:
    schema = JsonType(list[Point]).schema
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
    schema = JsonType(kind).schema
    assert len(schema["$defs"]) == 1
    validator = Draft202012Validator(schema)
    assert validator.is_valid(good)
    assert not validator.is_valid(bad)


def test_a_pydantic_model_inside_another_type_is_described_and_made() -> None:
    properties = JsonType(Team).schema["properties"]
    assert properties["lead"]["required"] == ["name", "age"]
    assert JsonType(Team).value({"lead": {"name": "Ada", "age": 36}}) == Team(Person(name="Ada", age=36))
    with pytest.raises(Misfit, match="greater than or equal to 0") as caught:
        JsonType(list[Team]).value([{"lead": {"name": "Ada", "age": -1}}])
    assert caught.value.problems[0][0] == "$[0].lead"


class Unknown:
    """Neither msgspec nor pydantic knows it."""


class Holder(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)

    unknown: Unknown


@pytest.mark.parametrize("kind", [object, 5, "int", Unknown, list[Unknown], Holder, Point | Line])
def test_a_type_without_a_schema_is_a_type_error(kind: Any) -> None:
    with pytest.raises(TypeError):
        JsonType(kind)


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
    assert JsonType(kind).value(value) == expected


@pytest.mark.parametrize(
    ("value", "kind"), [("3", str), ("3", int | str), ("null", str | None), ("1", Literal["1", 2]), ("[1]", Any)]
)
def test_text_stays_text_where_text_is_due(value: str, kind: Any) -> None:
    assert JsonType(kind).value(value) == value


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
def test_a_misfit_has_the_place_and_the_reason(value: Any, kind: Any, place: str, text: str) -> None:
    with pytest.raises(Misfit) as caught:
        JsonType(kind).value(value)
    assert caught.value.problems[0][0] == place
    assert text in caught.value.problems[0][1]


def test_a_place_holds_only_names_that_the_schema_knows() -> None:
    schema = {"properties": {"a": {"anyOf": [{"properties": {"b": {}}}, {"type": "null"}]}}}
    assert property_names(schema) == {"a", "b"}
    assert place_of(["a", 0, "b", "secret"], property_names(schema)) == "$.a[0].b[...]"


def test_a_dataclass_holds_its_defaults_itself() -> None:
    lines = JsonType(dict[str, list[Line]]).value({"a": [{"start": {"x": 1}, "end": {"x": 2, "y": 4}}]})
    assert vars(lines["a"][0].start) == {"x": 1.0, "y": 3}
    assert json.loads(msgspec.json.encode(lines)) == {"a": [{"start": {"x": 1, "y": 3}, "end": {"x": 2, "y": 4}}]}


# metadata in Annotated


@dataclass
class Order:
    count: Annotated[int, pydantic.Field(ge=1, le=9, description="how many")]
    sizes: list[Annotated[int, annotated_types.Gt(0)]]
    label: Annotated[str, "printed on it", annotated_types.Len(1, 5)] | None = None
    words: Annotated[list[str], annotated_types.MinLen(1)] = field(default_factory=lambda: ["a"])


@dataclass
class Query:
    text: str
    limit: Annotated[int, pydantic.Field(default=10, ge=1)]


class Booking(TypedDict):
    nights: Annotated[int, annotated_types.Interval(ge=1, le=30)]
    code: NotRequired[Annotated[str, pydantic.StringConstraints(pattern="^[A-Z]+$")]]


Positive = NewType("Positive", Annotated[int, annotated_types.Gt(0)])


class Ticket(msgspec.Struct, rename="camel"):
    seat_row: Annotated[int, pydantic.Field(lt=50, description="from the front")]
    total: Annotated[int, msgspec.Meta(ge=0), pydantic.Field(multiple_of=5)] = 0


class Corner(NamedTuple):
    x: Annotated[int, pydantic.Field(ge=0)]
    y: int = 0


@dataclass
class Branch:
    weight: Annotated[float, annotated_types.Ge(0)]
    twigs: list[Branch] = field(default_factory=list)


def test_metadata_of_fields_is_in_the_schema() -> None:
    properties = JsonType(Order).schema["properties"]
    assert properties["count"] == {"type": "integer", "minimum": 1, "maximum": 9, "description": "how many"}
    assert properties["sizes"]["items"] == {"type": "integer", "exclusiveMinimum": 0}
    assert properties["label"]["description"] == "printed on it"
    assert properties["label"]["anyOf"][0] == {"type": "string", "minLength": 1, "maxLength": 5}
    assert properties["words"]["minItems"] == 1
    assert JsonType(Ticket).schema["properties"]["seatRow"]["description"] == "from the front"
    assert JsonType(Ticket).schema["properties"]["total"] == {
        "type": "integer",
        "minimum": 0,
        "multipleOf": 5,
        "default": 0,
    }
    assert JsonType(Corner).schema["prefixItems"][0] == {"type": "integer", "minimum": 0, "title": "x"}
    assert JsonType(dict[str, Branch]).schema["$defs"]["Branch"]["properties"]["weight"]["minimum"] == 0


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ({"count": "3", "sizes": 1}, Order, Order(3, [1])),
        ({"count": 3, "sizes": [1], "label": None}, Order, Order(3, [1])),
        ({"text": "a"}, Query, Query("a", 10)),
        ({"text": "a", "limit": None}, Query, Query("a", 10)),
        ({"text": "a", "limit": "3"}, Query, Query("a", 3)),
        ({"nights": 2, "code": "AB"}, Booking, {"nights": 2, "code": "AB"}),
        ({"seatRow": 3, "total": "10"}, Ticket, Ticket(3, 10)),
        ({"x": 1, "y": 2}, Corner, Corner(1, 2)),
        ({"weight": 1, "twigs": [{"weight": "0.5"}]}, Branch, Branch(1.0, [Branch(0.5)])),
    ],
)
def test_a_value_within_the_bounds_is_made(value: Any, kind: Any, expected: Any) -> None:
    assert JsonType(kind).value(value) == expected


@pytest.mark.parametrize(
    ("value", "kind", "problems"),
    [
        ({"count": 10, "sizes": [1, 0]}, Order, ["$.count: must be at most 9", "$.sizes[1]: must be greater than 0"]),
        ({"count": "10", "sizes": []}, Order, ["$.count: must be at most 9"]),
        ({"count": 1, "sizes": [], "label": ""}, Order, ["$.label: must have at least 1 characters"]),
        ({"count": 1, "sizes": [], "words": []}, Order, ["$.words: must have at least 1 items"]),
        ({"nights": 31, "code": "ab"}, Booking, ["$.nights: must be at most 30", "$.code: must match ^[A-Z]+$"]),
        ({"seatRow": 50}, Ticket, ["$.seatRow: must be less than 50"]),
        ({"seatRow": 5, "total": 3}, Ticket, ["$.total: must be a multiple of 5"]),
        (0, Positive, ["$: must be greater than 0"]),
        ([-1, 0], Corner, ["$[0]: must be at least 0"]),
        ({"weight": 1, "twigs": [{"weight": -1}]}, Branch, ["$.twigs[0].weight: must be at least 0"]),
    ],
)
def test_a_value_outside_the_bounds_is_a_misfit(value: Any, kind: Any, problems: list[str]) -> None:
    with pytest.raises(Misfit) as caught:
        JsonType(kind).value(value)
    assert [f"{place}: {text}" for place, text in caught.value.problems] == problems


WORDS = ["a", "x", "y", "name", "value", "children", "lead", "points", "count", "sizes", "nights", "weight", "start"]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
TEXTS = st.sampled_from(["1", "null", "true", "[1]", '{"x": "1"}', "2026-01-01", "red", "9" * 5000, 10**400])
VALUES = st.recursive(
    SCALARS | TEXTS,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.sampled_from(WORDS), children, max_size=4),
    max_leaves=8,
)
KINDS: list[Any] = [
    *(int, float, bool, str, bytes, Any, list[int], dict[int, str], set[float], int | str | None, tuple[int, str]),
    *(Literal["a", 1, None], Colour, date, Point, Line, Node, Options, Person, Family, Team),
    *(Order, Query, Booking, Ticket, Corner, Branch, Positive),
]
TYPES = {str(kind): JsonType(kind) for kind in KINDS}


@given(VALUES, st.sampled_from(sorted(TYPES)))
def test_any_value_makes_an_instance_or_is_a_misfit(value: Any, kind: str) -> None:
    with suppress(Misfit):
        TYPES[kind].value(value)
