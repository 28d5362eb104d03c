"""What is taken out of an error's text: the credential, also where it is cut, and what was asked."""

from __future__ import annotations

import pytest

from minimax_sync.calls.redaction import redact
from minimax_sync.errors import LlmError, RequestError
from minimax_sync.secret import Secret

KEY = Secret("sk-canary-0123456789")
ASKED = b'{"model": "M2", "messages": [{"role": "user", "content": "tell me  about the\\ncanary"}]}'


@pytest.mark.parametrize(
    ("text", "cleared"),
    [
        ("the key sk-canary-0123456789 is wrong", "the key **** is wrong"),
        ("cut: sk-canary-0123", "cut: ****"),
        ("sk-can is too short to be known", "sk-can is too short to be known"),
        ("you said: tell me about the canary!", "you said: ****!"),
        ("the model M2 is not known", "the model M2 is not known"),
    ],
)
def test_an_error_shows_neither_the_key_nor_the_prompt(text: str, cleared: str) -> None:
    assert str(redact(LlmError(text), KEY, ASKED)) == cleared


def test_a_long_prompt_is_known_by_its_beginning() -> None:
    asked = b'{"messages": [{"content": "%b"}]}' % (b"word " * 100)
    assert str(redact(LlmError("at: " + "word " * 20), KEY, asked)) == "at: ****"


@pytest.mark.parametrize("asked", [None, b"", b"{", b"[" * 100_000])
def test_the_body_keeps_everything_but_the_key(asked: bytes | None) -> None:
    error = redact(LlmError("x", body="sk-canary-0123456789 tell me"), KEY, asked)
    assert error.body == "**** tell me"


@pytest.mark.parametrize("key", ["k", "ab", "key1"])
def test_a_text_too_short_for_a_key_does_not_garble_messages(key: str) -> None:
    error = RequestError("kick the back of monkey1s, about the cab")
    assert str(redact(error, Secret(key), None)) == "kick the back of monkey1s, about the cab"
