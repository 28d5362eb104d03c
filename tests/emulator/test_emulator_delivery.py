"""How answers are sent: silence and pings, leaked tool calls, and the ways in which a stream cuts calls."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from typing import Any

import pytest
from support.emulator_calls import (
    ANTHROPIC,
    BODIES,
    OPENAI,
    WIRES,
    anthropic,
    openai,
    opened,
    post,
    text_of,
)

from minimax_sync.emulator import Emulator

CALLS: list[Any] = [("look", {"path": "a/b.txt", "depth": 12}), ("book", {"guests": [{"name": "Ana"}, {"name": "Bo"}]})]


@WIRES
@pytest.mark.parametrize("stream", [False, True])
def test_silence_comes_before_the_first_byte(minimax_emulator: Emulator, path: str, stream: bool) -> None:
    minimax_emulator.answer("Hello!", silence=0.05)
    began = time.monotonic()
    with opened(minimax_emulator, path, BODIES[path](stream=stream)) as (_, response):
        assert time.monotonic() - began >= 0.05
        assert b"H" in response.read()


@WIRES
def test_pings_fill_the_silence_of_a_stream_after_its_head(minimax_emulator: Emulator, path: str) -> None:
    minimax_emulator.answer("Hello!", silence=0.08, pings=3)
    began = time.monotonic()
    with opened(minimax_emulator, path, BODIES[path](stream=True)) as (_, response):
        head_after = time.monotonic() - began
        received = response.read()
    whole_after = time.monotonic() - began
    assert head_after < whole_after
    assert whole_after >= 0.08
    ping, extra = (b": ping\n\n", 0) if path == OPENAI else (b"event: ping\n", 1)
    assert received.count(ping) == 3 + extra
    assert received.rindex(ping) < received.index(b"Hel")


def test_the_emulators_own_options_hold_for_every_answer_and_can_be_overridden() -> None:
    with Emulator(leak="m2", split="whole") as emulator:
        emulator.answer(tool_calls=CALLS)
        emulator.answer(tool_calls=CALLS, leak="m3")
        first, second = (post(emulator, OPENAI, openai()).text for _ in range(2))
        emulator.leak = None
        emulator.answer(tool_calls=CALLS)
        third = post(emulator, OPENAI, openai(stream=True)).events
    assert first.startswith("<minimax:tool_call>")
    assert second.startswith("]<]minimax[>[<tool_call>")
    assert len(third) == 2, "one event for each whole call"


M2 = """I will look.
<minimax:tool_call>
<invoke name="look">
<parameter name="path">a/b.txt</parameter>
<parameter name="depth">12</parameter>
</invoke>
<invoke name="book">
<parameter name="guests">[{"name": "Ana"}, {"name": "Bo"}]</parameter>
</invoke>
</minimax:tool_call>"""

M3 = """I will look.
]<]minimax[>[<tool_call>]<]minimax[>[<invoke name="look">]<]minimax[>[<path>a/b.txt]<]minimax[>[</path>\
]<]minimax[>[<depth>12]<]minimax[>[</depth>]<]minimax[>[</invoke>]<]minimax[>[<invoke name="book">]<]minimax[>[<guests>\
]<]minimax[>[<item>]<]minimax[>[<name>Ana]<]minimax[>[</name>]<]minimax[>[</item>\
]<]minimax[>[<item>]<]minimax[>[<name>Bo]<]minimax[>[</name>]<]minimax[>[</item>\
]<]minimax[>[</guests>]<]minimax[>[</invoke>]<]minimax[>[</tool_call>"""


@WIRES
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("leak", "text"), [("m2", M2), ("m3", M3)])
def test_leaked_calls_stand_in_the_text(
    minimax_emulator: Emulator, path: str, stream: bool, leak: Any, text: str
) -> None:
    minimax_emulator.answer("I will look.", reasoning="A file.", tool_calls=CALLS, leak=leak)
    answer = post(minimax_emulator, path, BODIES[path](stream=stream))
    assert (text_of(answer.events) if stream else answer.text) == text
    assert b"call_function_" not in answer.body
    assert b'"stop"' in answer.body if path == OPENAI else b'"end_turn"' in answer.body


def test_a_forced_call_leaks_too_and_malformed_arguments_as_they_are() -> None:
    tool = {"name": "look", "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}}}
    with Emulator(leak="m2") as emulator:
        forced = post(emulator, ANTHROPIC, anthropic(tools=[tool], tool_choice={"type": "any"}))
        emulator.answer(tool_calls=[("look", '{"path": ')])
        malformed = post(emulator, ANTHROPIC, anthropic())
    assert '<parameter name="path">example</parameter>' in forced.text
    assert '<parameter name="arguments">{"path": </parameter>' in malformed.text


SPLITS = ["fragments", "whole", "characters", "interleaved", "repeated", "cumulative", "one_index", "no_index"]


def _openai_entries(emulator: Emulator, split: Any) -> list[dict[str, Any]]:
    emulator.answer(tool_calls=CALLS, split=split)
    events = post(emulator, OPENAI, openai(stream=True)).events
    assert events[-1]["choices"][0]["finish_reason"] == "tool_calls"
    return [entry for event in events for entry in event["choices"][0]["delta"]["tool_calls"]]


def _assembled(entries: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Join entries of one call: those with its index, else those after its id."""
    calls: dict[Any, list[str]] = {}
    current: Any = None
    for entry in entries:
        current = entry.get("index", entry.get("id", current))
        if current not in calls:
            calls[current] = [entry["function"]["name"]]
        calls[current].append(entry["function"]["arguments"])
    return [(name, "".join(parts)) for name, *parts in calls.values()]


EXPECTED = [(name, json.dumps(arguments)) for name, arguments in CALLS]


@pytest.mark.parametrize("split", ["fragments", "whole", "characters", "interleaved", "repeated", "no_index"])
def test_a_stream_of_the_openai_wire_cuts_calls_in_every_way(minimax_emulator: Emulator, split: str) -> None:
    assert _assembled(_openai_entries(minimax_emulator, split)) == EXPECTED


def test_whole_calls_take_one_event_and_characters_one_each(minimax_emulator: Emulator) -> None:
    assert len(_openai_entries(minimax_emulator, "whole")) == 2
    assert len(_openai_entries(minimax_emulator, "characters")) == 2 + sum(len(text) for _, text in EXPECTED)


def test_interleaved_calls_take_turns(minimax_emulator: Emulator) -> None:
    indexes = [entry["index"] for entry in _openai_entries(minimax_emulator, "interleaved")]
    assert indexes[:6] == [0, 1, 0, 1, 0, 1]


def test_repeated_fragments_carry_id_and_name_again(minimax_emulator: Emulator) -> None:
    entries = _openai_entries(minimax_emulator, "repeated")
    assert {entry["function"]["name"] for entry in entries} == {"look", "book"}
    assert len({entry["id"] for entry in entries}) == 2


def test_cumulative_fragments_end_in_the_whole_arguments(minimax_emulator: Emulator) -> None:
    entries = _openai_entries(minimax_emulator, "cumulative")
    for index, (_, text) in enumerate(EXPECTED):
        parts = [entry["function"]["arguments"] for entry in entries if entry["index"] == index]
        assert parts[-1] == text
        assert all(later.startswith(earlier) for earlier, later in pairwise(parts))


def test_calls_can_share_an_index(minimax_emulator: Emulator) -> None:
    entries = _openai_entries(minimax_emulator, "one_index")
    assert {entry["index"] for entry in entries} == {0}
    assert len({entry["id"] for entry in entries if "id" in entry}) == 2


@pytest.mark.parametrize("split", SPLITS)
def test_a_stream_of_the_anthropic_wire_keeps_every_call_whole(minimax_emulator: Emulator, split: Any) -> None:
    minimax_emulator.answer("I will look.", tool_calls=CALLS, split=split)
    events = post(minimax_emulator, ANTHROPIC, anthropic(stream=True)).events
    blocks = {e["index"]: e["content_block"] for e in events if e["type"] == "content_block_start"}
    stopped = [e["index"] for e in events if e["type"] == "content_block_stop"]
    assert sorted(stopped) == sorted(blocks) == [0, 1, 2]
    inputs = []
    for index in (1, 2):
        deltas = [
            e["delta"]["partial_json"] for e in events if e["type"] == "content_block_delta" and e["index"] == index
        ]
        inputs.append(json.loads("".join(deltas)) if deltas else blocks[index]["input"])
        assert bool(deltas) == (split != "whole")
    assert inputs == [arguments for _, arguments in CALLS]


def test_interleaved_blocks_of_the_anthropic_wire_are_open_at_the_same_time(minimax_emulator: Emulator) -> None:
    minimax_emulator.answer("I will look.", tool_calls=CALLS, split="interleaved")
    events = post(minimax_emulator, ANTHROPIC, anthropic(stream=True)).events
    order = [event["index"] for event in events if "index" in event]
    calls = order[order.index(1) :]
    assert calls[:6] == [1, 2, 1, 2, 1, 2]


@pytest.mark.parametrize("split", SPLITS)
@WIRES
def test_faults_damage_a_stream_however_its_calls_are_cut(minimax_emulator: Emulator, path: str, split: Any) -> None:
    minimax_emulator.answer("Hm.", tool_calls=CALLS, split=split, silence=0.002, pings=1)
    minimax_emulator.fault("truncate")
    body = post(minimax_emulator, path, BODIES[path](stream=True)).body
    assert b"finish_reason" not in body
    assert b"message_stop" not in body
    assert b"ping" in body


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"leak": "m4"}, "unknown leak 'm4': use one of m2, m3"),
        ({"split": "odd"}, "unknown split 'odd': use one of fragments, whole"),
        ({"silence": -1.0}, "silence must not be negative"),
        ({"pings": -1}, "pings must not be negative"),
    ],
)
def test_an_impossible_option_is_an_error_at_once(
    minimax_emulator: Emulator, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Emulator(**options)
    with pytest.raises(ValueError, match=words):
        minimax_emulator.answer("Hi", **options)
