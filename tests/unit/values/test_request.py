"""Every rule of a request, each naming its field, and OpenAI-style dicts as input."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from minimax_sync.errors import RequestError
from minimax_sync.values.images import Image
from minimax_sync.values.messages import ChatMessage, Reasoning, Text, ToolCall
from minimax_sync.values.request import ChatRequest, as_request
from minimax_sync.values.tooldef import ToolDef

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
REQUEST: Any = ChatRequest
MESSAGE: Any = ChatMessage
TEXT: Any = Text
TOOL: Any = ToolDef
"""The constructors without their types, as untyped programs call them."""

USER = ChatMessage.user("Hi")
CALLING = ChatMessage.assistant("", [ToolCall("a", "f"), ToolCall("b", "f")])


def result(call_id: str) -> ChatMessage:
    return ChatMessage.tool_result(call_id, "x")


@pytest.mark.parametrize(
    "input",
    [
        "Hi",
        USER,
        [USER],
        (USER,),
        ["Hi"],
        {"role": "user", "content": "Hi"},
        [{"role": "user", "content": "Hi"}],
        {"messages": "Hi"},
        {"messages": [{"role": "user", "content": "Hi"}]},
        ChatRequest((USER,)),
        REQUEST([USER]),
    ],
)
def test_every_form_of_input_means_the_same(input: object) -> None:
    assert as_request(input, {}) == ChatRequest((USER,))


@pytest.mark.parametrize("input", [None, 5, b"Hi", {"Hi"}, object(), [5], [[USER]], {"content": "Hi"}, iter("Hi")])
def test_any_other_input_is_refused(input: object) -> None:
    with pytest.raises(RequestError):
        as_request(input, {})


def test_options_win_over_the_request_and_are_coerced_in_every_form_of_input() -> None:
    options = {"stop": "END", "tools": {"name": "f"}, "tool_choice": "f", "max_tokens": 5, "extra_body": None}
    expected = ChatRequest((USER,), max_tokens=5, stop=("END",), tools=(ToolDef("f"),), tool_choice="f")
    for given in ("Hi", {"messages": "Hi", "max_tokens": 9}, ChatRequest((USER,), max_tokens=9)):
        assert as_request(given, options) == expected


def test_openai_names_are_understood() -> None:
    request = as_request({"messages": "Hi", "max_completion_tokens": 7, "stop": None, "response_format": None}, {})
    assert (request.max_tokens, request.stop, request.response_format) == (7, (), "text")


BAD: list[tuple[dict[str, Any], str]] = [
    ({"model": ""}, "model must be"),
    ({"model": 5}, "model must be"),
    ({"system": 5}, "system must be"),
    ({"max_tokens": 0}, "max_tokens must be an integer of at least 1"),
    ({"max_tokens": 1.5}, "max_tokens must be"),
    ({"max_tokens": True}, "max_tokens must be"),
    ({"max_tokens": 10**30}, "max_tokens must be"),
    ({"temperature": -0.1}, "temperature must be"),
    ({"temperature": 2.1}, "temperature must be"),
    ({"temperature": float("nan")}, "temperature must be"),
    ({"temperature": "1"}, "temperature must be"),
    ({"top_p": 0}, "top_p must be"),
    ({"top_p": 1.1}, "top_p must be"),
    ({"stop": ""}, "stop must be"),
    ({"stop": ["a", ""]}, "stop must be"),
    ({"stop": 5}, "stop must be"),
    ({"stop": [5]}, "stop must be"),
    ({"tools": "f"}, "tools must hold"),
    ({"tools": [5]}, "tools must hold"),
    ({"tools": [ToolDef("f"), ToolDef("f")]}, "two tools are named 'f'"),
    ({"tools": [ToolDef("a b")]}, "tools: the name"),
    ({"tools": [ToolDef("x" * 129)]}, "tools: the name"),
    ({"tools": [TOOL("f", parameters=[1])]}, "the parameters of 'f'"),
    ({"tools": [{"type": "web_search"}]}, "the type must be 'function'"),
    ({"tools": [{"function": 5}]}, "function must be a dict"),
    ({"tools": [{"function": {}}]}, "tools.name must be a string"),
    ({"tool_choice": "required"}, "tool_choice is 'required' but"),
    ({"tool_choice": "g", "tools": [ToolDef("f")]}, "tool_choice must be"),
    ({"tool_choice": 5, "tools": [ToolDef("f")]}, "tool_choice must be"),
    ({"tool_choice": {"type": "function"}, "tools": [ToolDef("f")]}, "tool_choice must be"),
    ({"response_format": "xml"}, "response_format must be"),
    ({"response_format": 5}, "response_format must be"),
    ({"response_format": {"type": "json_schema", "json_schema": 5}}, "response_format must be"),
    ({"extra_body": [1]}, "extra_body must be"),
    ({"extra_body": {"stream": True}}, "extra_body must be a dict without"),
    ({"timeout": 0}, "timeout must be"),
    ({"timeout": float("inf")}, "timeout must be"),
    ({"thinking": "yes"}, "thinking must be True or False"),
    ({"effort": 3}, "effort must be an effort level"),
    ({"effort": " "}, "effort must be"),
    ({"cache": "yes"}, "cache must be True or False"),
    ({"extra_headers": ["a"]}, "extra_headers must be a dict"),
    ({"extra_headers": {"X-A": "c", "a b": "c"}}, "framing headers; 'a b' cannot be sent"),
    ({"extra_headers": {"sk-api-0123456789": "é"}}, "framing headers; '****' cannot be sent"),
    ({"extra_headers": {"a": "b\r\nc: d"}}, "extra_headers must be"),
    ({"extra_headers": {"a": 1}}, "extra_headers must be"),
    ({"nonsense": 1}, "unknown option nonsense; known: cache, effort, extra_body, extra_headers, max_tokens"),
    ({"messages": "Hi"}, "give the messages as the first argument or as messages=, not both"),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=[str(options)[:40] for options, _ in BAD])
def test_a_bad_option_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError) as caught:
        as_request("Hi", options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"stream": True}, "`stream` is not an option"),
        ({"seed": 1, "n": 2}, "unknown field n, seed; put it into extra_body"),
        ({5: 1}, "unknown field 5"),
    ],
)
def test_a_bad_field_of_a_dict_is_named(fields: dict[Any, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        as_request({"messages": "Hi", **fields}, {})


HISTORIES: list[tuple[list[Any], str]] = [
    ([], "at least one non-empty message"),
    ([ChatMessage.system("x")], "at least one non-empty message"),
    ([ChatMessage.assistant("")], "at least one non-empty message"),
    ([ChatMessage.user("")], r"messages\[0\] \(user\) is empty"),
    ([USER, ChatMessage("user", (Text(""),))], r"messages\[1\] \(user\) is empty"),
    ([USER, result("a")], r"messages\[1\] is a tool result for 'a', but no open call"),
    ([USER, CALLING], r"messages\[1\] holds tool calls without a result: a, b"),
    ([USER, CALLING, result("b")], r"messages\[1\] holds tool calls without a result: a"),
    ([USER, CALLING, result("a"), USER, result("b")], r"messages\[1\] holds tool calls without a result: b"),
    ([USER, CALLING, result("a"), result("b"), result("b")], r"messages\[4\] is a tool result for 'b'"),
    ([USER, CALLING, ChatMessage.system("x"), result("a"), result("b")], "without a result"),
    ([ChatMessage.assistant("", [ToolCall("a", "f")] * 2)], "two tool calls with one id"),
    ([MESSAGE("robot", ())], r"messages\[0\].role must be system, user"),
    ([ChatMessage("user", (ToolCall("a", "f"),))], r"messages\[0\] \(user\) cannot hold ToolCall"),
    ([USER, ChatMessage("assistant", (Image.from_bytes(PNG),))], r"messages\[1\] \(assistant\) cannot hold Image"),
    ([MESSAGE("user", ("Hi",))], r"messages\[0\] \(user\) cannot hold str"),
    ([MESSAGE("user", "Hi")], r"messages\[0\]\.parts must be a tuple of parts, not str"),
    ([USER, MESSAGE("assistant", None)], r"messages\[1\]\.parts must be a tuple of parts, not NoneType"),
    ([MESSAGE(["user"], (Text("Hi"),))], r"messages\[0\]\.role must be system, user, assistant, tool"),
    ([MESSAGE("user", (TEXT(5),))], r"messages\[0\]: the text of a part must be a string, not int"),
    ([MESSAGE("tool", (Text("7"),), 7)], r"messages\[0\]\.tool_call_id must be a string"),
]


@pytest.mark.parametrize(("history", "message"), HISTORIES)
def test_a_history_that_the_service_refuses_is_refused_before(history: list[Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        as_request(history, {})


def test_histories_that_the_service_accepts_are_accepted() -> None:
    for history in (
        [ChatMessage.system("x"), USER, ChatMessage.system("y")],
        [USER, CALLING, result("b"), result("a")],
        [USER, CALLING, result("a"), result("b"), CALLING, result("a"), result("b"), USER],
        [USER, ChatMessage.assistant(""), USER],
        [ChatMessage.user("", images=PNG)],
        [USER, ChatMessage("assistant", (Reasoning("Hm"),)), USER],
    ):
        assert as_request(history, {}).messages == tuple(history)


def test_an_openai_conversation_is_read_whole() -> None:
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
    history = [
        {"role": "developer", "content": "Be kind."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": url}}],
        },
        {"role": "assistant", "content": None, "reasoning_details": [{"index": 0, "text": "Hm"}], "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "one", "name": "f"},
        {"role": "assistant", "content": "Done.", "reasoning_content": "Ah", "tool_calls": None},
        {"role": "user", "content": [{"type": "image_url", "image_url": "https://example.com/a.png"}]},
    ]
    assert as_request({"messages": history}, {}).messages == (
        ChatMessage.system("Be kind."),
        ChatMessage.user("What?", images=PNG),
        ChatMessage(
            "assistant",
            (Reasoning("Hm", "reasoning_details", extra={"index": 0}), ToolCall("a", "f", arguments_json='{"x": 1}')),
        ),
        ChatMessage.tool_result("a", "one", "f"),
        ChatMessage("assistant", (Reasoning("Ah", "reasoning_content"), Text("Done."))),
        ChatMessage.user("", images="https://example.com/a.png"),
    )
    whole = {**call, "function": {"name": "f", "arguments": {"x": 1}}}
    history[2:3] = [{"role": "assistant", "tool_calls": [whole]}]
    assert as_request(history, {}).messages[2].tool_calls == (ToolCall("a", "f", {"x": 1}),)


BAD_MESSAGES: list[tuple[Any, str]] = [
    ({"role": "robot"}, r"messages\[1\].role must be one of system"),
    ({"role": ["user"]}, r"messages\[1\].role"),
    ({}, r"messages\[1\].role"),
    ({"role": "user", "content": 5}, r"messages\[1\].content must be a list"),
    ({"role": "user", "content": ["Hi"]}, r"messages\[1\].content must be a list of dicts"),
    ({"role": "user", "content": [{"type": 5}]}, r"messages\[1\].content\[0\].type must be a string"),
    ({"role": "user", "content": [{"type": "text"}]}, r"messages\[1\].content\[0\].text must be a string"),
    ({"role": "user", "content": [{"type": "image_url"}]}, r"messages\[1\].content\[0\]: the URL"),
    ({"role": "user", "content": [{"type": "image_url", "image_url": {}}]}, r"content\[0\].image_url.url must be"),
    ({"role": "tool", "content": "x"}, r"messages\[1\].tool_call_id must be a string"),
    ({"role": "assistant", "tool_calls": [5]}, r"messages\[1\].tool_calls must be a list"),
    ({"role": "assistant", "tool_calls": [{}]}, r"messages\[1\].tool_calls\[0\].function must be a dict"),
    ({"role": "assistant", "tool_calls": [{"id": "a", "function": {}}]}, r"tool_calls\[0\].function.name must be"),
    ({"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}, r"tool_calls\[0\].id must be a string"),
    (
        {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": [1]}}]},
        r"function.arguments must be JSON text or a dict, not list",
    ),
    ({"role": "assistant", "reasoning_details": "x"}, r"messages\[1\].reasoning_details must be a list"),
    (5, r"messages\[1\] must be a ChatMessage or a dict, not int"),
]


@pytest.mark.parametrize(("message", "problem"), BAD_MESSAGES)
def test_a_bad_message_is_named_with_its_place(message: Any, problem: str) -> None:
    with pytest.raises(RequestError, match=problem):
        as_request([USER, message], {})


def test_no_error_quotes_a_prompt() -> None:
    secret = "my deepest secret " * 20
    for message in ({"role": secret}, {"role": "user", "content": [{"type": "image_url", "image_url": secret}]}):
        with pytest.raises(RequestError) as caught:
            as_request([message], {})
        assert secret[:80] not in str(caught.value)
