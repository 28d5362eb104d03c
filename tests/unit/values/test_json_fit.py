"""Values and schemas: what is converted, what stays as it is, and which bounds are broken."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimax_sync.values.json_fit import broken_bounds, fits, fitted

STRING: dict[str, Any] = {"type": "string"}
INTEGER: dict[str, Any] = {"type": "integer"}
TASK: dict[str, Any] = {
    "type": "object",
    "properties": {"title": STRING, "tags": {"type": "array", "items": STRING}, "rank": {**INTEGER, "default": 1}},
    "required": ["title"],
}
TREE: dict[str, Any] = {
    "$ref": "#/$defs/Tree",
    "$defs": {
        "Tree": {
            "type": "object",
            "properties": {"value": INTEGER, "below": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
        }
    },
}


@pytest.mark.parametrize(
    ("value", "schema", "expected"),
    [
        ("5", INTEGER, 5),
        (" 5.0 ", INTEGER, 5),
        (5.0, INTEGER, 5),
        ("0.5", {"type": "number"}, 0.5),
        ("True", {"type": "boolean"}, True),
        ("None", {"type": ["integer", "null"]}, None),
        (90210, STRING, "90210"),
        (1.5, STRING, "1.5"),
        (True, STRING, "true"),
        ([1, 2], {"type": "array", "items": STRING}, ["1", "2"]),
        ('{"title": "a"}', TASK, {"title": "a"}),
        ({}, {**TASK, "required": ["rank"]}, {"rank": 1}),
        ({"rank": None}, {**TASK, "required": ["rank"]}, {"rank": 1}),
        ({"title": "a", "tags": '["b"]', "rank": "2"}, TASK, {"title": "a", "tags": ["b"], "rank": 2}),
        ({"title": "a", "rank": None}, TASK, {"title": "a"}),
        (['{"title": "a", "rank": 2}'], {"type": "array", "items": TASK}, [{"title": "a", "rank": 2}]),
        ("b", {"type": "array", "items": STRING}, ["b"]),
        ({"item": ["b", "c"]}, {"type": "array", "items": STRING}, ["b", "c"]),
        ({"item": "b"}, {"type": "array", "items": STRING}, ["b"]),
        ({"title": "a", "rank": 2}, {"type": "array", "items": TASK}, [{"title": "a", "rank": 2}]),
        (
            {"x": 1, "y": 2},
            {"type": "array", "prefixItems": [{**INTEGER, "title": "x"}, {**INTEGER, "title": "y"}]},
            [1, 2],
        ),
        (["1", 2], {"type": "array", "prefixItems": [INTEGER, STRING]}, [1, "2"]),
        ("FAST", {"enum": ["fast", "deep"]}, "fast"),
        ("2", {"enum": [1, 2]}, 2),
        ("true", {"const": True}, True),
        ("3", {"anyOf": [INTEGER, {"type": "null"}]}, 3),
        ('{"title": "a", "rank": 2}', {"anyOf": [TASK, {"type": "null"}]}, {"title": "a", "rank": 2}),
        ({"a": "1"}, {"type": "object", "additionalProperties": INTEGER}, {"a": 1}),
        ({"below": [{"value": "3"}]}, TREE, {"below": [{"value": 3}]}),
        ('{"title": "a", "rank": 2}', {"allOf": [TASK]}, {"title": "a", "rank": 2}),
    ],
)
def test_a_value_is_converted_where_nothing_is_lost(value: Any, schema: dict[str, Any], expected: Any) -> None:
    converted = fitted(value, schema)
    assert converted == expected
    assert type(converted) is type(expected)
    assert fits(converted, schema, schema)


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ("3", STRING),
        ('{"a": 1}', {}),
        ('{"a": 1}', {"anyOf": [STRING, {"type": "object"}]}),
        ("3", {"anyOf": [INTEGER, STRING]}),
        ("null", {"anyOf": [STRING, {"type": "null"}]}),
        ("1,000", INTEGER),
        ("5.5", INTEGER),
        ("yes", {"type": "boolean"}),
        (1700000000, {"type": "string", "format": "date-time"}),
        ({"a": 1}, STRING),
        (None, STRING),
        (None, {"type": "array", "items": STRING}),
        ("b", {"type": "array", "items": INTEGER}),
        ("slow", {"enum": ["fast", "deep"]}),
        ("a", {"enum": ["A", "a", 1]}),
        ("[" * 10_000, INTEGER),
        (1, {"$ref": "#/$defs/Nowhere"}),
        (1, {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}),
    ],
)
def test_a_value_stays_where_it_fits_or_cannot_be_converted(value: Any, schema: dict[str, Any]) -> None:
    assert fitted(value, schema) == value
    assert type(fitted(value, schema)) is type(value)


def test_a_value_that_nests_too_deeply_stays() -> None:
    deep: list[Any] = []
    for _ in range(sys.getrecursionlimit()):
        deep = [deep]
    assert fitted(deep, {}) is deep


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=4), children, max_size=3),
    max_leaves=8,
)


@given(JSON, st.sampled_from([TASK, TREE, STRING, INTEGER, {"enum": ["a", 1]}, {"anyOf": [INTEGER, TASK]}, {}]))
def test_a_value_that_fits_is_never_changed(value: Any, schema: dict[str, Any]) -> None:
    converted = fitted(value, schema)
    if fits(value, schema, schema):
        assert converted == value
    assert list(broken_bounds(converted, schema, schema)) == []


@pytest.mark.parametrize(
    ("value", "schema", "path", "problem"),
    [
        (0, {"minimum": 1}, (), "must be at least 1"),
        (3, {"maximum": 2}, (), "must be at most 2"),
        (1, {"exclusiveMinimum": 1}, (), "must be greater than 1"),
        (1.0, {"exclusiveMaximum": 1}, (), "must be less than 1"),
        (0.25, {"multipleOf": 0.1}, (), "must be a multiple of 0.1"),
        (10**400, {"multipleOf": 0.1}, (), "must be a multiple of 0.1"),
        (1e308, {"multipleOf": 1e-10}, (), "must be a multiple of 1e-10"),
        (3, {"multipleOf": 0}, (), "must be a multiple of 0"),
        ("", {"minLength": 1}, (), "must have at least 1 characters"),
        ("abc", {"maxLength": 2}, (), "must have at most 2 characters"),
        ("a-b", {"pattern": r"^\w+$"}, (), r"must match ^\w+$"),
        ([], {"minItems": 1}, (), "must have at least 1 items"),
        ({"a": 1, "b": 2}, {"maxProperties": 1}, (), "must have at most 1 entries"),
        ({"a": [1, 0]}, {"properties": {"a": {"items": {"minimum": 1}}}}, ("a", 1), "must be at least 1"),
        (0, {"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 1}]}, (), "must be at least 1"),
        (0, {"anyOf": [{"type": "null"}, {"type": "integer"}], "minimum": 1}, (), "must be at least 1"),
    ],
)
def test_a_broken_bound_has_a_path_and_a_problem(
    value: Any, schema: dict[str, Any], path: tuple[str | int, ...], problem: str
) -> None:
    assert list(broken_bounds(value, schema, schema)) == [(path, problem)]


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (0.3, {"multipleOf": 0.1}),
        (True, {"minimum": 5}),
        ("text", {"minimum": 5, "minItems": 9}),
        (None, {"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 1}], "minimum": 1}),
        ("x", {"pattern": r"\p{L}"}),
        (7 * 10**400, {"multipleOf": 7}),
    ],
)
def test_a_bound_of_another_type_or_dialect_does_not_apply(value: Any, schema: dict[str, Any]) -> None:
    assert list(broken_bounds(value, schema, schema)) == []
