"""Metadata of `Annotated` in a schema: texts, bounds and defaults of several libraries."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated, Any

import annotated_types
import msgspec
import pydantic
import pytest

from minimax_sync.functions.annotations import annotate, default_of, description_of, is_field


def schema(kind: Any) -> dict[str, Any]:
    found = msgspec.json.schema(kind)
    annotate(found, kind)
    return found


@pytest.mark.parametrize(
    ("kind", "keywords"),
    [
        (Annotated[int, "how many"], {"description": "how many"}),
        (Annotated[int, annotated_types.Ge(1), annotated_types.Lt(9)], {"minimum": 1, "exclusiveMaximum": 9}),
        (Annotated[str, pydantic.Field(pattern="^a", title="T")], {"pattern": "^a", "title": "T"}),
        (Annotated[str, annotated_types.Len(2, 5)], {"minLength": 2, "maxLength": 5}),
        (Annotated[list[int], annotated_types.Len(2, 5)], {"minItems": 2, "maxItems": 5}),
    ],
)
def test_metadata_becomes_the_keywords_of_its_type(kind: Any, keywords: dict[str, Any]) -> None:
    assert schema(kind).items() >= keywords.items()


def test_metadata_is_found_at_any_depth() -> None:
    found = schema(dict[str, list[Annotated[int, annotated_types.Ge(3)]]])
    assert found["additionalProperties"]["items"]["minimum"] == 3


def test_msgspecs_own_metadata_is_left_to_msgspec() -> None:
    kind = Annotated[int, msgspec.Meta(ge=1)]
    found = msgspec.json.schema(kind)
    assert not annotate(found, kind)
    assert found["minimum"] == 1


def test_descriptions_and_defaults_are_read_from_what_carries_them() -> None:
    field = pydantic.Field(default=7, description="how many")
    assert description_of(Annotated[int, field]) == "how many"
    assert default_of(field) == 7
    assert (is_field(field), is_field(7)) == (True, False)


class Trip(msgspec.Struct):
    begins: datetime
    leaves: time | None


def test_instants_have_their_format_at_any_depth() -> None:
    begins, leaves = schema(list[Trip])["$defs"]["Trip"]["properties"].values()
    assert begins == {"type": "string", "format": "date-time"}
    assert {"type": "string", "format": "time"} in leaves["anyOf"]
