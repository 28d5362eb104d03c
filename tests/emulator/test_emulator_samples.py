"""JSON answers of the emulator: what asks for one, and that the value fits any schema."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from support.emulator_calls import ANTHROPIC, OPENAI, anthropic, openai, post

from minimax_sync import MiniMaxClient
from minimax_sync.emulator import Emulator
from minimax_sync.emulator.samples import NoSample, sample, schema_asked_for


def check(value: Any, schema: Any) -> None:
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


@st.composite
def numbers(draw: st.DrawFn) -> dict[str, Any]:
    low = draw(st.integers(-50, 50))
    high = low + draw(st.integers(5, 60))
    schema: dict[str, Any] = {"type": draw(st.sampled_from(["integer", "number"]))}
    lower = draw(st.sampled_from([None, "minimum", "exclusiveMinimum"]))
    upper = draw(st.sampled_from([None, "maximum", "exclusiveMaximum"]))
    schema |= {lower: low} if lower else {}
    schema |= {upper: high} if upper else {}
    step = draw(st.sampled_from([None, 1, 2, 3]))
    return schema | ({"multipleOf": step} if step else {})


@st.composite
def texts(draw: st.DrawFn) -> dict[str, Any]:
    fewest = draw(st.integers(0, 20))
    schema: dict[str, Any] = {"type": "string", "minLength": fewest, "maxLength": fewest + draw(st.integers(0, 20))}
    known = ["date-time", "date", "uuid", "email", "ipv4", "ipv6", "duration"]
    return draw(st.sampled_from([schema, {"type": "string", "format": draw(st.sampled_from(known))}]))


def containers(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    names = st.sampled_from(["a", "b", "c", "d"])

    @st.composite
    def objects(draw: st.DrawFn) -> dict[str, Any]:
        properties = draw(st.dictionaries(names, inner, max_size=4))
        required = draw(st.lists(st.sampled_from(sorted(properties)), unique=True)) if properties else []
        schema = {"type": "object", "properties": properties, "required": required}
        return schema | draw(st.sampled_from([{}, {"additionalProperties": False}]))

    @st.composite
    def lists(draw: st.DrawFn) -> dict[str, Any]:
        fewest = draw(st.integers(0, 3))
        schema = {"type": "array", "items": draw(inner), "minItems": fewest}
        return schema | draw(st.sampled_from([{}, {"maxItems": fewest}]))

    def joined(schemas: list[dict[str, Any]]) -> dict[str, Any]:
        return {"anyOf": [*schemas, {"type": "null"}]}

    return st.one_of(
        objects(),
        lists(),
        st.lists(inner, min_size=1, max_size=3).map(joined),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda each: {"type": "array", "prefixItems": each, "minItems": len(each), "items": False}
        ),
        inner.map(lambda each: {"allOf": [each, {"description": "any"}], "title": "All"}),
    )


SCHEMAS = st.recursive(
    st.one_of(
        numbers(),
        texts(),
        st.just({}),
        st.lists(st.integers() | st.text(), min_size=1).map(lambda values: {"enum": values}),
        st.none().map(lambda value: {"const": value}),
        st.sampled_from([{"type": "boolean"}, {"type": ["null", "integer"]}]),
    ),
    containers,
    max_leaves=12,
)


@given(SCHEMAS)
@example({"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 5, "multipleOf": 3})
def test_a_sample_fits_any_schema(schema: dict[str, Any]) -> None:
    check(sample(schema), schema)


NODE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "left": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
        "kids": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
        "note": {"$ref": "#/$defs/Node"},
    },
    "required": ["name", "left", "kids"],
}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"$ref": "#/$defs/Node", "$defs": {"Node": NODE}}, {"name": "example", "left": None, "kids": []}),
        ({"properties": {"next": {"$ref": "#"}, "km": {"minimum": 7}}}, {"km": 7}),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": True}, [1, 2, 3]),
        ({"type": "array", "items": {"type": "string"}, "minItems": 2}, ["example", "example 2"]),
        ({"enum": ["first", "second"]}, "first"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 0.5}, 0.5),
        ({"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1}, {"example": 1}),
        ({"type": "string", "contentEncoding": "base64"}, "ZXhhbXBsZQ=="),
        ({"allOf": [{"required": ["a"]}, {"required": ["b"], "properties": {"b": {"const": 2}}}]}, ["a", "b"]),
        ({"definitions": {"a/b": {"const": 1}}, "$ref": "#/definitions/a~1b"}, 1),
        ({"oneOf": [False, {"type": "boolean"}]}, True),
    ],
)
def test_a_sample_is_the_plainest_value(schema: dict[str, Any], value: Any) -> None:
    made = sample(schema)
    assert (sorted(made) if "allOf" in schema else made) == value
    check(made, schema)


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"$ref": "https://example.com/schema.json"},
        {"$ref": "#/$defs/Away"},
        {"required": ["next"], "properties": {"next": {"$ref": "#"}}},
        {"type": "integer", "minimum": 2, "maximum": 1},
        {"type": "array", "items": False, "minItems": 1},
    ],
)
def test_a_schema_that_no_value_fits_has_no_sample(schema: Any) -> None:
    with pytest.raises(NoSample):
        sample(schema)


@pytest.mark.parametrize(
    ("response_format", "system", "schema"),
    [
        ({"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "integer"}}}, "", {"type": "integer"}),
        (None, 'Use this JSON schema:\n```json\n{\n  "type": "null"\n}\n```\nand no other.', {"type": "null"}),
        (None, 'A json_schema, not {this}, follows. {"enum": ["{"]} {"type": "null"}', {"enum": ["{"]}),
        ({"type": "json_schema", "json_schema": "integer"}, "", {}),
        ({"type": "json_object"}, "", {"required": ["answer"]}),
        (None, "Answer with one JSON object.", {"required": ["answer"]}),
        (None, "Answer in one line.", None),
        (None, "A JSON schema describes data.", None),
        ({"type": "text"}, "", None),
    ],
)
def test_a_request_asks_for_json_by_its_format_or_in_its_system_prompt(
    response_format: Any, system: str, schema: Any
) -> None:
    assert schema_asked_for(response_format, system) == schema


@dataclass
class River:
    name: str
    km: Annotated[int, msgspec.Meta(ge=1000)]
    kind: Literal["large", "small"]
    mouths: list[str]


@pytest.mark.parametrize("wire", ["base_url", "anthropic_base_url"])
def test_typed_answers_need_no_script(minimax_emulator: Emulator, wire: str) -> None:
    base_url = getattr(minimax_emulator, wire)
    with MiniMaxClient(minimax_emulator.api_key, base_url=base_url, requests_per_second=None) as client:
        assert client.parse("Name a river.", River) == River("example", 1000, "large", ["example"])
        assert client.chat("Name a river.", response_format="json").json() == {"answer": "example"}
        streamed = client.stream("Name a river.", response_format={"type": "array", "items": {"const": 7}})
        assert json.loads("".join(streamed.text_deltas())) == [7]


def test_the_values_are_the_same_for_other_clients(minimax_emulator: Emulator) -> None:
    schema = {"type": "object", "properties": {"km": {"type": "integer"}}, "required": ["km"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "river", "schema": schema}}
    answer = post(minimax_emulator, OPENAI, openai(response_format=wanted)).value
    assert answer["choices"][0]["message"]["content"].endswith('{"km":1}')
    blocks = [{"type": "text", "text": f"Follow this JSON schema: {json.dumps(schema)}"}]
    [*_, block] = post(minimax_emulator, ANTHROPIC, anthropic(system=blocks)).value["content"]
    assert block["text"] == '{"km":1}'
