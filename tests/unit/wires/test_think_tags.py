"""Think tags and snapshots, cut at every point and at random."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minimax_sync.wires.think_tags import ThinkSplitter


def split(pieces: list[str]) -> tuple[str, str]:
    splitter = ThinkSplitter()
    runs = [run for piece in pieces for run in splitter.feed(piece)] + splitter.flush()
    assert all(text for _, text in runs)
    return "".join(text for is_thinking, text in runs if is_thinking), "".join(
        text for is_it, text in runs if not is_it
    )


TEXTS = {
    "<think>\nLet me see.\n</think>\n\nHello!": ("Let me see.", "Hello!"),
    "<think>a < b </ think></think>x < y": ("a < b </ think>", "x < y"),
    "Before<think>in</think> after": ("in", "Beforeafter"),
    "<think>open": ("open", ""),
    "<think>  \n": ("", ""),
    "<think></think>  Hi \n": ("", "Hi \n"),
    "no tags <thin": ("", "no tags <thin"),
    "<think>one\n\ntwo</think>Hi</think>": ("one\n\ntwo", "Hi</think>"),
    "<think>half </thin": ("half </thin", ""),
}


@pytest.mark.parametrize(("text", "expected"), TEXTS.items())
def test_tags_cut_at_every_point(text: str, expected: tuple[str, str]) -> None:
    assert split([text]) == expected
    assert split(list(text)) == expected
    for at in range(len(text)):
        for beyond in range(at, len(text)):
            assert split([text[:at], text[at:beyond], text[beyond:]]) == expected


def test_an_orphaned_closing_tag_makes_thinking_of_what_was_not_handed_out_yet() -> None:
    assert split(["Let me see.\n</think>\n\nHi"]) == ("Let me see.", "Hi")
    assert split(["Let me see", ".</", "think>Hi"]) == ("", "Let me see.Hi")


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "think>", "/", " ", "\n", "a", "<th"]), max_size=12))
def test_no_character_but_tags_and_space_is_lost(pieces: list[str]) -> None:
    thinking, text = split(pieces)
    without_tags = re.sub(r"</?think>|\s", "", "".join(pieces))
    missing = Counter(without_tags) - Counter(thinking + text)
    assert not missing
    assert thinking == thinking.strip()
