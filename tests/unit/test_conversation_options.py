"""The options of a conversation and of its turns, with and without tools."""

from __future__ import annotations

import pytest

from minimax_sync import MiniMaxClient, RequestError
from minimax_sync.emulator import Emulator


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def test_options_of_a_run_are_refused_by_a_turn_that_runs_no_tools(
    emulator: Emulator, any_client: MiniMaxClient
) -> None:
    conversation = any_client.conversation()
    for turn in (conversation.say, conversation.stream):
        with pytest.raises(RequestError, match="max_rounds applies only to a turn that runs tools"):
            turn("Hello", max_rounds=0)
        with pytest.raises(RequestError, match="approve applies only"):
            turn("Hello", approve=lambda call: True)
    assert emulator.journal == []


def test_options_of_a_run_that_a_conversation_has_do_not_disturb_other_turns(
    emulator: Emulator, any_client: MiniMaxClient
) -> None:
    conversation = any_client.conversation(tools=[add], max_rounds=3)
    emulator.answer("5")
    assert conversation.parse("How many?", int) == 5
    assert conversation.say("Hello", tools=[]).text
