"""Growing content blocks as parts of a message."""

from __future__ import annotations

import json

from minimax_sync.values.messages import OtherPart, Reasoning, Text
from minimax_sync.wires.content_blocks import Block, raw_block
from minimax_sync.wires.growing_call import GrowingCall

SEARCH = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}


def test_an_empty_block_has_no_part() -> None:
    assert Block(0, "text").part() is None
    assert Block(0, "thinking").part() is None
    assert Block(0, "tool_use", GrowingCall("a", "a", "")).part() is None


def test_a_block_is_a_part_of_its_kind() -> None:
    text, thought, hidden = Block(0, "text"), Block(1, "thinking"), Block(2, "redacted_thinking")
    text.text += b"Hi"
    thought.signature = "s"
    hidden.extra["data"] = "x"
    assert text.part() == Text("Hi")
    assert thought.part() == Reasoning("", "thinking", "s")
    assert hidden.part() == Reasoning("", "redacted_thinking", extra={"data": "x"})


def test_a_block_of_another_kind_keeps_its_fields_and_gets_its_input() -> None:
    block = Block(0, "server_tool_use")
    block.raw = dict(SEARCH)
    assert block.part() == OtherPart(SEARCH)
    block.text += b'{"query": "rivers"}'
    assert block.part() == OtherPart({**SEARCH, "input": {"query": "rivers"}})


def test_a_raw_block_is_found_in_an_event_in_a_message_and_in_a_body() -> None:
    assert raw_block(json.dumps({"type": "content_block_start", "content_block": SEARCH}).encode(), 3) == SEARCH
    assert raw_block(json.dumps({"content": [{}, SEARCH]}).encode(), 1) == SEARCH
    assert raw_block(json.dumps({"message": {"content": [SEARCH]}}).encode(), 0) == SEARCH
