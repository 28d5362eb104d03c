"""Which messages need the checks of a history; the rules are tested in test_request."""

from __future__ import annotations

from minimax_sync.values.message_checks import not_plain
from minimax_sync.values.messages import ChatMessage, ToolCall

USER = ChatMessage.user("Hi")
CALLING = ChatMessage.assistant("", [ToolCall("a", "f"), ToolCall("b", "f")])
A = ChatMessage.tool_result("a", "1")


def test_plain_messages_need_no_more_checks() -> None:
    assert list(not_plain([USER, CALLING, ChatMessage.system("S"), A])) == [1, 3]
