"""Any text and any value in a request: valid JSON, or an error that names the place."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.encoded import ANTHROPIC, BOTH, OPENAI, body

from minimax_sync.errors import RequestError
from minimax_sync.values.messages import ChatMessage, ToolCall
from minimax_sync.values.tooldef import ToolDef
from minimax_sync.wires.wire import Wire

PICTURE = ChatMessage.user("What is it?", images=b"\x89PNG\r\n\x1a\n")


@BOTH
@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"input": "half \ud83d"}, "messages[0].content"),
        ({"system": "half \ud83d"}, "cannot be written"),
        ({"extra_body": {"x": {"y": [1, object()]}}}, "x.y[1]"),
        ({"extra_body": {"x": {(1, 2): 3}}}, "request.x "),
        ({"tools": [ToolDef("f", parameters={"type": object()})]}, "type"),
        ({"response_format": {"type": object()}}, "response_format"),
        ({"extra_body": {"x": msgspec.Raw(b'"a\0b"')}}, "extra_body"),
        ({"input": PICTURE, "extra_body": {"x": msgspec.Raw(b'"a\0b"')}}, "extra_body"),
    ],
)
def test_a_value_that_json_cannot_hold_is_a_request_error_that_names_the_place(
    wire: Wire, options: dict[str, Any], place: str
) -> None:
    with pytest.raises(RequestError) as caught:
        body(wire, **{"input": "Hi", **options})
    assert place in str(caught.value)
    assert "half" not in str(caught.value)


@BOTH
def test_a_value_that_contains_itself_is_a_request_error(wire: Wire) -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(RequestError, match="nested too deeply"):
        body(wire, "Hi", extra_body={"x": loop})


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.text(min_size=1), st.text(), st.text(), st.dictionaries(st.text(), st.text() | st.floats() | st.integers()))
def test_any_text_gives_valid_json_on_both_wires(
    said: str, prompt: str, result: str, arguments: dict[str, Any]
) -> None:
    history = [
        ChatMessage.user(said),
        ChatMessage.assistant(prompt, [ToolCall("a", "f", arguments)]),
        ChatMessage.tool_result("a", result),
    ]
    for wire in (OPENAI, ANTHROPIC):
        written = body(wire, history, system=prompt)
        assert said in (written["messages"][1 if wire is OPENAI and prompt.strip() else 0]["content"], said)


@settings(max_examples=80, derandomize=True, deadline=None)
@given(st.text(st.characters(), min_size=1))
def test_halves_of_surrogate_pairs_are_a_request_error_and_never_another(said: str) -> None:
    for wire in (OPENAI, ANTHROPIC):
        try:
            body(wire, said)
        except RequestError as error:
            assert "surrogate" in str(error)
            assert any(0xD800 <= ord(character) <= 0xDFFF for character in said)
