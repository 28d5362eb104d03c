"""Think tags and snapshots, cut at every point and at random."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minimax_sync.wires.think_tags import RECLAIM, TEXT, THINKING, ThinkSplitter


def split(pieces: list[str], *, must_close: bool = False) -> tuple[str, str]:
    """Return (thinking, text) as an answer would have them at its end."""
    splitter, thinking, shown = ThinkSplitter(), "", bytearray()
    splitter.must_close = must_close
    for runs in [*([piece] for piece in pieces), None]:
        for kind, text in splitter.flush(shown) if runs is None else splitter.feed(runs[0], shown):
            assert text or kind == RECLAIM
            if kind == THINKING:
                thinking += text
            elif kind == TEXT:
                shown += text.encode()
            else:
                thinking += shown.decode().rstrip()
                shown.clear()
    return thinking, shown.decode()


def split_everywhere(text: str, **options: bool) -> set[tuple[str, str]]:
    found = {split([text], **options), split(list(text), **options)}
    for at in range(len(text)):
        for beyond in range(at, len(text)):
            found.add(split([text[:at], text[at:beyond], text[beyond:]], **options))
    return found


TEXTS = {
    "<think>\nLet me see.\n</think>\n\nHello!": ("Let me see.", "Hello!"),
    "\n <mm:think>a</mm:think>\n\nHi": ("a", "Hi"),
    "<thinking>a</think>b</thinking>Hi": ("a</think>b", "Hi"),
    "<think>a < b </ think></think>x < y": ("a < b </ think>", "x < y"),
    "<think>a</think>\n<think>b</think>\nHi": ("ab", "Hi"),
    "<think>open": ("open", ""),
    "<think>  \n": ("", ""),
    "<think></think>  Hi \n": ("", "Hi \n"),
    "no tags <thin": ("", "no tags <thin"),
    "<think>one\n\ntwo</think>Hi</think>": ("one\n\ntwo", "Hi</think>"),
    "<think>half </thin": ("half </thin", ""),
    "<thin": ("", "<thin"),
    " \n": ("", " \n"),
    # tags behind the first words are text about tags
    "Before<think>in</think> after": ("", "Before<think>in</think> after"),
    "BEGIN </think> AFTER END": ("", "BEGIN </think> AFTER END"),
    "Wrap it: `<think>`, then answer.": ("", "Wrap it: `<think>`, then answer."),
    "a\n </think> b\n": ("", "a\n </think> b\n"),
    # a closing tag alone on its line, as a template that opens the tag in the prompt leaves it
    "I greet back.\n</think>\nHi!": ("I greet back.", "Hi!"),
    "I greet back.\n \t</mm:think> \n\nHi!": ("I greet back.", "Hi!"),
    "I greet back.\n</think>": ("I greet back.", ""),
    "</think>\n\nHi!": ("", "Hi!"),
    "a\n</think>\nb\n</think>\nc": ("a", "b\n</think>\nc"),
}


@pytest.mark.parametrize(("text", "expected"), TEXTS.items())
def test_tags_cut_at_every_point(text: str, expected: tuple[str, str]) -> None:
    assert split_everywhere(text) == {expected}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>\nLet me see.\n</think>\n\nHello!", ("Let me see.", "Hello!")),
        ("<think> is a tag", ("", "<think> is a tag")),
        ("<think>open </thi", ("", "<think>open </thi")),
        ("<think></think>Hi", ("", "Hi")),
    ],
)
def test_beside_native_thinking_only_closed_tags_count(text: str, expected: tuple[str, str]) -> None:
    assert split_everywhere(text, must_close=True) == {expected}


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "think>", "/", " ", "\n", "a", "<th"]), max_size=12))
def test_no_character_but_tags_and_space_is_lost(pieces: list[str]) -> None:
    thinking, text = split(pieces)
    without_tags = re.sub(r"</?think>|\s", "", "".join(pieces))
    missing = Counter(without_tags) - Counter(thinking + text)
    assert not missing
    assert thinking == thinking.strip()
