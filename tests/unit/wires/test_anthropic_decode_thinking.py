"""Thinking on the Anthropic wire: blocks between texts, think tags in text, signatures."""

from __future__ import annotations

from support.anthropic_events import COUNTED, END, answer, grown, opened, reason, start, stopped
from support.replay import essence, plain

from minimax_sync.values.messages import Reasoning, Text
from minimax_sync.wires.anthropic_decode import AnthropicAccumulator


def test_thinking_between_texts_stays_where_it_was() -> None:
    blocks = [
        opened(0, "text", text="One."),
        opened(1, "thinking", thinking="Hm.", signature="s"),
        opened(2, "redacted_thinking", data="xyz"),
        opened(3, "text", text=" Two."),
    ]
    response = answer(*(event for block in blocks for event in (block, stopped(block["index"]))), *END)
    assert response.message.parts == (
        Text("One."),
        Reasoning("Hm.", "thinking", "s"),
        Reasoning("", "redacted_thinking", extra={"data": "xyz"}),
        Text(" Two."),
    )
    content = [block["content_block"] for block in blocks]
    assert essence(plain(AnthropicAccumulator, {"content": content, "usage": COUNTED})) == essence(response)


def test_think_tags_in_text_are_thinking_in_front_of_it() -> None:
    said = "<think>\nLet me see.\n</think>\n\nHello, <b>!"
    response = answer(start(), opened(0, "text", text=""), grown(0, text=said), stopped(0), reason())
    assert response.message.parts == (Reasoning("Let me see.", "thinking"), Text("Hello, <b>!"))
    body = {"content": [{"type": "text", "text": said}], "stop_reason": "end_turn"}
    assert plain(AnthropicAccumulator, body).message == response.message


def test_think_tags_behind_a_block_of_thinking_are_text() -> None:
    thought = opened(0, "thinking", thinking="Hm.")
    response = answer(start(), thought, stopped(0), opened(1, "text", text="<think> is a tag"), stopped(1), reason())
    assert (response.reasoning, response.text) == ("Hm.", "<think> is a tag")


def test_one_index_for_everything_and_no_starts_keeps_thinking_and_text_apart() -> None:
    response = answer(grown(0, thinking="Hm"), grown(0, signature="s"), grown(0, text="Hi"), grown(0, text="!"), *END)
    assert response.message.parts == (Reasoning("Hm", "thinking", "s"), Text("Hi!"))


def test_a_signature_that_the_start_already_held_is_not_doubled() -> None:
    response = answer(opened(0, "thinking", thinking="Hm", signature="s"), grown(0, signature="s"), stopped(0), *END)
    assert response.message.parts == (Reasoning("Hm", "thinking", "s"),)
