"""Stop sequences, which the service ignores and the client keeps: on both wires, streamed and whole, however cut."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.anthropic_events import STOP, grown, opened, reason
from support.openai_events import delta, message
from support.replay import chunks_of, plain, stream_of

from minimax_sync.values.chunks import StreamEnd, TextDelta
from minimax_sync.values.response import ChatResponse
from minimax_sync.wires.accumulator import Accumulator
from minimax_sync.wires.anthropic_decode import AnthropicAccumulator
from minimax_sync.wires.openai_decode import OpenAIAccumulator
from minimax_sync.wires.stop_sequences import StopCutter


def openai_stream(pieces: list[str]) -> bytes:
    return stream_of(*map(delta, pieces), delta(finish="length"))


def anthropic_stream(pieces: list[str]) -> bytes:
    return stream_of(opened(0, "text"), *(grown(0, text=piece) for piece in pieces), reason("max_tokens"), STOP)


def openai_body(pieces: list[str]) -> dict[str, Any]:
    return {"choices": [{"message": {"content": "".join(pieces)}, "finish_reason": "length"}]}


def anthropic_body(pieces: list[str]) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": piece} for piece in pieces], "stop_reason": "max_tokens"}


def streamed(accumulator: Accumulator, data: bytes) -> ChatResponse:
    chunks, response = chunks_of(accumulator, [data]), accumulator.response()
    assert "".join(chunk.text for chunk in chunks if isinstance(chunk, TextDelta)) == response.text
    assert chunks[-1] == StreamEnd(response.finish_reason)
    return response


def everywhere(pieces: list[str], stops: tuple[str, ...]) -> set[tuple[str, str]]:
    responses = (
        streamed(OpenAIAccumulator(stops), openai_stream(pieces)),
        streamed(AnthropicAccumulator(stops), anthropic_stream(pieces)),
        plain(lambda: OpenAIAccumulator(stops), openai_body(pieces)),
        plain(lambda: AnthropicAccumulator(stops), anthropic_body(pieces)),
    )
    return {(response.text, response.finish_reason) for response in responses}


CASES = {
    "in one delta": (["one END two"], ("END",), "one ", "stop"),
    "over deltas": (["one E", "N", "D two"], ("END",), "one ", "stop"),
    "begun and not met": (["one E", "N", "d two"], ("END",), "one ENd two", "length"),
    "begun at the end": (["one", " EN"], ("END",), "one EN", "length"),
    "the first of several": (["a\nb", "###c"], ("###", "\n"), "a", "stop"),
    "one that is the end of another": (["xab", "cd"], ("abcd", "c"), "xab", "stop"),
    "one that begins another": (["xaa", "b"], ("aab", "aa"), "x", "stop"),
    "a false start inside a start": (["aa", "ab"], ("aab",), "a", "stop"),
    "at the very beginning": (["EN", "D"], ("END",), "", "stop"),
    "beyond the first plane": (["x😀", "é E", "ND"], ("é END",), "x😀", "stop"),
}


@pytest.mark.parametrize(("pieces", "stops", "text", "reason"), CASES.values(), ids=CASES)
def test_a_stop_sequence(pieces: list[str], stops: tuple[str, ...], text: str, reason: str) -> None:
    assert everywhere(pieces, stops) == {(text, reason)}
    assert everywhere(list("".join(pieces)), stops) == {(text, reason)}


@settings(max_examples=150, derandomize=True, deadline=None)
@given(
    st.lists(st.text("ab#", min_size=1, max_size=4), min_size=1, max_size=6),
    st.lists(st.text("ab#", min_size=1, max_size=4), min_size=1, max_size=3).map(tuple),
)
def test_the_text_ends_where_the_first_stop_begins_however_it_is_cut(pieces: list[str], stops: tuple[str, ...]) -> None:
    text = "".join(pieces)
    ends = [end for end in range(len(text) + 1) if text[:end].endswith(stops)]
    expected = text, "length"
    if ends:
        at = min(ends[0] - len(stop) for stop in stops if text[: ends[0]].endswith(stop))
        expected = text[:at], "stop"
    assert everywhere(pieces, stops) == {expected}


def test_a_stop_sequence_over_two_text_blocks_with_thinking_between_them() -> None:
    body = {
        "content": [
            {"type": "text", "text": "one E"},
            {"type": "thinking", "thinking": "Hm."},
            {"type": "text", "text": "ND two"},
            {"type": "tool_use", "id": "a", "name": "f", "input": {}},
        ]
    }
    response = plain(lambda: AnthropicAccumulator(("END",)), body)
    assert (response.text, response.finish_reason) == ("one ", "stop")
    assert (response.reasoning, response.tool_calls) == ("Hm.", ())


def test_nothing_behind_a_stop_sequence_is_taken() -> None:
    fields = {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]}
    response = plain(lambda: OpenAIAccumulator(("END",)), message(content="one END", **fields))
    assert (response.tool_calls, response.finish_reason) == ((), "stop")
    chunks = chunks_of(OpenAIAccumulator(("END",)), [stream_of(delta("one END", **fields))])
    assert chunks == [TextDelta("one "), StreamEnd("stop")]


def test_a_stop_sequence_in_the_thinking_is_ignored() -> None:
    events = map(delta, ("<think>END", " of it</think>one ", "END"))
    response = streamed(OpenAIAccumulator(("END",)), stream_of(*events))
    assert (response.text, response.finish_reason, response.reasoning) == ("one ", "stop", "END of it")


def test_text_held_for_a_stop_sequence_is_in_a_partial_answer() -> None:
    accumulator = OpenAIAccumulator(("END",))
    accumulator.feed_body(b'{"choices": [{"message": {"content": "one EN"}}]}')
    assert accumulator.response().text == "one EN"


def test_a_cutter_holds_no_more_than_it_must() -> None:
    cutter = StopCutter(("END", "\n\n"))
    assert [cutter.feed(piece) for piece in ("one", " E", "x", "\n", "y")] == ["one", " ", "Ex", "", "\ny"]
    assert cutter.flush() == ""
