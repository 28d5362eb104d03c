"""Thinking on the OpenAI wire: deltas and snapshots, native fields and think tags."""

from __future__ import annotations

from typing import Any

import pytest
from support.openai_events import END, USAGE, answer, delta, message, thought
from support.replay import essence, plain

from minimax_sync.values.messages import Reasoning, Text
from minimax_sync.wires.openai_decode import OpenAIAccumulator

THOUGHTS = {
    "deltas": ["Let me", " think", " about it", "."],
    "snapshots": ["Let me", "Let me think", "Let me think about it", "Let me think about it."],
    "snapshots that begin with a word": ["Let", "Let me", "Let me t", "Let me think about it."],
    "snapshots, the last one twice": ["Let me think", "Let me think about it.", "Let me think about it."],
    "deltas, and all of it at the end": ["Let me think", " about", " it.", "Let me think about it."],
}


@pytest.mark.parametrize("pieces", THOUGHTS.values(), ids=THOUGHTS)
def test_thinking_is_counted_once_when_it_comes_as(pieces: list[str]) -> None:
    assert answer(*map(thought, pieces), *END).reasoning == "Let me think about it."


REPEATS = {
    "short repeats": ["a", "a", "aa", "a"],
    "growing numbers": ["1", "10", " is", " not 110"],
    "a laugh": ["ha", "haha", "!"],
    "a rule": ["--------", "--------", "-"],
    "a word twice": ["The ", "The ", "The answer"],
}


@pytest.mark.parametrize("pieces", REPEATS.values(), ids=REPEATS)
def test_real_repetitions_in_thinking_are_kept(pieces: list[str]) -> None:
    assert answer(*map(thought, pieces), *END).reasoning == "".join(pieces)


def test_pieces_that_stay_ambiguous_are_released_at_the_end() -> None:
    assert answer(thought("ha"), thought("haha"), delta("Hi"), *END).reasoning == "hahaha"


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thinking_in_a_field_of_other_servers(field: str) -> None:
    response = answer(delta(**{field: "Let me"}), delta("", **{field: " see"}), delta("Hi"), *END)
    assert response.message.parts == (Reasoning("Let me see", field), Text("Hi"))


def test_runs_of_thinking_are_kept_apart_with_all_their_fields() -> None:
    entries = [
        [{"type": "reasoning.text", "index": 0, "text": "one"}],
        [{"type": "reasoning.text", "index": 0, "text": "!"}, {"type": "reasoning.text", "index": 1, "text": "two"}],
        [{"index": 0, "signature": "abc"}, {"type": "reasoning.encrypted", "index": 2, "data": "xyz"}, None],
        [{"type": "reasoning.text", "id": "empty", "index": 3, "text": ""}],
    ]
    events = [delta(reasoning_details=entry) for entry in entries]
    assert answer(*events, *END).message.parts == (
        Reasoning("one!", "reasoning_details", extra={"type": "reasoning.text", "index": 0, "signature": "abc"}),
        Reasoning("two", "reasoning_details", extra={"type": "reasoning.text", "index": 1}),
        Reasoning("", "reasoning_details", extra={"type": "reasoning.encrypted", "index": 2, "data": "xyz"}),
    )


@pytest.mark.parametrize("odd", [[5], [None], [[]], "text", 5, {"a": 1}, [{"index": [], "text": 5}]])
def test_unexpected_reasoning_details_do_not_fail_the_answer(odd: Any) -> None:
    assert answer(delta("Hi", reasoning_details=odd), *END).text == "Hi"


TAGGED = {
    "tags in pieces": (
        ["<", "think", ">\n", "Let ", "me see", "\n</th", "ink", ">", "\n", "\nH", "i"],
        "Let me see",
        "Hi",
    ),
    "an orphan at the end of the first delta": (["Let me see\n</think>\n\nHi"], "Let me see", "Hi"),
    "a second one in the text": (["<think>Let me</think>H<think>", "i</think>"], "Let me", "H<think>i</think>"),
}


@pytest.mark.parametrize(("pieces", "reasoning", "text"), TAGGED.values(), ids=TAGGED)
def test_think_tags(pieces: list[str], reasoning: str, text: str) -> None:
    response = answer(*map(delta, pieces), *END)
    assert (response.reasoning, response.text) == (reasoning, text)
    assert essence(plain(OpenAIAccumulator, {**message(content="".join(pieces)), "usage": USAGE["usage"]})) == essence(
        response
    )


def test_think_tags_in_the_text_of_an_answer_with_native_thinking_are_text() -> None:
    assert answer(thought("Let me see"), delta("The tag <think> opens it."), *END).text == "The tag <think> opens it."


def test_text_held_for_a_tag_is_not_lost_when_native_thinking_begins() -> None:
    response = answer(delta("<"), thought("Let me see"), delta("b"), *END)
    assert (response.text, response.reasoning) == ("<b", "Let me see")
