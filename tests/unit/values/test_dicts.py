"""Messages and tools from OpenAI-style dicts; whole conversations and invalid ones are in test_request."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from minimax_sync.errors import RequestError
from minimax_sync.values.dicts import messages_from, tool_from_dict
from minimax_sync.values.images import Image
from minimax_sync.values.messages import ChatMessage, OtherPart, Part, Reasoning, Text, ToolCall
from minimax_sync.values.request import as_request
from minimax_sync.values.response import ChatResponse
from minimax_sync.values.usage import TokenUsage


def test_messages_dicts_and_strings_may_be_mixed() -> None:
    found = messages_from([{"role": "developer", "content": "S"}, "Hi", ChatMessage.assistant("Ho")])
    assert found == ((ChatMessage.system("S"), ChatMessage.user("Hi"), ChatMessage.assistant("Ho")), False)
    assert messages_from([MappingProxyType({"role": "user", "content": "Hi"})])[0] == (ChatMessage.user("Hi"),)


def test_a_plain_conversation_takes_the_short_way_to_the_same_messages() -> None:
    plain = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]
    long = [{**message, "name": "x"} for message in plain]
    assert messages_from(plain) == (messages_from(long)[0], True)


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ({"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}, "f"),
        ({"name": "g", "input_schema": {"type": "object"}}, "g"),
    ],
)
def test_a_tool_is_read_in_either_shape(tool: dict[str, Any], name: str) -> None:
    assert (tool_from_dict(tool).name, tool_from_dict(tool).parameters["type"]) == (name, "object")


PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
BASE64 = Image.from_bytes(PNG).base64.decode()
CACHED = {"type": "text", "text": "A manual.", "cache_control": {"type": "ephemeral"}}


PARTS: dict[str, tuple[dict[str, Any], Part]] = {
    "text": ({"type": "text", "text": "Hi", "citations": None}, Text("Hi")),
    "cached text": (CACHED, OtherPart(CACHED)),
    "refusal": ({"type": "refusal", "refusal": "No."}, Text("No.")),
    "image": (
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": BASE64}},
        Image.from_bytes(PNG),
    ),
    "image by URL": (
        {"type": "image", "source": {"type": "url", "url": "https://e.org/a.png"}},
        Image.from_url("https://e.org/a.png"),
    ),
    "thinking": ({"type": "thinking", "thinking": "Hm.", "signature": "s"}, Reasoning("Hm.", "thinking", "s")),
    "redacted": ({"type": "redacted_thinking", "data": "x"}, Reasoning("", "redacted_thinking", extra={"data": "x"})),
    "tool_use": ({"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}, ToolCall("a", "f", {"x": 1})),
}


@pytest.mark.parametrize(("source", "part"), PARTS.values(), ids=PARTS)
def test_a_part_of_either_wires_shape_is_read(source: dict[str, Any], part: Part) -> None:
    assert messages_from([{"role": "assistant", "content": [source]}])[0][0].parts == (part,)


@pytest.mark.parametrize(
    "source",
    [
        {"type": "image", "source": {"type": "file", "file_id": "f"}},
        {"type": "video_url", "video_url": {"url": "https://e.org/a.mp4"}},
        {"type": "video", "source": {"type": "url", "url": "https://e.org/a.mp4"}},
        {"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}},
        {"type": "image_url", "image_url": {"url": "s3://bucket/1"}},
        {"type": "image_url", "image_url": {"url": "https://e.org/a", "detail": "low"}},
    ],
)
def test_a_part_of_another_shape_is_kept_as_it_is(source: dict[str, Any]) -> None:
    assert messages_from([{"role": "user", "content": [source]}])[0][0].parts == (OtherPart(source),)


def test_results_of_anthropics_shape_are_messages_of_their_own() -> None:
    asked = {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]}
    content = [{"type": "text", "text": "1"}]
    result = {"type": "tool_result", "tool_use_id": "a", "content": content, "is_error": True}
    both = {"role": "user", "content": [result, {"type": "text", "text": "and?"}]}
    failed = ChatMessage.tool_result("a", "1", is_error=True)
    assert as_request(["Hi", asked, both], {}).messages[2:] == (failed, ChatMessage.user("and?"))
    assert as_request(["Hi", asked, {"role": "user", "content": [result]}], {}).messages[2:] == (failed,)


def test_function_calls_of_old_histories_are_tool_calls() -> None:
    request = as_request(
        [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "1"},
        ],
        {},
    )
    (call,) = request.messages[1].tool_calls
    assert (call.name, request.messages[2].tool_call_id, request.messages[2].text) == ("f", call.id, "1")


def test_a_message_object_of_the_openai_package_is_read() -> None:
    from openai.types.chat import ChatCompletionMessage

    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = ChatCompletionMessage.model_validate(
        {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "Hm."}
    )
    (found,), _ = messages_from([message])
    assert found.parts == (Reasoning("Hm.", "reasoning_content"), ToolCall("a", "f", arguments_json="{}"))


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        "text",
        {},
        {"role": "robot", "content": []},
        {"role": "user", "content": 5},
        {"role": "user", "content": ["Hi"]},
        {"role": "user", "content": [{"type": "text", "text": 5}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "?"}}]},
        {"role": "assistant", "content": [{"type": "tool_call", "id": 5, "name": "x", "arguments": ""}]},
        {"role": "tool", "content": "x", "tool_call_id": 5},
    ],
)
def test_a_dict_that_is_not_a_stored_message_is_refused(stored: Any) -> None:
    with pytest.raises(RequestError):
        ChatMessage.from_dict(stored)


@pytest.mark.parametrize("source", [{}, {"message": {}}, {"message": 5}])
def test_a_dict_that_is_not_an_answer_is_refused(source: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        ChatResponse.from_dict(source)
    with pytest.raises(RequestError):
        TokenUsage.from_dict({"prompt_tokens": "many"})


def test_an_answer_among_the_messages_is_its_message() -> None:
    answer = ChatResponse(ChatMessage("assistant", (Reasoning("Hm"), Text("Ho"))), "stop")
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Ho"}}
    for given in (answer, answer.to_dict()):
        assert as_request(["Hi", given, "Go"], {}).messages[1] == answer.message
    assert as_request(["Hi", choice, "Go"], {}).messages[1] == ChatMessage.assistant("Ho")
    with pytest.raises(RequestError, match=r"messages\[1\]\.message\.role must be one of"):
        as_request(["Hi", {"message": {"content": "Ho"}}, "Go"], {})
