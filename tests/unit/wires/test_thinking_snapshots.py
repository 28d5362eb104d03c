"""Thinking that grows: deltas are distinguished from snapshots."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from minimax_sync.wires.thinking_snapshots import GrowingThought


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.lists(st.text("ab ", min_size=1, max_size=5), min_size=2, max_size=8))
def test_the_thinking_that_was_yielded_is_all_of_it(pieces: list[str]) -> None:
    thought = GrowingThought()
    yielded = ""
    for piece in pieces:
        yielded += thought.feed(piece)
        assert thought.text.startswith(yielded)
    yielded += thought.rest()
    assert yielded == thought.text


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=10))
def test_snapshots_of_any_size_are_counted_once(sizes: list[int]) -> None:
    whole = "The user asks for three rivers, so I name the Rhine, the Elbe and the Danube."
    thought = GrowingThought()
    ends = sorted({min(sum(sizes[: n + 1]), len(whole)) for n in range(len(sizes))})
    for end in ends:
        thought.feed(whole[:end])
    thought.rest()
    expected = whole[: ends[-1]]
    if ends[-1] < 8:
        expected = "".join(whole[:end] for end in ends)
    assert thought.text == expected
