"""The definition of a function for a model, and the conversion of the model's arguments."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal, Optional, TypedDict

import msgspec
import pytest
from support.interfaces import parameters_of

from minimax_sync import RequestError, ToolArgumentsError
from minimax_sync.functions.signature import interface_of


class Unit(Enum):
    CELSIUS = "c"
    FAHRENHEIT = "f"


@dataclass
class Place:
    city: str
    country: str = "DE"


class Window(TypedDict):
    first: date
    last: date


class Tree(msgspec.Struct):
    name: str
    branches: list[Tree] = []


def forecast(
    place: Place,
    days: Annotated[int, "how many days"] = 1,
    *,
    unit: Unit = Unit.CELSIUS,
    mode: Literal["short", "long"] = "short",
    window: Optional[Window] = None,  # noqa: UP045  the old spelling must work too
    tags: list[str] = [],  # noqa: B006  as people write it
) -> str:
    """Return the weather,
    as it will be.

    It is often right.

    Args:
        place: where
        days: overridden by the annotation
        unit (Unit, optional): of the
            temperatures
    """
    return f"{place} {days} {unit} {mode} {window} {tags}"


def test_a_signature_becomes_a_schema_without_references() -> None:
    definition = interface_of(forecast).definition()
    assert (definition.name, definition.description) == ("forecast", "Return the weather, as it will be.")
    assert definition.parameters == {
        "type": "object",
        "properties": {
            "place": {
                "title": "Place",
                "type": "object",
                "properties": {"city": {"type": "string"}, "country": {"type": "string", "default": "DE"}},
                "required": ["city"],
                "description": "where",
            },
            "days": {"type": "integer", "description": "how many days", "default": 1},
            "unit": {"title": "Unit", "enum": ["c", "f"], "description": "of the temperatures", "default": "c"},
            "mode": {"enum": ["long", "short"], "default": "short"},
            "window": {
                "anyOf": [
                    {
                        "title": "Window",
                        "type": "object",
                        "properties": {
                            "first": {"type": "string", "format": "date"},
                            "last": {"type": "string", "format": "date"},
                        },
                        "required": ["first", "last"],
                    },
                    {"type": "null"},
                ],
                "default": None,
            },
            "tags": {"type": "array", "items": {"type": "string"}, "default": []},
        },
        "required": ["place"],
        "additionalProperties": False,
    }


def test_arguments_are_converted_to_the_annotated_types() -> None:
    given = {
        "place": {"city": "Kiel"},
        "days": "3",
        "unit": "f",
        "window": '{"first": "2026-01-01", "last": "2026-01-02"}',
    }
    assert interface_of(forecast).arguments(given) == (
        [],
        {
            "place": Place("Kiel"),
            "days": 3,
            "unit": Unit.FAHRENHEIT,
            "window": {"first": date(2026, 1, 1), "last": date(2026, 1, 2)},
        },
    )


def test_all_problems_of_the_arguments_are_reported_together() -> None:
    with pytest.raises(ToolArgumentsError) as caught:
        interface_of(forecast).arguments({"days": "many", "unit": "k", "colour": 1, "window": {"first": "soon"}})
    problems = str(caught.value).split("; ")
    assert [problem.partition(":")[0] for problem in problems] == ["days", "unit", "colour", "window.first", "place"]
    assert problems[2] == "colour: there is no such parameter"
    assert problems[4] == "place: is missing"


def test_a_parameter_without_annotation_takes_anything() -> None:
    def anything(one, two=None):  # type: ignore[no-untyped-def]  # that is what is tested
        return one, two

    assert parameters_of(anything)["properties"] == {"one": {}, "two": {"default": None}}
    assert interface_of(anything).arguments({"one": [1, {"a": None}]})[1] == {"one": [1, {"a": None}]}


def test_a_default_of_none_lets_the_model_send_null() -> None:
    def search(limit: Annotated[int, "at most"] = None) -> None:  # type: ignore[assignment]  # noqa: RUF013  as people write it
        """Search."""

    schema = parameters_of(search)["properties"]["limit"]
    assert schema == {"anyOf": [{"type": "integer"}, {"type": "null"}], "description": "at most", "default": None}
    assert interface_of(search).arguments({"limit": None})[1] == {"limit": None}


def test_a_default_that_json_cannot_hold_is_left_out_and_makes_the_parameter_optional() -> None:
    def wait(seconds: float = object()) -> None:  # type: ignore[assignment]
        """Wait."""

    assert parameters_of(wait) == {
        "type": "object",
        "properties": {"seconds": {"type": "number"}},
        "additionalProperties": False,
    }


def test_keyword_arguments_are_further_properties() -> None:
    def label(name: str, **labels: int) -> None:
        """Label."""

    def note(**fields: Any) -> None:
        """Note."""

    assert parameters_of(label)["additionalProperties"] == {"type": "integer"}
    assert parameters_of(note)["additionalProperties"] is True
    assert interface_of(label).arguments({"name": "a", "x": "1"})[1] == {"name": "a", "x": 1}
    with pytest.raises(ToolArgumentsError, match="x: Expected `int`"):
        interface_of(label).arguments({"name": "a", "x": "one"})


def test_positional_only_parameters_are_filled_in_order() -> None:
    def divide(a: float, b: float = 2.0, /, digits: int = 1) -> float:
        """Divide."""
        return round(a / b, digits)

    positional, named = interface_of(divide).arguments({"digits": 0, "a": 9})
    assert (positional, named) == ([9.0, 2.0], {"digits": 0})
    assert divide(*positional, **named) == 4.0


def test_a_recursive_type_keeps_its_definition_at_the_root() -> None:
    def plant(tree: Tree, beside: Tree | None = None) -> None:
        """Plant."""

    schema = parameters_of(plant)
    assert schema["properties"]["tree"] == {"$ref": "#/$defs/Tree"}
    assert schema["$defs"]["Tree"]["properties"]["branches"]["items"] == {"$ref": "#/$defs/Tree"}


class Toolbox:
    def weigh(self, grams: int) -> str:
        """Weigh."""
        return f"{self!r} {grams}"

    @staticmethod
    def measure(metres: float) -> float:
        """Measure."""
        return metres


def test_a_bound_method_does_not_show_its_object() -> None:
    assert list(parameters_of(Toolbox().weigh)["properties"]) == ["grams"]
    assert not interface_of(Toolbox().weigh).is_unbound


def test_a_method_in_the_making_does_not_show_it_either() -> None:
    assert list(parameters_of(Toolbox.weigh)["properties"]) == ["grams"]
    assert interface_of(Toolbox.weigh).is_unbound


def test_a_partial_hides_what_it_fixes() -> None:
    fixed = functools.partial(forecast, Place("Kiel"), days=2)
    definition = interface_of(fixed).definition()
    assert definition.name == "forecast"
    assert definition.description == "Return the weather, as it will be."
    assert list(definition.parameters["properties"]) == ["unit", "mode", "window", "tags"]


def test_a_decorated_function_is_read_through_its_wrapper() -> None:
    @functools.wraps(forecast)
    def counted(*args: Any, **kwargs: Any) -> str:
        return forecast(*args, **kwargs)

    assert interface_of(counted).definition() == interface_of(forecast).definition()


async def later(seconds: float) -> None:
    """Do it later."""


async def stream(seconds: float) -> AsyncIterator[int]:
    yield 1


def many(*numbers: int) -> int:
    return sum(numbers)


def opaque(handle: Toolbox) -> None:
    """Take what no model can write."""


def unresolved(place: Nowhere) -> None:  # type: ignore[name-defined]  # noqa: F821  what is tested
    """Take what does not exist."""


def broken(place: str) -> None:
    """Have an annotation that is no Python."""


broken.__annotations__["place"] = "1 +"
anything_but_this: Any = many


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (later, "later is async, but this client is blocking"),
        (stream, "stream is async"),
        (functools.partial(later, 1.0), "later is async"),
        (many, r"tool many: \*numbers is not supported; take a list instead"),
        (opaque, "tool opaque: the type of handle has no JSON schema"),
        (unresolved, "tool unresolved: its annotations name 'Nowhere'"),
        (staticmethod(many), "put @tool below @staticmethod"),
        (classmethod(anything_but_this), "put @tool below @classmethod"),
        (broken, "tool broken: its signature cannot be read: Forward reference must be"),
    ],
)
def test_what_a_model_cannot_call_is_refused_with_the_reason(function: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        interface_of(function).definition()
