"""Messages, tool calls, images, tools: immutable, picklable, and never long in a repr."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from minimax_sync.errors import RequestError, ToolArgumentsError
from minimax_sync.values.chunks import ReasoningDelta, StreamEnd, TextDelta, ToolCallDelta, ToolCallEnd, UsageUpdate
from minimax_sync.values.images import Image
from minimax_sync.values.messages import ChatMessage, Reasoning, Text, ToolCall
from minimax_sync.values.request import ChatRequest
from minimax_sync.values.response import ChatResponse
from minimax_sync.values.tooldef import ToolDef, as_tool
from minimax_sync.values.usage import TokenUsage

REQUEST: Any = ChatRequest
"""The constructor, which also takes a plain string, without its types."""

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
LONG = "lorem ipsum " * 500
CALL = ToolCall("a", "f", {"x": 1})
TOOL_RESULT: Any = ChatMessage.tool_result

VALUES: list[Any] = [
    Text("Hi"),
    Reasoning("Hm", "thinking", "s", {"index": 0}),
    CALL,
    Image.from_bytes(PNG),
    Image.from_url("https://example.com/a.png"),
    ChatMessage.user("Hi", images=[PNG]),
    ChatMessage.assistant("Hi", [CALL]),
    ChatMessage.tool_result("a", {"x": 1}, "f", is_error=True),
    ToolDef("f"),
    TokenUsage(1, 2, 3),
    REQUEST("Hi", stop="END", tools=[ToolDef("f")]),
    ChatResponse(ChatMessage.assistant("Hi"), "stop", TokenUsage(1, 2, 3), headers={"date": "x"}, body=b"{}"),
    TextDelta("Hi"),
    ToolCallEnd(0, CALL),
    UsageUpdate(TokenUsage(1)),
    StreamEnd("stop"),
]
EACH = pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)


@EACH
def test_a_value_survives_pickling_and_copying(value: Any) -> None:
    for twin in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
        assert twin == value
        assert type(twin) is type(value)
        assert repr(twin) == repr(value)


@EACH
def test_a_value_cannot_be_changed(value: Any) -> None:
    name = next(name for name in dir(value) if not name.startswith("_"))
    with pytest.raises(AttributeError):
        setattr(value, name, None)
    with pytest.raises(AttributeError):
        value.something_else = 1


@pytest.mark.parametrize(
    "value",
    [
        Text(LONG),
        Reasoning(LONG, signature=LONG, extra={"x": LONG}),
        ToolCall(LONG, LONG, {"x": LONG}),
        Image.from_url("https://example.com/?" + LONG),
        ChatMessage.user(LONG, images=[PNG]),
        ChatMessage.tool_result(LONG, LONG),
        ChatMessage("assistant", (Reasoning(LONG), Text(LONG), ToolCall("a", "f", {"x": LONG}))),
        ToolDef("f", LONG, {"x": LONG}),
        REQUEST(LONG, system=LONG, extra_body={"x": LONG}, response_format={"x": LONG}, stop=[LONG]),
        ChatResponse(ChatMessage.assistant(LONG), LONG, body=LONG.encode(), headers={"x": LONG}),
        TextDelta(LONG),
        ReasoningDelta(LONG),
        ToolCallDelta(0, LONG),
        ToolCallEnd(0, ToolCall("a", "f", {"x": LONG})),
        StreamEnd(LONG),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_repr_shows_at_most_sixty_characters_of_any_text(value: Any) -> None:
    assert LONG[:61] not in repr(value)
    assert LONG[:20] in repr(value) or isinstance(value, ToolDef | ChatRequest | Image)
    assert len(repr(value)) < 500


def test_a_repr_names_the_type_and_its_parts() -> None:
    assert repr(ChatMessage.user("Hi")) == "ChatMessage('user', 'Hi')"
    assert repr(CALL) == "ToolCall(id='a', name='f', arguments_json='{\"x\":1}')"
    assert repr(TextDelta("Hi")) == "TextDelta(text='Hi')"
    assert repr(ToolCallDelta(0, "{}")) == "ToolCallDelta(index=0, arguments='{}')"
    assert repr(ToolDef("f", "Does.")) == "ToolDef(name='f', description='Does.', parameters=<2>)"
    assert repr(REQUEST("Hi", max_tokens=5)) == "ChatRequest(messages=<1>, max_tokens=5, response_format='text')"
    assert repr(Image.from_bytes(PNG)) == "Image(image/png, 28 bytes)"


def test_messages_are_made_and_read() -> None:
    message = ChatMessage("assistant", (Reasoning("Hm"), Text("a"), CALL, Text("b")))
    assert (message.text, message.reasoning, message.tool_calls, message.images) == ("ab", "Hm", (CALL,), ())
    assert ChatMessage.user("Hi").parts == (Text("Hi"),)
    assert ChatMessage.user("", images=Image.from_bytes(PNG)).images == (Image("image/png", PNG),)
    assert ChatMessage.assistant("", iter([CALL])).tool_calls == (CALL,)
    assert ChatMessage.system("Hi").role == "system"


@pytest.mark.parametrize(
    ("content", "text"),
    [("as it is", "as it is"), ({"x": [1, None]}, '{"x":[1,null]}'), (None, "null"), (Path("a"), '"a"'), ("", "")],
)
def test_a_tool_result_is_text_or_json(content: object, text: str) -> None:
    assert ChatMessage.tool_result("a", content).text == text


@pytest.mark.parametrize("make", [ChatMessage.system, ChatMessage.user, ChatMessage.assistant])
@pytest.mark.parametrize("text", [None, 5, b"Hi", ["Hi"]])
def test_a_text_of_another_type_is_refused(make: Any, text: Any) -> None:
    with pytest.raises(RequestError, match="must be a string, not"):
        make(text)


def test_a_tool_result_that_json_cannot_hold_names_the_place() -> None:
    with pytest.raises(RequestError, match=r"the tool's result\.x\[0\] cannot be written as JSON"):
        ChatMessage.tool_result("a", {"x": ["\ud800"]})
    with pytest.raises(RequestError, match="tool_call_id"):
        TOOL_RESULT(5, "x")


@pytest.mark.parametrize(("text", "arguments"), [("", {}), (" \n", {}), ("{}", {}), ('{"x": "é"}', {"x": "é"})])
def test_arguments_are_decoded_at_every_access(text: str, arguments: dict[str, Any]) -> None:
    call = ToolCall("a", "f", arguments_json=text)
    call.arguments["more"] = 1
    assert (call.arguments, call.arguments_json) == (arguments, text)


@pytest.mark.parametrize(
    "text", ['{"x": ', "[1]", "null", '"x"', "5", "{} {}", '{"x": NaN}', "\ud800", '{"x": "\\ud800"}', "[" * 9999]
)
def test_arguments_that_are_not_an_object_raise_and_are_not_quoted(text: str) -> None:
    with pytest.raises(ToolArgumentsError, match="'a' to 'f' are not a JSON object") as caught:
        ToolCall("a", "f", arguments_json=text).arguments
    assert caught.value.__cause__ is None
    assert text not in str(caught.value) or len(text) < 5


def test_a_call_takes_a_dict_and_keeps_its_own_copy() -> None:
    given: dict[str, Any] = {"x": 1}
    call = ToolCall("a", "f", given)
    given["x"] = 2
    assert call.arguments == {"x": 1}
    assert (call.id, call.name) == ("a", "f")
    assert call == ToolCall("a", "f", arguments_json='{"x":1}')
    assert call != ToolCall("a", "g", {"x": 1})
    assert call == ANY  # a foreign type decides for itself
    assert call != "a"
    assert len({call, ToolCall("a", "f", {"x": 1})}) == 1


@pytest.mark.parametrize("bad", [(5, "f", {}), ("a", None, {}), ("a", "f", [1]), ("a", "f", {"x": object()})])
def test_a_call_that_cannot_be_is_refused(bad: Any) -> None:
    with pytest.raises(RequestError):
        ToolCall(*bad)


def test_a_single_image_or_nothing_is_taken_as_well() -> None:
    assert ChatMessage.user("Hi", images=bytearray(PNG)).images == (Image("image/png", PNG),)
    assert ChatMessage.user("Hi", images=()).images == ()


def test_a_definition_is_taken_from_an_object_that_has_one() -> None:
    class Function:
        definition = ToolDef("f")

    assert as_tool(Function()) == as_tool(ToolDef("f")) == ToolDef("f", "", {"type": "object", "properties": {}})
    assert ToolDef("f", parameters={}).parameters == {"type": "object", "properties": {}}
    with pytest.raises(RequestError, match="not int"):
        as_tool(5)
