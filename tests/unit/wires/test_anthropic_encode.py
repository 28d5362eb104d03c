"""Requests as the Anthropic wire alone writes them; what both wires share is in test_normalize_*."""

from __future__ import annotations

from support.encoded import ANTHROPIC, USER, body, messages

from minimax_sync.values.messages import ChatMessage


def test_the_least_request_on_the_anthropic_wire() -> None:
    assert body(ANTHROPIC, "Hi") == {
        "model": "MiniMax-M2.5",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "max_tokens": 65536,
    }
    assert ANTHROPIC.headers == {"anthropic-version": "2023-06-01"}


def test_turns_of_one_role_share_a_message_on_the_anthropic_wire() -> None:
    written = messages(
        ANTHROPIC, USER, ChatMessage.user("there"), ChatMessage.assistant("a"), ChatMessage.assistant("b")
    )
    assert [(message["role"], len(message["content"])) for message in written] == [("user", 2), ("assistant", 2)]
