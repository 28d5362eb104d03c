"""The portal's client: the form on the wire, and what is read of an answer, a failure and a grant."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qs

import pytest
from support.raw_server import RawServer, echo

from minimax_sync.auth import portal
from minimax_sync.net.session import Http
from minimax_sync.secret import Secret

NOW = 1_700_000_000.0


def test_a_form_is_posted_with_its_secrets_revealed_on_the_wire_alone() -> None:
    http = Http()
    form: portal.Form = {"grant_type": "refresh_token", "refresh_token": Secret("rt + 1")}
    with RawServer(echo) as server:
        reply = portal.post_form(http, server.url, form, time.monotonic() + 5)
        body = portal.read_answer(reply).body
    http.close()
    assert parse_qs(body.decode()) == {"grant_type": ["refresh_token"], "refresh_token": ["rt + 1"]}
    assert server.requests[0].headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 100_000, b"null"])
def test_an_answer_that_is_not_an_object_has_no_document(body: bytes) -> None:
    assert portal.Answer(200, {}, body).document() is None


def test_a_failure_has_the_status_and_the_wait() -> None:
    error = portal.Answer(503, {"retry-after": "3"}, b"").failure("busy", NOW)
    assert (error.status, error.retry_after_ms) == (503, 3000)
    assert "HTTP 503: busy" in str(error)


@pytest.mark.parametrize(
    ("document", "success", "code"),
    [
        ({}, True, 0),
        ({"status": "success", "base_resp": {"status_code": "0"}}, True, 0),
        ({"status": "error"}, False, 0),
        ({"error": "invalid_grant"}, False, 0),
        ({"base_resp": {"status_code": 1004}}, False, 1004),
        ({"base_resp": {"status_code": "x"}}, False, -1),
        ({"base_resp": {"status_code": "9" * 5000}}, False, -1),
    ],
)
def test_success_and_code_are_read_wherever_they_stand(document: dict[str, Any], success: bool, code: int) -> None:
    assert (portal.succeeded(document), portal.error_code(document)) == (success, code)


def test_the_reason_is_one_printable_line_without_secrets() -> None:
    document = {"error": "invalid\n\x1b[31m_grant", "base_resp": {"status_msg": "token rt-1 was used"}, "code": 7}
    assert portal.error_reason(document, Secret("rt-1")) == "invalid [31m_grant; token **** was used"


def test_a_grant_needs_a_usable_access_token() -> None:
    grant = portal.read_grant({"access_token": "at", "expired_in": 3600}, NOW)
    assert grant is not None
    assert (grant.access_token.reveal(), grant.refresh_token) == ("at", None)
    assert grant.expires_at == datetime.fromtimestamp(NOW + 3600, timezone.utc)
    for bad in ({}, {"access_token": ""}, {"access_token": "a b"}, {"access_token": "at", "refresh_token": 7}):
        assert portal.read_grant(bad, NOW) is None
