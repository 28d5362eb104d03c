"""Sending through a session of requests: mocks of the network, and what exceptions of requests mean."""

from __future__ import annotations

import pytest
import requests
import responses
import urllib3
from support.http_lab import get, post

from minimax_sync.errors import AmbiguousResultError, CallTimeoutError, LlmError, TransportError
from minimax_sync.net.session import Http
from minimax_sync.net.stock import is_timeout, mismatch_of_mock


@pytest.mark.parametrize("users", [False, True])
@responses.activate
def test_the_responses_library_can_stand_in_for_the_network(users: bool) -> None:
    responses.post("https://api.minimax.io/v1/x", json={"a": 1}, headers={"X-Request-Id": "9"})
    with requests.Session() as session:
        reply = post(Http(session if users else None), "https://api.minimax.io/v1/x", b"q")
        assert (reply.status, reply.headers.get("x-request-id"), reply.read()) == (200, "9", b'{"a": 1}')
    request = responses.calls[0].request
    assert (request.method, request.url, request.body) == ("POST", "https://api.minimax.io/v1/x", b"q")
    assert request.headers["authorization"] == "Bearer canary"


@responses.activate
def test_a_stand_in_streams_too(own: Http) -> None:
    responses.get("https://api.minimax.io/", body=b"data: 1\n\n", status=200)
    reply = get(own, "https://api.minimax.io/")
    assert reply.read1() == b"data: 1\n\n"
    assert reply.read1() == b""
    reply.finish()


RAISED: list[tuple[Exception, type[LlmError], bool | None, str | None]] = [
    (requests.ConnectTimeout(), CallTimeoutError, False, "server"),
    (requests.ReadTimeout(), CallTimeoutError, True, None),
    (requests.ConnectionError("lost"), AmbiguousResultError, None, None),
    (requests.exceptions.SSLError("handshake"), TransportError, None, "server"),
    (requests.exceptions.ProxyError("proxy"), TransportError, None, "server"),
    (requests.ConnectionError(urllib3.exceptions.NewConnectionError(None, "no")), TransportError, None, "server"),  # type: ignore[arg-type]
    (requests.exceptions.InvalidURL("no"), TransportError, None, None),
    (ConnectionResetError(104, "reset"), AmbiguousResultError, None, None),
]


@pytest.mark.parametrize(("raised", "kind", "sent", "budget"), RAISED, ids=[type(row[0]).__name__ for row in RAISED])
@responses.activate
def test_what_an_adapter_raises_becomes_an_error_of_this_library(
    own: Http, raised: Exception, kind: type[LlmError], sent: bool | None, budget: str | None
) -> None:
    responses.post("https://api.minimax.io/", body=raised)
    with pytest.raises(LlmError) as caught:
        post(own, "https://api.minimax.io/")
    assert type(caught.value) is kind
    assert getattr(caught.value, "sent", None) == sent
    assert caught.value.budget == budget
    assert not isinstance(caught.value.__cause__, requests.RequestException)


def test_time_outs_of_requests_and_words_of_a_mock_are_known() -> None:
    assert is_timeout(requests.ReadTimeout())
    assert not is_timeout(requests.ConnectionError("refused"))
    assert mismatch_of_mock(requests.ConnectionError(OSError("refused"))) is None
