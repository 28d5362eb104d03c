"""A tool call whose arguments arrive in pieces."""

from __future__ import annotations

import pytest

from minimax_sync.wires.growing_call import GrowingCall


@pytest.mark.parametrize(
    "text", ['{"a": 1}', ' {"a": "}{"}', r'{"a": "\"}"}', '{"a": {"b": [1, {"c": 2}]}}', r'{"a": "\\"}']
)
def test_the_arguments_are_whole_with_their_last_brace_and_not_before(text: str) -> None:
    call = GrowingCall("sent", "id", "f")
    for byte in text.encode():
        assert not call.is_whole()
        call.arguments.append(byte)
    assert call.is_whole()
    assert call.whole().arguments_json == text


@pytest.mark.parametrize("text", ["", "[1]", '"x"', "7"])
def test_arguments_that_are_not_an_object_are_never_whole(text: str) -> None:
    call = GrowingCall("sent", "id", "f")
    call.arguments += text.encode()
    assert not call.is_whole()


GOOD = '{"city": "Bern", "days": 2}'


@pytest.mark.parametrize(
    "pieces",
    [
        [GOOD],
        [GOOD[:9], GOOD[9:]],
        [GOOD, GOOD],
        [GOOD[:9], GOOD[9:], GOOD],
        [GOOD * 3],
        ["{}", GOOD],
        [GOOD[:8], GOOD[:15], GOOD[:22], GOOD],
    ],
    ids=["whole", "pieces", "twice", "repeated at the end", "tripled", "behind an empty object", "all so far"],
)
def test_arguments_that_a_server_repeats_count_once(pieces: list[str]) -> None:
    call = GrowingCall("sent", "id", "f")
    for piece in pieces:
        call.add(piece)
    call.ended = True
    assert call.whole().arguments_json == GOOD


@pytest.mark.parametrize("text", ["", "{}", '{"a":', '{"a": 1}{"b": 2}', "[1][1]", '{"a": 1} x', " {}", "x{}"])
def test_other_arguments_stay_as_they_were_sent(text: str) -> None:
    call = GrowingCall("sent", "id", "f")
    for piece in (text[:3], text[3:]):
        call.add(piece)
    call.ended = True
    assert call.whole().arguments_json == text
