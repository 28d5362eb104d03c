"""Answers as values, against the emulator on both wires: every kind of schema, repairs, and their end."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import pydantic
import pytest

from minimax_sync import (
    ChatMessage,
    ChatRequest,
    ChatResponse,
    ConfigError,
    MiniMaxClient,
    RequestError,
    ResponseFormatError,
    tool,
)
from minimax_sync.emulator import Emulator
from minimax_sync.functions.parse import parse


class Mood(Enum):
    GOOD = "good"
    BAD = "bad"


@dataclass
class River:
    name: str
    length_km: Annotated[int, msgspec.Meta(ge=1)]
    countries: list[str] = field(default_factory=list)


class Town(TypedDict):
    name: str
    river: River


class Point(msgspec.Struct):
    x: float


class Person(pydantic.BaseModel):
    name: str
    age: Annotated[int, pydantic.Field(ge=0)]


RIVER: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "length_km": {"type": "integer", "exclusiveMinimum": 0}},
    "required": ["name", "length_km"],
    "additionalProperties": False,
}


def text_in(body: dict[str, Any]) -> str:
    """Return the last message of a request as text, on either wire."""
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(block["text"] for block in content)


@pytest.mark.parametrize(
    ("schema", "text", "expected"),
    [
        (River, '{"name": "Elbe", "length_km": 1094}', River("Elbe", 1094)),
        (
            Town,
            '{"name": "Ulm", "river": {"name": "Donau", "length_km": "2850"}}',
            {"name": "Ulm", "river": River("Donau", 2850)},
        ),
        (Point, '```json\n{"x": 1}\n```', Point(1.0)),
        (Person, 'Here she is: {"name": "Ada", "age": 36}. Enjoy!', Person(name="Ada", age=36)),
        (list[Person], '[{"name": "Ada", "age": 36}]', [Person(name="Ada", age=36)]),
        (list[int], "[1, 2]", [1, 2]),
        (int, "42", 42),
        (int | None, "null", None),
        (Literal["a", "b"], '"a"', "a"),
        (Literal["a", "b"], "b\n", "b"),
        (Mood, "good", Mood.GOOD),
        (str, "Just text.", "Just text."),
        (str, '"quoted"', "quoted"),
        (str, 'Like {"a": 1}.', 'Like {"a": 1}.'),
        (Literal["1", "2"], "2", "2"),
        (River | None, '{"name": "Elbe", "length_km": 1094}', River("Elbe", 1094)),
        (RIVER, '{"name": "Elbe", "length_km": 1094}', {"name": "Elbe", "length_km": 1094}),
        ({}, "[1]", [1]),
    ],
)
def test_an_answer_becomes_an_instance_of_the_schema(
    emulator: Emulator, any_client: MiniMaxClient, schema: Any, text: str, expected: Any
) -> None:
    emulator.answer(text, reasoning="Hm.")
    assert any_client.parse("Which?", schema) == expected
    assert len(emulator.journal) == 1


def test_the_schema_is_sent_on_both_wires_without_references(emulator: Emulator, any_client: MiniMaxClient) -> None:
    emulator.answer('{"name": "Ulm", "river": {"name": "Donau", "length_km": 2850}}')
    any_client.parse("Which town?", Town, system="Be brief.", max_tokens=50)
    body = emulator.journal[-1].body
    instruction = body.get("system") or body["messages"][0]["content"]
    assert instruction.startswith("Be brief.")
    assert '"minimum":1' in instruction
    assert "$ref" not in instruction
    assert body["max_tokens"] == 50
    if "reasoning_split" in body:
        assert body["response_format"]["json_schema"]["schema"]["required"] == ["name", "river"]


@pytest.mark.parametrize(
    ("schema", "bad", "complaints"),
    [
        (River, '{"name": "Elbe", "length_km": "long"}', ["$.length_km: Expected `int`, got `str`"]),
        (River, '{"name": "Elbe", "length_km": -1}', ["$.length_km: Expected `int` >= 1"]),
        (River, "I do not know.", ["$: there is no JSON value in the answer"]),
        (Person, '{"age": -1}', ["$.name: Field required", "$.age: Input should be greater than or equal to 0"]),
        (
            RIVER,
            '{"length_km": 0, "mouth": "Cuxhaven"}',
            [
                "$: 'name' is a required property",
                "$: Additional properties are not allowed ('mouth' was unexpected)",
                "$.length_km: 0 is less than or equal to the minimum of 0",
            ],
        ),
    ],
)
def test_a_misfit_is_sent_back_with_its_error(
    emulator: Emulator, any_client: MiniMaxClient, schema: Any, bad: str, complaints: list[str]
) -> None:
    good = '{"name": "Elbe", "length_km": 1094}' if schema is not Person else '{"name": "Ada", "age": 36}'
    emulator.answer(bad, reasoning="I guess.")
    emulator.answer(good)
    assert any_client.parse([ChatMessage.user("Which?")], schema) is not None
    body = emulator.journal[-1].body
    assert [message["role"] for message in body["messages"] if message["role"] != "system"] == [
        *("user", "assistant", "user")
    ]
    assert bad in json.dumps(body["messages"][-2], ensure_ascii=False).replace('\\"', '"')
    assert "I guess." in json.dumps(body["messages"][-2])
    for complaint in complaints:
        assert f"- {complaint}" in text_in(body)


def test_a_cut_off_answer_is_sent_back_even_if_it_reads_as_json(emulator: Emulator, any_client: MiniMaxClient) -> None:
    emulator.answer("[1, 2]", finish_reason="length")
    emulator.answer("[1, 2, 3]")
    assert any_client.parse("Count", list[int]) == [1, 2, 3]
    assert "cut off at the token limit" in text_in(emulator.journal[-1].body)


def test_an_empty_answer_is_asked_again(emulator: Emulator, any_client: MiniMaxClient) -> None:
    emulator.answer("", reasoning="Nothing to say.")
    emulator.answer("[1]")
    assert any_client.parse("Count", list[int]) == [1]


@pytest.mark.parametrize("max_repairs", [0, 2])
def test_spent_repairs_raise_with_the_last_answer(
    emulator: Emulator, any_client: MiniMaxClient, max_repairs: int
) -> None:
    for n in range(max_repairs + 1):
        emulator.answer(f'{{"name": "canary {n}", "length_km": "canary"}}')
    with pytest.raises(
        ResponseFormatError, match=rf"after {max_repairs} repairs: .*what does not fit: length_km"
    ) as caught:
        any_client.parse("Tell me of the canary", River, max_repairs=max_repairs)
    assert len(emulator.journal) == max_repairs + 1
    assert caught.value.partial is not None
    assert f"canary {max_repairs}" in caught.value.partial.text
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None


def test_no_place_shows_what_the_model_wrote(emulator: Emulator, any_client: MiniMaxClient) -> None:
    schema = {"type": "object", "additionalProperties": {"type": "integer"}}
    emulator.answer('{"canary": "canary"}')
    with pytest.raises(ResponseFormatError, match=r"what does not fit: \[\.\.\.\];") as caught:
        any_client.parse("Count", schema, max_repairs=0)
    assert "canary" not in str(caught.value)


def test_the_newest_draft_and_formats_are_checked(emulator: Emulator, any_client: MiniMaxClient) -> None:
    schema = {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string", "format": "date"}]}
    for text in ('["a", "2026-01-01"]', '[1, "soon"]', '[1, "2026-01-01"]'):
        emulator.answer(text)
    assert any_client.parse("When?", schema) == [1, "2026-01-01"]
    assert len(emulator.journal) == 3


@pytest.mark.parametrize(
    ("schema", "options", "message"),
    [
        ({"type": "nothing"}, {}, r"schema is not a valid JSON schema: \$\.type: 'nothing'"),
        ({"pattern": "("}, {}, r"schema is not a valid JSON schema: \$\.pattern"),
        (object, {}, "schema must be a dataclass"),
        (River("Elbe", 1), {}, "schema must be a dataclass"),
        (River | Point | Mood, {}, "schema must be a dataclass"),
        (int, {"max_repairs": -1}, "max_repairs must be an integer of at least 0"),
        (int, {"tools": [tool(text_in)]}, "tools cannot be combined with a schema"),
        (int, {"response_format": "json"}, "response_format cannot be combined with a schema"),
        (int, {"colour": "red"}, "unknown option colour"),
    ],
)
def test_what_cannot_be_parsed_is_refused_before_anything_is_sent(
    emulator: Emulator, any_client: MiniMaxClient, schema: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        any_client.parse("Which?", schema, **options)
    assert emulator.journal == []


def test_a_reference_out_of_the_schema_is_refused_and_never_fetched(
    emulator: Emulator, any_client: MiniMaxClient
) -> None:
    emulator.answer("1")
    with pytest.raises(RequestError, match="refers to 'http"):
        any_client.parse("Count", {"$ref": f"{emulator.url}/schema.json"})
    assert [request.method for request in emulator.journal] == ["POST"]


def test_the_result_has_the_type_of_the_schema(emulator: Emulator, any_client: MiniMaxClient) -> None:
    emulator.answer('{"name": "Elbe", "length_km": 1094}')
    river: River = any_client.parse("Which?", River)
    assert river.length_km == 1094


@pytest.mark.parametrize(
    ("schema", "text", "expected"),
    [
        (Point, 'Say {"x": 1}, rather {"x": 2}.', Point(2.0)),
        (Point, '{"type": "object", "properties": {"x": {"type": "number"}}}\n\n{"x": 3}', Point(3.0)),
        (Point, 'It is {"x": 4} as in [7]; not {"y": 5}.', Point(4.0)),
        (River, '{"name": "El\nbe", "length_km": 1094}', River("El\nbe", 1094)),
        (River, '{"name": 5, "length_km": "1094", "countries": null}', River("5", 1094)),
        (list[River], '{"name": "Elbe", "length_km": 1094}', [River("Elbe", 1094)]),
    ],
)
def test_the_last_value_that_fits_is_taken(
    emulator: Emulator, any_client: MiniMaxClient, schema: Any, text: str, expected: Any
) -> None:
    emulator.answer(text)
    assert any_client.parse("Which?", schema) == expected
    assert len(emulator.journal) == 1


def test_prose_is_no_list_of_text(emulator: Emulator, any_client: MiniMaxClient) -> None:
    emulator.answer("I do not know.")
    emulator.answer('["Elbe"]')
    assert any_client.parse("Which rivers?", list[str]) == ["Elbe"]
    assert len(emulator.journal) == 2


def test_tokens_spent_on_thinking_are_an_error_that_names_the_limit(
    emulator: Emulator, any_client: MiniMaxClient
) -> None:
    emulator.answer("", reasoning="Let me see.", finish_reason="length")
    with pytest.raises(ResponseFormatError, match="all tokens were spent on thinking; raise max_tokens") as caught:
        any_client.parse("Where?", Point, max_tokens=100)
    assert len(emulator.journal) == 1
    assert caught.value.partial is not None
    assert caught.value.partial.reasoning == "Let me see."


def test_the_whole_result_has_the_usage_of_all_calls(emulator: Emulator, any_client: MiniMaxClient) -> None:
    emulator.answer("north")
    emulator.answer('{"x": 1}')
    responses: list[ChatResponse] = []

    def ask(request: ChatRequest) -> ChatResponse:
        responses.append(any_client.chat(request))
        return responses[-1]

    parsed = parse(ask, "Where?", Point, max_repairs=2, options={})
    assert (parsed.value, parsed.response, parsed.repairs) == (Point(1.0), responses[1], 1)
    assert parsed.usage == responses[0].usage + responses[1].usage


def test_a_schema_as_a_dict_needs_jsonschema(any_client: MiniMaxClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minimax_sync.functions.parse.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'minimax-sync\[schema\]'"):
        any_client.parse("Count", {"type": "integer"})


def test_full_returns_the_answer_and_the_repairs_of_the_value(emulator: Emulator, any_client: MiniMaxClient) -> None:
    for text in ("no", "4"):
        emulator.answer(text)
    parsed = any_client.parse("2 + 2?", int, full=True)
    assert (parsed.value, parsed.repairs, parsed.response.text) == (4, 1, "4")
    assert parsed.usage.prompt_tokens > parsed.response.usage.prompt_tokens
