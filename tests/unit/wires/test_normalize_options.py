"""Requests as both wires write them: the least one, the options, and JSON that is asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.encoded import ANTHROPIC, BOTH, OPENAI, body

from minimax_sync.wires.wire import Wire


@BOTH
def test_options_go_as_they_are(wire: Wire) -> None:
    written = body(
        wire, "Hi", model="M", max_tokens=7, temperature=0.5, top_p=0.9, extra_body={"top_p": 0.8, "mask": True}
    )
    assert [written[name] for name in ("model", "max_tokens", "temperature", "top_p", "mask")] == [
        "M",
        7,
        0.5,
        0.8,
        True,
    ]


@pytest.mark.parametrize(("stop", "sent"), [("END", ["END"]), (["a", "b"], ["a", "b"]), (("a",), ["a"])])
def test_stop_sequences_are_sent_under_the_names_of_the_wires(stop: Any, sent: list[str]) -> None:
    assert body(OPENAI, "Hi", stop=stop)["stop"] == sent
    assert body(ANTHROPIC, "Hi", stop=stop)["stop_sequences"] == sent


SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}}


def test_json_is_asked_for_in_the_field_and_in_words() -> None:
    assert body(OPENAI, "Hi", response_format="json")["response_format"] == {"type": "json_object"}
    schema = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
    written = body(OPENAI, "Hi", response_format=SCHEMA, system="Be kind.")
    assert written["response_format"] == schema
    prompt = written["messages"][0]["content"]
    assert prompt.startswith("Be kind.\n\n")
    assert json.dumps(SCHEMA, separators=(",", ":")) in prompt
    anthropic = body(ANTHROPIC, "Hi", response_format=SCHEMA, system="Be kind.")
    assert anthropic["system"] == prompt
    assert anthropic.keys().isdisjoint({"response_format", "output_config"})
    assert "JSON object" in body(ANTHROPIC, "Hi", response_format="json")["system"]
    assert body(OPENAI, "Hi", response_format={"type": "json_object"}) == body(OPENAI, "Hi", response_format="json")
    assert body(OPENAI, "Hi", response_format=schema) == body(OPENAI, "Hi", response_format=SCHEMA)
    assert body(OPENAI, "Hi", response_format={"type": "text"}) == body(OPENAI, "Hi")
