"""Types of pydantic: models, dataclasses, unions, aliases and validators keep their rules, at any depth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

import annotated_types
import pydantic
import pytest

from minimax_sync.functions.json_types import JsonType, Misfit


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]
    tricks: list[str] = []


class Mail(pydantic.BaseModel):
    sender: str = pydantic.Field(alias="from")
    note: str = pydantic.Field(default="", alias="n-o-t-e")


class Box(pydantic.BaseModel):
    mails: list[Mail]


class ByName(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(populate_by_name=True)

    sender: str = pydantic.Field(alias="from")
    days: int = pydantic.Field(default=1, validation_alias=pydantic.AliasChoices("days", "nDays"))


@pydantic.dataclasses.dataclass
class Grade:
    points: Annotated[int, pydantic.Field(le=15)]

    @pydantic.field_validator("points")
    @classmethod
    def _even(cls, points: int) -> int:
        if points % 2:
            raise ValueError("points must be even")
        return points


@dataclass
class Report:
    grades: list[Grade]


def _is_even(number: int) -> bool:
    return number % 2 == 0


def _upper(text: str) -> str:
    return text.upper()


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ({"kind": "dog"}, Cat | Dog, Dog(kind="dog")),
        ([{"kind": "dog"}], list[Cat | Dog], [Dog(kind="dog")]),
        ({"kind": "dog"}, Annotated[Cat | Dog, pydantic.Field(discriminator="kind")], Dog(kind="dog")),
        ("none", Cat | str, "none"),
        ('{"kind": "cat", "lives": "9"}', Cat, Cat(kind="cat", lives=9)),
        ('{"kind": "cat", "lives": 9}', Cat | None, Cat(kind="cat", lives=9)),
        ('[{"kind": "cat", "lives": 9}]', list[Cat], [Cat(kind="cat", lives=9)]),
        ({"kind": "dog", "tricks": [5]}, Dog, Dog(kind="dog", tricks=["5"])),
        ({"kind": "dog", "tricks": None}, Dog, Dog(kind="dog")),
        ({"from": "ana"}, Mail, Mail(**{"from": "ana"})),
        ({"from": "ana", "n-o-t-e": "x"}, Mail, Mail(**{"from": "ana", "n-o-t-e": "x"})),
        ({"from": "ana", "more": "x"}, Mail, Mail(**{"from": "ana"})),
        ({"sender": "ana", "nDays": "3"}, ByName, ByName.model_validate({"from": "ana", "nDays": 3})),
        ({"grades": [{"points": "14"}]}, Report, Report([Grade(14)])),
        ("a", Annotated[str, pydantic.AfterValidator(_upper)], "A"),
        (" a ", Annotated[str, pydantic.StringConstraints(strip_whitespace=True)], "a"),
        ("a", Annotated[str, pydantic.AfterValidator(_upper), ["unhashable"]], "A"),
        ("2026-01-02", Annotated[date, annotated_types.Gt(date(2026, 1, 1))], date(2026, 1, 2)),
        ("https://example.org/", pydantic.HttpUrl, pydantic.HttpUrl("https://example.org/")),
    ],
)
def test_pydantic_makes_what_is_its_own(value: Any, kind: Any, expected: Any) -> None:
    assert JsonType(kind).schema
    made = JsonType(kind).value(value)
    assert made == expected
    assert type(made) is type(expected)


@pytest.mark.parametrize(
    ("value", "kind", "place"),
    [
        ({"points": 16}, Grade, "$.points"),
        ({"grades": [{"points": 13}]}, Report, "$.grades[0].points"),
        ([{"points": 13}], list[Grade], "$[0].points"),
        ("2026-01-01", Annotated[date, pydantic.Field(gt=date(2026, 1, 1))], "$"),
        (3, Annotated[int, annotated_types.Predicate(_is_even)], "$"),
        ({"sender": "ana"}, Mail, "$.from"),
        ({"from": "ana", "note": "x"}, Mail, "$.note"),
        ({"mails": [{"from": "ana"}, {"from": "bo", "note": "x"}]}, Box, "$.mails[1].note"),
    ],
)
def test_the_rules_of_pydantic_hold_at_any_depth(value: Any, kind: Any, place: str) -> None:
    with pytest.raises(Misfit) as caught:
        JsonType(kind).value(value)
    assert caught.value.problems[0][0] == place


def test_a_discriminator_leaves_no_dangling_reference() -> None:
    schema = JsonType(Annotated[Cat | Dog, pydantic.Field(discriminator="kind")]).schema
    assert "$defs" not in json.dumps(schema)
    assert [each["title"] for each in schema["oneOf"]] == ["Cat", "Dog"]
