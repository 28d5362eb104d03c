"""Errors in the Anthropic wire's streams: events that tell of one, what is no event at all, and absurd numbers."""

from __future__ import annotations

from typing import Any

import pytest
from support.anthropic_events import HI, grown, opened, start
from support.replay import chunks_of, stream_of

from minimax_sync.errors import (
    CredentialInvalidError,
    InsufficientBalanceError,
    LlmError,
    QuotaExceededError,
    ResponseFormatError,
    ServerError,
)
from minimax_sync.wires.anthropic_decode import AnthropicAccumulator

ERRORS: dict[str, tuple[Any, type[LlmError], int | None]] = {
    "event: error": (
        'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n',
        ServerError,
        None,
    ),
    "a code in the message": (
        {"type": "error", "error": {"type": "api_error", "message": "insufficient balance (1008)", "http_code": "500"}},
        InsufficientBalanceError,
        1008,
    ),
    "a login": (
        {"type": "error", "error": {"type": "authorized_error", "message": "login fail (1004)", "http_code": "401"}},
        CredentialInvalidError,
        1004,
    ),
    "base_resp": ({"base_resp": {"status_code": 2056, "status_msg": "usage limit exceeded"}}, QuotaExceededError, 2056),
    "no reason": ({"type": "error"}, ServerError, None),
    "no reason either": ({"type": "error", "error": None}, ServerError, None),
    "the message at the top": ({"type": "error", "message": "boom (1033)"}, ServerError, 1033),
    "another type": ('event: error\ndata: {"type": "overloaded_error", "message": "busy"}\n\n', ServerError, None),
    "OpenAI's shape": ({"error": {"message": "boom", "type": "server_error", "code": None}}, ServerError, None),
}


@pytest.mark.parametrize(("event", "kind", "code"), ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("before", [(), (start(), *HI)], ids=["first", "later"])
def test_an_error_inside_the_stream(
    event: Any, kind: type[LlmError], code: int | None, before: tuple[Any, ...]
) -> None:
    with pytest.raises(LlmError) as caught:
        chunks_of(AnthropicAccumulator(), [stream_of(*before, event)])
    assert type(caught.value) is kind
    assert caught.value.code == code


def test_an_error_has_the_request_id() -> None:
    event = {"type": "error", "error": {"type": "api_error", "message": "boom"}, "request_id": "r-1"}
    with pytest.raises(ServerError) as caught:
        chunks_of(AnthropicAccumulator(), [stream_of(event)])
    assert caught.value.request_id == "r-1"


@pytest.mark.parametrize(
    "event",
    [
        "data: {\n\n",
        "data: [1]\n\n",
        {"type": 5},
        grown(0, text=5),
        grown(0, partial_json={}),
        {"delta": 5},
        {"type": "message", "content": [5]},
        opened(0, "text", text=5),
        {"type": "content_block_start", "content_block": 5},
    ],
)
def test_an_invalid_event_is_a_format_error(event: Any) -> None:
    with pytest.raises(ResponseFormatError):
        chunks_of(AnthropicAccumulator(), [stream_of(event)])
