"""Every code in every envelope, and the envelopes of other servers."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from support.error_codes import CODES, STATUSES

from minimax_sync.errors import (
    ContentFilteredError,
    ContextLengthError,
    CredentialInvalidError,
    InsufficientBalanceError,
    LlmError,
    QuotaExceededError,
    RateLimitError,
    RequestError,
    ServerError,
)
from minimax_sync.wires.failures import failure, failure_of_status, request_id_in

BUDGETS = {RateLimitError: "rate_limit", ServerError: "server"}


def envelopes(code: int) -> list[Any]:
    message = f"what went wrong ({code})"
    return [
        {"type": "error", "error": {"type": "api_error", "message": message, "http_code": "500"}, "request_id": "r-1"},
        {"error": {"message": message, "type": "invalid_request_error", "code": str(code)}},
        {"error": {"message": "what went wrong", "code": code}},
        {"error": message},
        {"base_resp": {"status_code": code, "status_msg": "what went wrong"}},
        {"base_resp": {"status_code": str(code), "status_msg": message}},
        {"message": message},
        message,
    ]


@pytest.mark.parametrize("status", [400, 401, 422, 429, 500, 529])
@pytest.mark.parametrize(("code", "kind"), CODES.items())
def test_the_code_outranks_the_status_in_every_envelope(code: int, kind: type[LlmError], status: int) -> None:
    for envelope in envelopes(code):
        body = envelope if isinstance(envelope, str) else json.dumps(envelope)
        error = failure_of_status(status, body.encode())
        assert type(error) is kind, body
        assert (error.status, error.code, error.body) == (status, code, body)
        assert error.budget == BUDGETS.get(kind)
        assert f"({code})" in str(error)


@pytest.mark.parametrize(("code", "kind"), CODES.items())
def test_a_code_inside_a_200(code: int, kind: type[LlmError]) -> None:
    for value in (code, str(code), float(code)):
        error = failure(200, {"status_code": value, "status_msg": ""}, None)
        assert type(error) is kind
        assert error.code == code


@pytest.mark.parametrize(("status", "kind"), STATUSES.items())
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b"[]",
        b"404 page not found",
        b"<html><h1>Bad gateway</h1></html>",
        b"\xff\xfe",
        b"{" * 9000,
        b'{"error": {"message": "what", "type": "x"}}',
        b'{"error": {"code": 9999, "message": "unknown code"}}',
    ],
)
def test_without_a_known_code_the_status_decides(status: int, kind: type[LlmError], body: bytes) -> None:
    error = failure_of_status(status, body)
    assert type(error) is kind
    assert "html" not in str(error)
    assert len(str(error)) < 600


def test_an_unknown_code_on_a_200_is_a_request_error() -> None:
    assert type(failure(200, {"status_code": 4711, "status_msg": "new"}, None)) is RequestError
    assert type(failure(200, None, {"type": "api_error", "message": "new (4711)"})) is RequestError
    assert type(failure(200, None, {"code": "4711", "message": "new"})) is RequestError
    assert type(failure(200, None, {"type": "overloaded_error", "message": "new (4711)"})) is ServerError


@pytest.mark.parametrize(
    "base_resp", [None, {}, [], "x", {"status_code": 0}, {"status_code": "0"}, {"status_code": None}]
)
def test_a_body_without_a_code_is_not_a_failure(base_resp: Any) -> None:
    assert failure(200, base_resp, None) is None
    assert failure(200, base_resp, {}) is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "authentication_error"}, CredentialInvalidError),
        ({"type": "authorized_error"}, CredentialInvalidError),
        ({"type": "permission_error"}, CredentialInvalidError),
        ({"type": "bad_request_error"}, RequestError),
        ({"type": "rate_limit_error"}, RateLimitError),
        ({"type": "insufficient_balance_error"}, InsufficientBalanceError),
        ({"type": "overloaded_error"}, ServerError),
        ({"type": "api_error"}, ServerError),
        ({"type": ["odd"], "message": {"a": 1}}, ServerError),
        ({"http_code": "422", "type": "unprocessable_entity_error"}, RequestError),
        ({"code": 429, "message": "slow down"}, RateLimitError),
        (["boom"], ServerError),
        (True, ServerError),
        (5, ServerError),
    ],
)
def test_an_error_in_a_200_without_a_code_goes_by_its_type_or_own_status(error: Any, kind: type[LlmError]) -> None:
    assert type(failure(200, None, error)) is kind


LLAMA_CPP = "the request exceeds the available context size"
VLLM = "This model's maximum context length is 4096 tokens."


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": 400, "message": LLAMA_CPP, "type": "exceed_context_size_error"}},
        {"object": "error", "message": VLLM, "type": "BadRequestError", "code": 400},
        {"error": {"message": VLLM, "code": "context_length_exceeded"}},
        {"type": "error", "error": {"type": "bad_request_error", "message": "context window exceeds limit (2013)"}},
        {"base_resp": {"status_code": 1039, "status_msg": "token limit"}},
        {"error": {"message": "prompt is too long: 210000 tokens > 200000 maximum", "type": "invalid_request_error"}},
        {"error": {"message": "Input is too long for requested model."}},
        {"error": {"message": "input length and `max_tokens` exceed context limit: 1 + 2 > 3"}},
        {"error": {"message": "The input token count exceeds the maximum number of tokens allowed"}},
        {"error": "`inputs` tokens + `max_new_tokens` must be <= 4096"},
    ],
)
def test_a_conversation_that_is_too_long_is_recognised_on_every_server(body: dict[str, Any]) -> None:
    assert type(failure_of_status(400, json.dumps(body).encode())) is ContextLengthError


@pytest.mark.parametrize(
    ("page", "title"),
    [
        (
            "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center>nginx</center>",
            "502 Bad Gateway",
        ),
        ("<html><body><h1>503 Service Unavailable</h1>\nNo server is available", "503 Service Unavailable"),
        ("<!DOCTYPE html><TITLE lang=en>\n  Caf\u00e9 &amp;\n more </TITLE><h1>other</h1>", "Caf\u00e9 & more"),
        ("<html><title> </title><h1>The heading</h1>", "The heading"),
        ("<html><title>never closed", "no reason was given"),
        ("<html>" + " " * 9000 + "<title>too far</title>", "no reason was given"),
    ],
)
def test_an_error_page_gives_its_title(page: str, title: str) -> None:
    error = failure_of_status(502, page.encode())
    assert str(error) == f"HTTP 502: {title}"
    assert error.body == page


def test_the_errors_of_fastapi_are_read() -> None:
    assert "field required" in str(failure_of_status(422, b'{"detail": [{"loc": ["body"], "msg": "field required"}]}'))
    assert "Not Found" in str(failure_of_status(404, b'{"detail": "Not Found"}'))


def test_a_used_up_plan_has_the_instant_of_its_reset() -> None:
    message = "usage limit exceeded, 5-hour usage limit reached (0/0 used), resets at 2026-05-15T15:00:00Z (2056)"
    error = failure_of_status(429, json.dumps({"error": {"type": "rate_limit_error", "message": message}}).encode())
    assert isinstance(error, QuotaExceededError)
    assert error.resets_at == datetime(2026, 5, 15, 15, tzinfo=timezone.utc)
    assert error.budget is None


def test_the_request_id_is_the_given_one_else_that_of_the_body() -> None:
    body = b'{"error": {"message": "boom"}, "request_id": "r-1"}'
    assert failure_of_status(500, body).request_id == "r-1"
    assert failure_of_status(500, body, request_id="r-0").request_id == "r-0"
    assert failure_of_status(500, b'{"request_id": 5}').request_id is None


@pytest.mark.parametrize(
    "name", ["minimax-request-id", "trace-id", "x-mm-request-id", "alb_request_id", "x-session-id"]
)
def test_a_request_id_is_found_in_the_headers(name: str) -> None:
    assert request_id_in({"date": "x", name: "r-1"}) == "r-1"
    assert request_id_in({"date": "x"}) == ""


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (429, {"message": "You exceeded your current quota", "code": "insufficient_quota"}, QuotaExceededError),
        (429, {"message": "quota", "type": "insufficient_quota"}, QuotaExceededError),
        (400, {"message": "blocked", "code": "content_filter"}, ContentFilteredError),
        (403, {"message": "M requires moderation on P. Your input was flagged for violence"}, ContentFilteredError),
        (403, {"message": "no access"}, CredentialInvalidError),
        (403, {"message": "your key was flagged (1004)"}, CredentialInvalidError),
    ],
)
def test_the_words_of_other_servers_choose_the_error(status: int, error: Any, kind: type[LlmError]) -> None:
    found = failure_of_status(status, json.dumps({"error": error}).encode())
    assert (type(found), found.budget) == (kind, None)


def test_a_404_names_the_path_that_was_asked_unless_it_speaks_of_a_model() -> None:
    error = failure_of_status(404, b"404 page not found", path="/v1/v1/messages")
    assert "Nothing is served at /v1/v1/messages: check base_url, and chat_path" in str(error)
    body = json.dumps({"error": {"message": "the model 'x' does not exist"}}).encode()
    assert "base_url" not in str(failure_of_status(404, body, path="/v1/messages"))
    assert "base_url" not in str(failure_of_status(400, b"", path="/v1/messages"))


def test_a_404_that_explains_itself_has_no_hint() -> None:
    body = b'{"error": {"message": "not recorded: POST /v1/messages with this body; no file %s.json in recordings"}}'
    assert "base_url" not in str(failure_of_status(404, body % (b"a" * 60), path="/v1/messages"))
