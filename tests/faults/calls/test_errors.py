"""B3, B4, B8: which error an answer to a call is, by its code, status or body, and how often it is retried."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from support.error_codes import CODES, STATUSES
from support.raw_server import RawServer, answer
from support.wire_server import JSON, Wire, failing, failure, framed, replies, sse

from minimax_sync import (
    LlmError,
    QuotaExceededError,
    RateLimitError,
    RequestError,
    ResponseFormatError,
    ServerError,
)

# B3, B8: codes

ATTEMPTS: dict[type[LlmError], int] = {RateLimitError: 5, ServerError: 3}

SHAPES: dict[str, Callable[[int], dict[str, Any]]] = {
    "base_resp": lambda code: {"id": "r1", "choices": None, "base_resp": {"status_code": code, "status_msg": "no"}},
    "base_resp without choices": lambda code: {"base_resp": {"status_code": str(code), "status_msg": "no"}},
    "error": lambda code: {"error": {"message": f"no ({code})", "type": "bad_request_error", "code": str(code)}},
    "typed error": lambda code: {
        "type": "error",
        "error": {"type": "bad_request_error", "message": f"no ({code})", "http_code": "400"},
        "request_id": "r1",
    },
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("carrier", ["json", "json to a stream", "event", "error event"])
def test_B3_a_code_in_a_200_has_its_own_error_and_its_own_retries(wire: Wire, shape: str, carrier: str) -> None:
    how = "chat" if carrier == "json" else "stream"
    for code, kind in {**CODES, 1999: RequestError}.items():
        body = SHAPES[shape](code)
        if carrier.startswith("json"):
            step = answer(json.dumps(body).encode(), headers=[JSON])
        else:
            step = b"".join(framed([sse(body, "error" if carrier == "error event" else "")], "chunked"))
        with RawServer(replies(step)) as server:
            error = failure(wire.client(server), how)
        assert type(error) is kind, code
        assert error.code == code
        assert len(server.requests) == ATTEMPTS.get(kind, 1), code
        if "r1" in str(body):
            assert error.request_id == "r1"


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "429 Slow", "500 Oops", "529 Busy"])
@pytest.mark.parametrize("code", [1002, 1008, 1033, 2013, 2056, 2061])
def test_B8_the_code_outranks_the_status(wire: Wire, how: str, status: str, code: int) -> None:
    until = "2031-05-15T15:00:00Z"
    error_type = "insufficient_balance_error" if code == 1008 else "bad_request_error"
    body = {"type": "error", "error": {"type": error_type, "message": f"no, resets at {until} ({code})"}}
    with RawServer(replies(failing(status, json.dumps(body).encode()))) as server:
        error = failure(wire.client(server), how)
    assert type(error) is CODES[code]
    assert error.code == code
    assert len(server.requests) == ATTEMPTS.get(CODES[code], 1)
    if isinstance(error, QuotaExceededError):
        assert error.resets_at == datetime(2031, 5, 15, 15, tzinfo=timezone.utc)


@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"nothing here", b"{", b"[1]", b'"x"', b"\xff\xfe", b"null"])
def test_B3_without_a_code_the_status_decides_whatever_the_body_is(wire: Wire, how: str, body: bytes) -> None:
    for status, kind in STATUSES.items():
        with RawServer(replies(answer(body, f"{status} X"))) as server:
            error = failure(wire.client(server), how)
        assert type(error) is kind, status
        assert error.status == status
        assert len(server.requests) == ATTEMPTS.get(kind, 1), status


# B4: pages

PAGES = (b"<!DOCTYPE html><html><body>Sign in to the hotel's network</body></html>", b"\r\n  <html></html>")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/xhtml+xml", "text/plain", ""])
def test_B4_a_page_instead_of_an_answer_is_named_as_one(wire: Wire, how: str, page: bytes, kind: str) -> None:
    with RawServer(replies(answer(page, headers=[f"Content-Type: {kind}"] if kind else []))) as server:
        error = failure(wire.client(server), how)
    assert type(error) is ResponseFormatError
    assert error.status == 200
    assert "the reply is an HTML page" in str(error)
    assert "<html" in error.body
    assert "hotel" not in str(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "204 No Content"])
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", ""])
def test_B4_an_empty_answer_is_a_format_error(wire: Wire, how: str, status: str, kind: str) -> None:
    with RawServer(replies(answer(b"", status, [f"Content-Type: {kind}"] if kind else []))) as server:
        error = failure(wire.client(server), how)
    assert type(error) is ResponseFormatError
    assert "empty" in str(error)
    if how == "stream":
        assert error.partial is not None
