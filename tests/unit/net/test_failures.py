"""Which error an exchange ends with, and what it says."""

from __future__ import annotations

import http.client
import ssl
from typing import Any

import pytest
from urllib3 import exceptions

from minimax_sync.errors import (
    AmbiguousResultError,
    CallTimeoutError,
    ConfigError,
    LlmError,
    ResponseFormatError,
    TransportError,
)
from minimax_sync.net.failures import exchange_fault

UNTRUSTED = ssl.SSLCertVerificationError("x")
UNTRUSTED.verify_message = "self-signed certificate"  # as OpenSSL sets it
REFUSED = ConnectionRefusedError(111, "Connection refused")


@pytest.mark.parametrize(
    ("error", "facts", "kind", "text", "budget"),
    [
        (REFUSED, {}, TransportError, "no connection to https://x: Connection refused", "server"),
        (REFUSED, {"proxy": "http://p"}, TransportError, "through the proxy http://p", "server"),
        (REFUSED, {"timed_out": "late"}, CallTimeoutError, "in time", "server"),
        (REFUSED, {"mismatch": "no answer in the mock"}, TransportError, "no answer in the mock", None),
        (ValueError("bad"), {}, TransportError, "its host or proxy cannot be used", None),
        (OSError("Tunnel connection failed: 407 x"), {}, TransportError, r"the proxy refused it \(407\)", None),
        (OSError("Tunnel connection failed: 503 x"), {}, TransportError, r"refused it \(503\)", "server"),
        (OSError("Could not find a suitable CA bundle"), {}, ConfigError, "Could not find", None),
        (UNTRUSTED, {}, TransportError, "the certificate of https://x", None),
        (REFUSED, {"sent": True}, AmbiguousResultError, "was lost after sending", None),
        (REFUSED, {"sent": True, "timed_out": "30 s"}, CallTimeoutError, "no answer from https://x: 30 s", None),
        (http.client.BadStatusLine("x"), {"sent": True}, ResponseFormatError, "is not HTTP: BadStatusLine", None),
        (http.client.RemoteDisconnected("closed"), {"sent": True}, AmbiguousResultError, "lost after sending", None),
    ],
)
def test_the_facts_of_an_exchange_decide_its_error(
    error: Exception, facts: dict[str, Any], kind: type[LlmError], text: str, budget: str | None
) -> None:
    found = exchange_fault(error, **{"sent": False, "timed_out": None, "origin": "https://x", **facts})
    assert type(found) is kind
    with pytest.raises(kind, match=text):
        raise found
    assert found.budget == budget


def test_a_cause_counts_as_the_error_itself() -> None:
    wrapped = exceptions.MaxRetryError(None, "/", UNTRUSTED)  # type: ignore[arg-type]
    assert "certificate" in str(exchange_fault(wrapped, sent=False, timed_out=None, origin="https://x"))
