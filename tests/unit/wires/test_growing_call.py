"""A tool call whose arguments arrive in pieces."""

from __future__ import annotations

import pytest

from minimax_sync.wires.growing_call import GrowingCall


@pytest.mark.parametrize(
    "text", ['{"a": 1}', ' {"a": "}{"}', r'{"a": "\"}"}', '{"a": {"b": [1, {"c": 2}]}}', r'{"a": "\\"}']
)
def test_the_arguments_are_whole_with_their_last_brace_and_not_before(text: str) -> None:
    call = GrowingCall(0, "sent", "id", "f")
    for byte in text.encode():
        assert not call.is_whole()
        call.arguments.append(byte)
    assert call.is_whole()
    assert call.whole().arguments_json == text


@pytest.mark.parametrize("text", ["", "[1]", '"x"', "7"])
def test_what_is_no_object_is_never_whole(text: str) -> None:
    call = GrowingCall(0, "sent", "id", "f")
    call.arguments += text.encode()
    assert not call.is_whole()
