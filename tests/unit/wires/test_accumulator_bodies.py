"""Whole answers on both wires: captures, odd ones, and bodies that are not answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.replay import NewAccumulator, plain, recorded

from minimax_sync.errors import (
    ContentFilteredError,
    InsufficientBalanceError,
    LlmError,
    ResponseFormatError,
    ServerError,
)
from minimax_sync.values.messages import Reasoning, Text, ToolCall
from minimax_sync.values.usage import TokenUsage
from minimax_sync.wires.anthropic_decode import AnthropicAccumulator
from minimax_sync.wires.openai_decode import OpenAIAccumulator

BOTH = pytest.mark.parametrize("make", [OpenAIAccumulator, AnthropicAccumulator])


def body_of(make: NewAccumulator, text: str, **fields: Any) -> dict[str, Any]:
    if make is OpenAIAccumulator:
        return {"choices": [{"finish_reason": "stop", "message": {"content": text}}], **fields}
    return {"type": "message", "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", **fields}


def test_the_capture_of_a_whole_answer() -> None:
    body = recorded("openai_m25.json")
    response = plain(OpenAIAccumulator, body)
    assert response.message.parts == (
        Reasoning(
            "The user greets me.",
            "reasoning_details",
            extra={"type": "reasoning.text", "id": "reasoning-text-1", "format": "MiniMax-response-v1", "index": 0},
        ),
        Text("Hello!"),
    )
    assert response.usage == TokenUsage(44, 43, 87, reasoning_tokens=20)
    assert (response.id, response.model) == ("0609843beb940487f98bbf3b5141386f", "MiniMax-M2.5")
    assert (response.finish_reason, response.flagged) == ("stop", False)
    assert response.raw == json.loads(body)


def test_an_anthropic_message() -> None:
    content = [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "text", "text": "Hello!"},
        {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
    ]
    usage = {"input_tokens": 5, "output_tokens": 6, "cache_read_input_tokens": 7}
    response = plain(
        AnthropicAccumulator,
        {"id": "06", "model": "MiniMax-M2.5", "content": content, "stop_reason": "tool_use", "usage": usage},
    )
    assert response.message.parts == (
        Reasoning("Hm.", "thinking", "s"),
        Text("Hello!"),
        ToolCall("a", "f", {"x": 1}),
    )
    assert response.usage == TokenUsage(12, 6, 18, cache_read_tokens=7)
    assert response.finish_reason == "tool_calls"


@BOTH
def test_an_answer_without_a_finish_reason_has_one(make: NewAccumulator) -> None:
    body = body_of(make, "Hi")
    body.pop("stop_reason", None)
    for choice in body.get("choices", ()):
        del choice["finish_reason"]
    assert plain(make, body).finish_reason == "stop"


@BOTH
def test_a_warning_is_not_an_error(make: NewAccumulator) -> None:
    base_resp = {"status_code": "0", "status_msg": 'Invalid parameters detected, json: unknown field "user"'}
    assert plain(make, body_of(make, "Hi", base_resp=base_resp)).text == "Hi"
    assert plain(make, body_of(make, "Hi", base_resp="odd", error=None)).text == "Hi"


@BOTH
@pytest.mark.parametrize("code", [1008, "1008"])
def test_base_resp_is_looked_at_before_the_answer(make: NewAccumulator, code: Any) -> None:
    base_resp = {"status_code": code, "status_msg": "insufficient balance"}
    for body in (body_of(make, "Hi", base_resp=base_resp), {"choices": None, "base_resp": base_resp}):
        with pytest.raises(InsufficientBalanceError, match=r"insufficient balance \(1008\)"):
            plain(make, body)


@BOTH
def test_an_error_envelope_in_a_200(make: NewAccumulator) -> None:
    with pytest.raises(ServerError, match="busy"):
        plain(make, {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})
    with pytest.raises(ServerError, match="busy"):
        plain(make, {"object": "error", "message": "busy"})


def test_a_sensitive_input_without_an_answer_is_an_empty_flagged_answer() -> None:
    response = plain(OpenAIAccumulator, {"choices": None, "input_sensitive": True, "base_resp": {"status_code": 0}})
    assert (response.text, response.flagged, response.finish_reason) == ("", True, "content_filter")


def test_an_output_that_is_refused_is_content_filtered() -> None:
    with pytest.raises(ContentFilteredError):
        plain(
            OpenAIAccumulator,
            {"choices": None, "base_resp": {"status_code": 1027, "status_msg": "output new_sensitive"}},
        )


@BOTH
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"Hi"',
        b"5",
        b"{}",
        b"<html>",
        b'{"choices": []}',
        b'{"choices": [{}]}',
        b"{" * 5000,
        b'{"choices": null}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": [{"message": "Hi"}]}',
        b'{"content": null}',
        b'{"content": [null]}',
        b'{"choices": 5}',
        b'{"content": {"a": 1}}',
        b"[" * 100000,
    ],
)
def test_a_body_that_is_not_an_answer_is_a_format_error(make: NewAccumulator, body: bytes) -> None:
    with pytest.raises(ResponseFormatError) as caught:
        plain(make, body)
    assert "html" not in str(caught.value)


@BOTH
def test_a_body_with_a_bom_and_invalid_utf8_is_read(make: NewAccumulator) -> None:
    body = b"\xef\xbb\xbf" + json.dumps(body_of(make, "a@b")).encode().replace(b"@", b"\xff")
    response = plain(make, body)
    assert response.text == "a\ufffdb"
    assert isinstance(response.raw, dict)


@BOTH
def test_numbers_past_all_bounds_cost_nothing_where_they_do_not_matter(make: NewAccumulator) -> None:
    odd = b'{"created": 1' + b"0" * 6000 + b', "x": 1e999, '
    body = odd + json.dumps(body_of(make, "Hi", usage={"prompt_tokens": 10**40})).encode()[1:]
    response = plain(make, body)
    assert (response.text, response.usage.prompt_tokens) == ("Hi", 0)


@BOTH
def test_an_error_with_an_absurd_code_is_still_an_error(make: NewAccumulator) -> None:
    for body in (
        {"error": {"code": 10**40, "message": "boom"}},
        {"base_resp": {"status_code": "9" * 5000}, "error": "boom"},
    ):
        with pytest.raises(LlmError, match="boom"):
            plain(make, body)
