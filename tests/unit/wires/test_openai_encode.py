"""Requests as the OpenAI wire alone writes them; what both wires share is in test_normalize_*."""

from __future__ import annotations

from support.encoded import ANTHROPIC, OPENAI, body


def test_the_least_request_on_the_openai_wire() -> None:
    assert body(OPENAI, "Hi") == {
        "model": "MiniMax-M2.5",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 65536,
        "reasoning_split": True,
    }
    assert OPENAI.headers == {}


def test_a_stream_asks_for_usage_on_the_openai_wire() -> None:
    written = body(OPENAI, "Hi", stream=True)
    assert (written["stream"], written["stream_options"]) == (True, {"include_usage": True})
    assert body(ANTHROPIC, "Hi", stream=True)["stream"] is True
    assert "stream_options" not in body(ANTHROPIC, "Hi", stream=True)
