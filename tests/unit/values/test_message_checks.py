"""Histories that the service refuses; the same by dicts, with more cases, stand in test_request."""

from __future__ import annotations

from typing import Any

import pytest

from minimax_sync.errors import RequestError
from minimax_sync.values.message_checks import check_messages, not_plain
from minimax_sync.values.messages import ChatMessage, Text, ToolCall

USER = ChatMessage.user("Hi")
CALLING = ChatMessage.assistant("", [ToolCall("a", "f"), ToolCall("b", "f")])
A, B = ChatMessage.tool_result("a", "1"), ChatMessage.tool_result("b", "2")


def test_results_in_any_order_directly_after_their_calls_are_accepted() -> None:
    check_messages([USER, CALLING, B, A, USER], is_plain=False)
    check_messages([USER, ChatMessage.assistant("")], is_plain=False)


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ([ChatMessage.system("S")], "at least one message"),
        ([USER, A], r"messages\[1\] is a tool result for 'a', but no open call"),
        ([USER, CALLING, A, A], r"messages\[3\] is a tool result"),
        ([USER, CALLING, A, USER], r"messages\[1\] holds tool calls without a result: b"),
        ([ChatMessage("user", (ToolCall("a", "f"),))], r"messages\[0\] \(user\) cannot hold ToolCall"),
        ([ChatMessage("robot", (Text("x"),))], r"messages\[0\]\.role must be"),  # type: ignore[arg-type]
    ],
)
def test_a_history_that_cannot_be_sent_names_its_message(messages: list[Any], problem: str) -> None:
    with pytest.raises(RequestError, match=problem):
        check_messages(messages, is_plain=False)


def test_plain_messages_need_no_more_checks() -> None:
    assert list(not_plain([USER, CALLING, ChatMessage.system("S"), A])) == [1, 3]
