"""`ChatStream` against the emulator, on both wires: iteration, the response, and the partial answer."""

from __future__ import annotations

import pytest

from minimax_sync import ChatResponse, MiniMaxClient, StreamEnd, StreamInterruptedError, TextDelta
from minimax_sync.emulator import Emulator


def test_chunks_text_and_response_agree(any_client: MiniMaxClient, emulator: Emulator) -> None:
    emulator.answer("one two three")
    stream = any_client.stream("count")
    chunks = list(stream)
    assert "".join(chunk.text for chunk in chunks if isinstance(chunk, TextDelta)) == "one two three"
    assert isinstance(chunks[-1], StreamEnd)
    assert stream.response.text == "one two three"
    assert stream.response.request_id
    assert list(stream) == []


def test_the_response_reads_what_is_left(any_client: MiniMaxClient, emulator: Emulator) -> None:
    emulator.answer("one two three")
    with any_client.stream("count") as stream:
        first = next(stream)
        assert stream.response.text == "one two three"
    assert first is not None


def test_a_stream_that_is_left_early_keeps_what_came(any_client: MiniMaxClient, emulator: Emulator) -> None:
    emulator.answer("one two three")
    with any_client.stream("count") as stream:
        text = next(stream.text_deltas())
    assert stream.partial.text.startswith(text)
    with pytest.raises(StreamInterruptedError) as caught:
        _ = stream.response
    assert caught.value.partial.text == stream.partial.text


@pytest.mark.parametrize("done", [False, True])
def test_a_stream_with_an_extra_body_keeps_its_events(
    any_client: MiniMaxClient, emulator: Emulator, done: bool
) -> None:
    emulator.done = done
    emulator.answer("one two three", tool_calls=[("look", {"path": "a"})])
    answer = any_client.stream("count", extra_body={"user": "ana"}).response
    assert answer.raw is not None
    events = answer.raw["events"]
    assert len(events) > 3
    assert all(isinstance(event, dict) for event in events)
    assert "three" in str(events) or "thre" in str(events)
    assert ChatResponse.from_dict(answer.to_dict()) == answer


def test_a_stream_without_an_extra_body_keeps_no_events(any_client: MiniMaxClient, emulator: Emulator) -> None:
    assert any_client.stream("count").response.raw is None
