"""Messages that are stored as JSON come back equal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from minimax_sync import ChatMessage, Image, ToolCall
from minimax_sync.errors import RequestError
from minimax_sync.values.message_json import message_from_json, message_to_json
from minimax_sync.values.messages import Reasoning, Text

PNG = Image.from_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 16)
MESSAGES = [
    ChatMessage.system("Be brief."),
    ChatMessage.user("What is this?", [PNG, Image.from_url("https://example.com/a.png")]),
    ChatMessage(
        "assistant",
        (
            Reasoning("so", "thinking", "signature"),
            Reasoning("", "reasoning_details", extra={"type": "reasoning.encrypted", "data": "x", "index": 1}),
            Text("I look."),
            ToolCall("1", "look", arguments_json='{"at": [1, 2.5, null]}'),
            ToolCall("2", "look", arguments_json="{broken"),
        ),
    ),
    ChatMessage.tool_result("1", {"found": True}, "look"),
    ChatMessage.tool_result("2", "no", is_error=True),
    ChatMessage("assistant"),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: f"{message.role} of {len(message.parts)}")
def test_a_message_comes_back_equal(message: ChatMessage) -> None:
    text = json.dumps(message_to_json(message))
    assert message_from_json(json.loads(text)) == message


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        "text",
        {},
        {"role": "robot", "parts": []},
        {"role": "user", "parts": "text"},
        {"role": "user", "parts": [{"type": "Text"}]},
        {"role": "user", "parts": [{"type": "Unknown"}]},
        {"role": "user", "parts": [{"type": "image", "base64": "?"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": 5, "name": "x", "arguments_json": ""}]},
    ],
)
def test_anything_else_is_an_error(stored: Any) -> None:
    with pytest.raises(RequestError):
        message_from_json(stored)
