"""Errors in the streams of both wires: events that report one, and data that is no event."""

from __future__ import annotations

from typing import Any

import pytest
from support.anthropic_events import HI, grown, opened, start
from support.openai_events import delta
from support.replay import NewAccumulator, chunks_of, stream_of

from minimax_sync.errors import (
    ContextLengthError,
    CredentialInvalidError,
    InsufficientBalanceError,
    LlmError,
    QuotaExceededError,
    RateLimitError,
    RequestError,
    ResponseFormatError,
    ServerError,
)
from minimax_sync.wires.anthropic_decode import AnthropicAccumulator
from minimax_sync.wires.openai_decode import OpenAIAccumulator

OPENAI, ANTHROPIC = OpenAIAccumulator, AnthropicAccumulator
BEFORE: dict[NewAccumulator, tuple[Any, ...]] = {OPENAI: (delta("Hel"),), ANTHROPIC: (start(), *HI)}

ERRORS: dict[NewAccumulator, dict[str, tuple[Any, type[LlmError], int | None]]] = {
    OPENAI: {
        "base_resp and choices null": (
            {"id": "07", "choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
            InsufficientBalanceError,
            1008,
        ),
        "base_resp as text": (
            {"choices": None, "base_resp": {"status_code": "1002", "status_msg": ""}},
            RateLimitError,
            1002,
        ),
        "an error with a code": (
            {"error": {"message": "invalid params (2013)", "type": "invalid_request_error", "code": "2013"}},
            RequestError,
            2013,
        ),
        "an envelope": (
            {
                "type": "error",
                "error": {"type": "overloaded_error", "message": "High traffic detected."},
                "request_id": "r",
            },
            ServerError,
            None,
        ),
        "vLLM": ({"error": {"message": "boom", "type": "InternalServerError", "code": 500}}, ServerError, None),
        "vLLM, older": (
            {"object": "error", "message": "maximum context length is 4096", "type": "BadRequestError", "code": 400},
            ContextLengthError,
            None,
        ),
        "llama.cpp": (
            {
                "error": {
                    "code": 400,
                    "message": "the request exceeds the available context size",
                    "type": "exceed_context_size_error",
                }
            },
            ContextLengthError,
            None,
        ),
        "event: error": ('event: error\ndata: {"message": "boom"}\n\n', ServerError, None),
        "event: error with text": ("event: error\ndata: {}\n\n", ServerError, None),
        "an error as text": ({"error": "boom"}, ServerError, None),
        "an error as a list": ({"error": [{"message": "boom"}]}, ServerError, None),
    },
    ANTHROPIC: {
        "event: error": (
            'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n',
            ServerError,
            None,
        ),
        "a code in the message": (
            {
                "type": "error",
                "error": {"type": "api_error", "message": "insufficient balance (1008)", "http_code": "500"},
            },
            InsufficientBalanceError,
            1008,
        ),
        "a login": (
            {
                "type": "error",
                "error": {"type": "authorized_error", "message": "login fail (1004)", "http_code": "401"},
            },
            CredentialInvalidError,
            1004,
        ),
        "base_resp": (
            {"base_resp": {"status_code": 2056, "status_msg": "usage limit exceeded"}},
            QuotaExceededError,
            2056,
        ),
        "no reason": ({"type": "error"}, ServerError, None),
        "no reason either": ({"type": "error", "error": None}, ServerError, None),
        "the message at the top": ({"type": "error", "message": "boom (1033)"}, ServerError, 1033),
        "another type": ('event: error\ndata: {"type": "overloaded_error", "message": "busy"}\n\n', ServerError, None),
        "OpenAI's shape": ({"error": {"message": "boom", "type": "server_error", "code": None}}, ServerError, None),
    },
}


@pytest.mark.parametrize(
    ("make", "event", "kind", "code"),
    [pytest.param(make, *case, id=name) for make, cases in ERRORS.items() for name, case in cases.items()],
)
def test_an_error_inside_the_stream(make: NewAccumulator, event: Any, kind: type[LlmError], code: int | None) -> None:
    for before in ((), BEFORE[make]):
        with pytest.raises(LlmError) as caught:
            chunks_of(make(), [stream_of(*before, event)])
        assert type(caught.value) is kind
        assert caught.value.code == code


def test_the_last_base_resp_wins_over_an_answer() -> None:
    bad = {"choices": [], "base_resp": {"status_code": 1027, "status_msg": "output new_sensitive"}}
    with pytest.raises(RequestError, match="1027"):
        chunks_of(OpenAIAccumulator(), [stream_of(delta("Hi"), delta(finish="stop"), bad)])


@pytest.mark.parametrize("make", BEFORE)
def test_an_error_has_the_request_id(make: NewAccumulator) -> None:
    event = {"type": "error", "error": {"type": "api_error", "message": "boom"}, "request_id": "r-1"}
    with pytest.raises(ServerError) as caught:
        chunks_of(make(), [stream_of(event)])
    assert caught.value.request_id == "r-1"


BROKEN: tuple[Any, ...] = ("data: {\n\n", "data: [1]\n\n", 'data: "text"\n\n', "data: <html>\n\n")
INVALID: dict[NewAccumulator, tuple[Any, ...]] = {
    OPENAI: (
        *BROKEN,
        delta(5),
        delta({"a": 1}),
        {"choices": {}},
        {"choices": [5]},
        delta(tool_calls={}),
        delta(tool_calls=[5]),
    ),
    ANTHROPIC: (
        *BROKEN,
        {"type": 5},
        grown(0, text=5),
        grown(0, partial_json={}),
        {"delta": 5},
        {"type": "message", "content": [5]},
        opened(0, "text", text=5),
        {"type": "content_block_start", "content_block": 5},
    ),
}


@pytest.mark.parametrize(("make", "event"), [(make, event) for make, events in INVALID.items() for event in events])
def test_an_invalid_event_is_a_format_error_that_quotes_nothing(make: NewAccumulator, event: Any) -> None:
    with pytest.raises(ResponseFormatError) as caught:
        chunks_of(make(), [stream_of(event)])
    assert "html" not in str(caught.value)
    assert caught.value.__cause__ is None
