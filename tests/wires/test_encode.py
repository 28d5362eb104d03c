"""Requests as both wires write them, and histories that go on over the other wire and back."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minimax_sync.endpoints import resolve_endpoint
from minimax_sync.errors import RequestError
from minimax_sync.values.images import Image
from minimax_sync.values.messages import ChatMessage, Reasoning, Text, ToolCall
from minimax_sync.values.request import as_request
from minimax_sync.values.tooldef import ToolDef
from minimax_sync.wires import Wire, wire_for
from minimax_sync.wires.anthropic_messages import AnthropicMessages
from minimax_sync.wires.openai_compat import OpenAICompat

from .replay import essence

OPENAI, ANTHROPIC = OpenAICompat(), AnthropicMessages()
BOTH = pytest.mark.parametrize("wire", [OPENAI, ANTHROPIC], ids=["openai", "anthropic"])

CALLS = (ToolCall("a", "f", {"x": 1}), ToolCall("b", "g"))
USER = ChatMessage.user("Hi")
TOOLS = [ToolDef("f"), ToolDef("g", "Does g.", {"type": "object", "properties": {"x": {"type": "integer"}}})]


def png() -> bytes:
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (2, 2), "red").save(buffer, format="PNG")
    return buffer.getvalue()


def body(wire: Wire, input: object, *, stream: bool = False, **options: Any) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(wire.encode(as_request(input, options), "MiniMax-M2.5", stream))
    return written


def messages(wire: Wire, *input: Any, **options: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body(wire, list(input), **options)["messages"]
    return found


def test_the_least_request_on_the_openai_wire() -> None:
    assert body(OPENAI, "Hi") == {
        "model": "MiniMax-M2.5",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 65536,
        "reasoning_split": True,
    }
    assert OPENAI.headers == {}


def test_the_least_request_on_the_anthropic_wire() -> None:
    assert body(ANTHROPIC, "Hi") == {
        "model": "MiniMax-M2.5",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "max_tokens": 65536,
    }
    assert ANTHROPIC.headers == {"anthropic-version": "2023-06-01"}


def test_a_stream_asks_for_usage_on_the_openai_wire() -> None:
    written = body(OPENAI, "Hi", stream=True)
    assert (written["stream"], written["stream_options"]) == (True, {"include_usage": True})
    assert body(ANTHROPIC, "Hi", stream=True)["stream"] is True
    assert "stream_options" not in body(ANTHROPIC, "Hi", stream=True)


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


@BOTH
@pytest.mark.parametrize(("asked", "sent"), [(0, 0.01), (0.0, 0.01), (1, 1), (2, 2)])
def test_a_temperature_of_zero_is_never_sent(wire: Wire, asked: float, sent: float) -> None:
    assert body(wire, "Hi", temperature=asked)["temperature"] == sent


@pytest.mark.parametrize(("stop", "sent"), [("END", ["END"]), (["a", "b"], ["a", "b"]), (("a",), ["a"])])
def test_stop_sequences_are_sent_under_the_names_of_the_wires(stop: Any, sent: list[str]) -> None:
    assert body(OPENAI, "Hi", stop=stop)["stop"] == sent
    assert body(ANTHROPIC, "Hi", stop=stop)["stop_sequences"] == sent


@BOTH
def test_all_instructions_become_one_system_prompt_in_front(wire: Wire) -> None:
    history = [
        ChatMessage.system("One."),
        USER,
        {"role": "developer", "content": "Two."},
        ChatMessage.system("  "),
        ChatMessage.assistant("Ho"),
        {"role": "system", "content": [{"type": "text", "text": "Three."}]},
        ChatMessage.user("Go"),
    ]
    written = body(wire, history, system="Zero.")
    prompt = "Zero.\n\nOne.\n\nTwo.\n\nThree."
    if wire is OPENAI:
        assert written["messages"][0] == {"role": "system", "content": prompt}
        del written["messages"][0]
    else:
        assert written["system"] == prompt
    assert [message["role"] for message in written["messages"]] == ["user", "assistant", "user"]


def test_tools_have_parameters_even_where_they_were_left_out() -> None:
    empty = {"type": "object", "properties": {}}
    first, second = body(OPENAI, "Hi", tools=TOOLS)["tools"]
    assert first == {"type": "function", "function": {"name": "f", "description": "", "parameters": empty}}
    assert second["function"]["parameters"] == TOOLS[1].parameters
    assert body(ANTHROPIC, "Hi", tools=[{"name": "f"}])["tools"] == [
        {"name": "f", "description": "", "input_schema": empty}
    ]
    (bare,) = body(OPENAI, "Hi", tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}])["tools"]
    assert bare["function"]["parameters"] == empty


NAMED = {"type": "function", "function": {"name": "g"}}
CHOICES = [
    ("auto", "auto", {"type": "auto"}),
    ("none", "none", {"type": "none"}),
    ("required", "required", {"type": "any"}),
    ("f", {"type": "function", "function": {"name": "f"}}, {"type": "tool", "name": "f"}),
    (NAMED, NAMED, {"type": "tool", "name": "g"}),
]


@pytest.mark.parametrize(("choice", "openai", "anthropic"), CHOICES)
def test_a_tool_choice(choice: Any, openai: Any, anthropic: Any) -> None:
    assert body(OPENAI, "Hi", tools=TOOLS, tool_choice=choice)["tool_choice"] == openai
    assert body(ANTHROPIC, "Hi", tools=TOOLS, tool_choice=choice)["tool_choice"] == anthropic


@BOTH
def test_without_tools_neither_tools_nor_a_choice_is_sent(wire: Wire) -> None:
    assert body(wire, "Hi", tools=[], tool_choice="auto").keys().isdisjoint({"tools", "tool_choice"})


def test_parallel_results_go_in_the_order_of_their_calls() -> None:
    history = (
        USER,
        ChatMessage.assistant("", CALLS),
        ChatMessage.tool_result("b", {"y": [1, None]}, "g", is_error=True),
        ChatMessage.tool_result("a", "one"),
        ChatMessage.user("And now?"),
    )
    assert messages(OPENAI, *history)[1:] == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
                {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "one"},
        {"role": "tool", "tool_call_id": "b", "content": '{"y":[1,null]}', "name": "g"},
        {"role": "user", "content": "And now?"},
    ]
    assert messages(ANTHROPIC, *history)[1:] == [
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
                {"type": "tool_use", "id": "b", "name": "g", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "one"},
                {"type": "tool_result", "tool_use_id": "b", "content": '{"y":[1,null]}', "is_error": True},
                {"type": "text", "text": "And now?"},
            ],
        },
    ]


@pytest.mark.parametrize("arguments", ['{"x": ', "[1]", "null", '"x"', "", "  ", "NaN"])
def test_malformed_arguments_are_replayed_as_an_empty_object(arguments: str) -> None:
    history = (
        USER,
        ChatMessage.assistant("", [ToolCall("a", "f", arguments_json=arguments)]),
        ChatMessage.tool_result("a", "no"),
    )
    assert messages(OPENAI, *history)[1]["tool_calls"][0]["function"]["arguments"] == "{}"
    assert messages(ANTHROPIC, *history)[1]["content"][0]["input"] == {}


def test_images_on_both_wires(tmp_path: Path) -> None:
    data = png()
    path = tmp_path / "red.png"
    path.write_bytes(data)
    encoded = base64.b64encode(data).decode()
    data_url = f"data:image/png;base64,{encoded}"
    for image in (path, str(path), data, bytearray(data), data_url, Image.from_path(path), PIL.Image.open(path)):
        message = ChatMessage.user("What is it?", images=image)
        (openai,) = messages(OPENAI, message)
        (anthropic,) = messages(ANTHROPIC, message)
        assert openai["content"][0] == {"type": "text", "text": "What is it?"}
        assert openai["content"][1]["image_url"]["url"].startswith("data:image/png;base64,")
        assert anthropic["content"][1]["source"]["media_type"] == "image/png"
        if not isinstance(image, PIL.Image.Image):
            assert openai["content"][1] == {"type": "image_url", "image_url": {"url": data_url}}
            assert anthropic["content"][1]["source"]["data"] == encoded
    url = ChatMessage.user("", images=["https://example.com/a.png"])
    assert messages(OPENAI, url)[0]["content"] == [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    ]
    assert messages(ANTHROPIC, url)[0]["content"] == [
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    ]


SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}}


def test_json_is_asked_for_in_the_field_and_in_words() -> None:
    assert body(OPENAI, "Hi", response_format="json")["response_format"] == {"type": "json_object"}
    schema = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}
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


DETAIL = {"type": "reasoning.text", "id": "r1", "format": "MiniMax-response-v1", "index": 0}


def from_openai() -> ChatMessage:
    """Return an answer as the OpenAI wire gives it."""
    fold = OPENAI.fold(as_request("Hi", {}))
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
    said = {"content": "Hm.", "reasoning_details": [{**DETAIL, "text": "I think."}], "tool_calls": [call]}
    fold.feed_body(json.dumps({"choices": [{"message": said}]}).encode())
    return essence(fold.response()).message


def from_anthropic() -> ChatMessage:
    """Return an answer as the Anthropic wire gives it."""
    fold = ANTHROPIC.fold(as_request("Hi", {}))
    content = [
        {"type": "thinking", "thinking": "I think.", "signature": "s"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "text", "text": "Hm."},
        {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
    ]
    fold.feed_body(json.dumps({"content": content}).encode())
    return fold.response().message


RESULT = ChatMessage.tool_result("a", "one")


def test_thinking_goes_back_whole_in_its_own_shape() -> None:
    openai = messages(OPENAI, USER, from_openai(), RESULT)[1]
    assert openai["reasoning_details"] == [{**DETAIL, "text": "I think."}]
    assert "reasoning_content" not in openai
    assert messages(ANTHROPIC, USER, from_anthropic(), RESULT)[1]["content"] == [
        {"type": "thinking", "thinking": "I think.", "signature": "s"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "text", "text": "Hm."},
        {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
    ]


def test_a_conversation_goes_on_over_the_other_wire_and_back() -> None:
    begun = from_anthropic()
    over_openai = messages(OPENAI, USER, begun, RESULT)[1]
    assert over_openai["reasoning_details"] == [
        {
            "type": "reasoning.text",
            "id": "reasoning-text-1",
            "format": "MiniMax-response-v1",
            "index": 0,
            "text": "I think.",
        }
    ]
    assert over_openai["content"] == "Hm."
    assert over_openai["tool_calls"][0]["function"]["arguments"] == '{"x":1}'
    back = messages(ANTHROPIC, USER, begun, RESULT)[1]["content"]
    assert back[0] == {"type": "thinking", "thinking": "I think.", "signature": "s"}
    over_anthropic = messages(ANTHROPIC, USER, from_openai(), RESULT)[1]["content"]
    assert over_anthropic[0] == {"type": "thinking", "thinking": "I think."}
    assert [block["type"] for block in over_anthropic] == ["thinking", "text", "tool_use"]


def test_think_tags_go_back_inside_the_content() -> None:
    fold = OPENAI.fold(as_request("Hi", {}))
    content = "<think>\nI think.\n</think>\n\nHm."
    fold.feed_body(json.dumps({"choices": [{"message": {"content": content}}]}).encode())
    message = fold.response().message
    assert messages(OPENAI, USER, message)[1] == {"role": "assistant", "content": content}
    assert messages(ANTHROPIC, USER, message)[1]["content"] == [
        {"type": "thinking", "thinking": "I think."},
        {"type": "text", "text": "Hm."},
    ]


def test_reasoning_content_goes_back_under_its_name_to_other_servers_only() -> None:
    message = ChatMessage("assistant", (Reasoning("I think.", "reasoning_content"), Text("Hm.")))
    other = wire_for(resolve_endpoint("http://127.0.0.1:8000/v1", "openai_compat", "/chat/completions"))
    assert messages(other, USER, message)[1] == {
        "role": "assistant",
        "content": "Hm.",
        "reasoning_content": "I think.",
    }
    for base, path in (("https://api.minimax.io", None), ("https://api.minimax.io", "/chat/completions")):
        written = messages(wire_for(resolve_endpoint(base, None, path)), USER, message)[1]
        assert "reasoning_content" not in written
        assert written["reasoning_details"][0]["text"] == "I think."


def test_encrypted_thinking_goes_back_to_where_it_came_from_and_leaves_no_empty_block_elsewhere() -> None:
    extra = {"type": "reasoning.encrypted", "index": 0, "data": "xyz"}
    message = ChatMessage("assistant", (Reasoning("", "reasoning_details", extra=extra), Text("Hm.")))
    assert messages(OPENAI, USER, message)[1]["reasoning_details"] == [extra]
    assert messages(ANTHROPIC, USER, message)[1]["content"] == [{"type": "text", "text": "Hm."}]
    alone = ChatMessage("assistant", message.parts[:1])
    assert len(messages(ANTHROPIC, USER, alone, ChatMessage.user("Go"))) == 1


@BOTH
def test_no_empty_block_and_no_empty_message_is_sent(wire: Wire) -> None:
    history = (
        ChatMessage("user", (Text(""), Text("Hi"), Text(""))),
        ChatMessage("assistant", (Reasoning(""), Text(""))),
        ChatMessage.assistant(""),
        ChatMessage.user("Go"),
    )
    written = messages(wire, *history)
    assert b'"text":""' not in json.dumps(written, separators=(",", ":")).encode()
    assert all(message["role"] == "user" for message in written)
    assert "Hi" in json.dumps(written)
    assert "Go" in json.dumps(written)


def test_turns_of_one_role_share_a_message_on_the_anthropic_wire() -> None:
    written = messages(
        ANTHROPIC, USER, ChatMessage.user("there"), ChatMessage.assistant("a"), ChatMessage.assistant("b")
    )
    assert [(message["role"], len(message["content"])) for message in written] == [("user", 2), ("assistant", 2)]


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
    ],
)
def test_what_json_cannot_hold_is_a_request_error_that_names_the_place(
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
