"""Metadata and defaults of parameters: in the schema, enforced, filled in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Optional

import annotated_types
import pydantic
import pytest
from support.interfaces import called, parameters_of

from minimax_sync import ToolArgumentsError
from minimax_sync.functions.signature import interface_of


def rate(
    score: Annotated[int, pydantic.Field(ge=0, le=100, description="from 0 to 100")],
    step: Annotated[int, annotated_types.Gt(0)] = 5,
    mode: Annotated[Literal["a", "b"], pydantic.Field(description="the mode")] | None = None,
    limit: int = pydantic.Field(default=10, ge=1, description="at most"),
    tags: list[str] = pydantic.Field(default_factory=lambda: ["x"]),  # noqa: B008  the idiom that is tested
    weight: Annotated[float, pydantic.Field(default=0.5)] = 0.25,
) -> list[Any]:
    """Rate it."""
    return [score, step, mode, limit, tags, weight]


def required_field(score: int = pydantic.Field(..., description="from 0")) -> int:
    """Rate it."""
    return score


def default_in_annotation(score: Annotated[int, pydantic.Field(default=7)]) -> int:
    """Rate it."""
    return score


def test_metadata_of_parameters_is_in_the_schema() -> None:
    parameters = parameters_of(rate)
    properties = parameters["properties"]
    assert properties["score"] == {"type": "integer", "minimum": 0, "maximum": 100, "description": "from 0 to 100"}
    assert properties["step"] == {"type": "integer", "exclusiveMinimum": 0, "default": 5}
    assert properties["mode"] == {
        "anyOf": [{"enum": ["a", "b"]}, {"type": "null"}],
        "description": "the mode",
        "default": None,
    }
    assert properties["limit"] == {"type": "integer", "minimum": 1, "description": "at most", "default": 10}
    assert properties["tags"]["default"] == ["x"]
    assert parameters["required"] == ["score"]
    assert parameters_of(required_field)["required"] == ["score"]
    assert "required" not in parameters_of(default_in_annotation)


def test_defaults_in_fields_are_filled_in() -> None:
    assert called(rate, score="50") == [50, 5, None, 10, ["x"], 0.25]
    assert called(rate, score=50, limit=None, tags=None) == [50, 5, None, 10, ["x"], 0.25]
    assert called(default_in_annotation) == 7


def test_bounds_of_parameters_are_enforced_together() -> None:
    with pytest.raises(ToolArgumentsError) as caught:
        interface_of(rate).arguments({"score": "101", "step": 0, "limit": 0})
    assert str(caught.value) == ("score: must be at most 100; step: must be greater than 0; limit: must be at least 1")


def send(
    sender: Annotated[str, pydantic.Field(alias="from")], to: Annotated[str, pydantic.Field(alias="for")] = "all"
) -> str:
    """Send it."""
    return f"{sender} to {to}"


def test_an_alias_is_the_name_that_the_model_gives() -> None:
    assert list(parameters_of(send)["properties"]) == ["from", "for"]
    assert parameters_of(send)["required"] == ["from"]
    assert called(send, **{"from": "ana"}) == "ana to all"
    assert called(send, **{"from": "ana", "for": "bo"}) == "ana to bo"
    with pytest.raises(ToolArgumentsError, match="sender: there is no such parameter; from: is missing"):
        interface_of(send).arguments({"sender": "ana"})


@dataclass
class Options:
    depth: int = 2
    mode: str = "fast"


def find(
    query: str,
    limit: int = 10,
    mode: Literal["fast", "deep"] = "fast",
    tags: tuple[str, ...] = (),
    near: Optional[str] = None,  # noqa: UP045
    options: Options = Options(),  # noqa: B008
) -> list[Any]:
    """Find."""
    return [query, limit, mode, tags, near, options]


@pytest.mark.parametrize(
    "given",
    [
        *({"limit": None}, {"limit": "null"}, {"limit": ""}, {"mode": None}, {"tags": None}, {"near": None}),
        {"options": None},
        {"options": {"depth": None}},
    ],
)
def test_null_for_a_parameter_with_a_default_is_its_default(given: dict[str, Any]) -> None:
    assert called(find, query="x", **given) == ["x", 10, "fast", (), None, Options()]


def test_null_for_a_parameter_without_a_default_is_a_problem() -> None:
    with pytest.raises(ToolArgumentsError, match=r"query: Expected `str`, got `null`"):
        interface_of(find).arguments({"query": None})
