"""JSON schemas as data: strictness."""

from __future__ import annotations

from typing import Any

import pytest

from minimax_sync.values.json_schema import is_strict

STRING: dict[str, Any] = {"type": "string"}


def closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    "schema",
    [
        closed(),
        closed(name=STRING),
        closed(default=STRING),
        closed(parts={"type": "array", "items": closed(name=STRING)}),
        closed(note={"anyOf": [STRING, {"type": "null"}]}, mode={"enum": ["a"]}, kind={"const": "b"}),
        closed(pair={"type": "array", "prefixItems": [STRING], "items": False}),
        {**closed(tree={"$ref": "#/$defs/Tree"}), "$defs": {"Tree": closed(name=STRING)}},
    ],
)
def test_an_object_closed_at_every_depth_is_strict(schema: dict[str, Any]) -> None:
    assert is_strict(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        STRING,
        {"type": "array", "items": closed(name=STRING)},
        {"anyOf": [closed(name=STRING)]},
        {"type": "object"},
        {"type": "object", "additionalProperties": False},
        {"type": "object", "properties": {"name": STRING}, "required": ["name"]},
        {**closed(name=STRING), "required": []},
        {**closed(name=STRING), "additionalProperties": STRING},
        closed(name={}),
        closed(name={**STRING, "default": "x"}),
        closed(inner={"type": "object", "properties": {"name": STRING}, "required": ["name"]}),
        closed(parts={"type": "array", "items": {"type": ["object", "null"]}}),
        closed(choice={"oneOf": [STRING]}),
        closed(choice={"anyOf": [STRING, {"type": "object", "additionalProperties": STRING}]}),
        {**closed(tree={"$ref": "#/$defs/Tree"}), "$defs": {"Tree": {"type": "object"}}},
    ],
)
def test_anything_open_at_any_depth_is_not_strict(schema: dict[str, Any]) -> None:
    assert not is_strict(schema)
