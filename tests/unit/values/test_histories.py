"""Stored histories go out as JSON and come back equal; anything else is refused by name."""

from __future__ import annotations

import pytest

from minimax_sync import ChatMessage, Image, RequestError, TokenUsage, ToolCall
from minimax_sync.values.histories import StoredHistory, history_from_json
from minimax_sync.values.messages import Reasoning, Text

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16

HISTORY = StoredHistory(
    (
        ChatMessage.user("Look \ud83d", images=[Image.from_bytes(PNG)]),
        ChatMessage(
            "assistant",
            (
                Reasoning("Let me see.", "thinking", "signature"),
                Reasoning("", "reasoning_details", extra={"type": "reasoning.encrypted", "data": "x"}),
                Text("I see."),
                ToolCall("c1", "look", arguments_json='{"a": 1'),
            ),
        ),
        ChatMessage.tool_result("c1", "nothing", "look", is_error=True),
    ),
    "Be kind.",
    {"MiniMax-M3": TokenUsage(10, 20, 30)},
)


def test_a_history_comes_back_as_it_was() -> None:
    assert history_from_json(HISTORY.to_json(), "file") == HISTORY


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"3", b"{}", b'{"messages": 3}', b'{"messages": [{"role": "pope"}]}', b"\xff\xfe", b"[" * 9999]
)
def test_anything_else_is_refused_with_the_name_of_the_file(text: bytes) -> None:
    with pytest.raises(RequestError, match=r"talk\.json does not hold a conversation"):
        history_from_json(text, "talk.json")
