"""Sending through a session of requests: what of the session counts, and which proxy the environment names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from support.http_lab import get
from support.raw_server import RawServer, echo

from minimax_sync.net.session import Http
from minimax_sync.net.stock import environment_proxy, is_timeout, mismatch_of_mock


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


def test_a_users_session_adds_its_headers_and_hooks_and_the_request_its_own(session: requests.Session) -> None:
    seen: list[int] = []
    session.headers["X-Mine"] = "yes"
    session.hooks["response"].append(lambda response, **_: seen.append(response.status_code))
    with RawServer(echo) as server:
        reply = get(Http(session), server.url, headers={"Authorization": "Bearer key"})
        reply.read()
    (request,) = server.requests
    assert (request.headers["x-mine"], request.headers["authorization"]) == ("yes", "Bearer key")
    assert (reply.status, seen) == (200, [200])


def test_the_environments_proxy_is_found_by_the_rules_of_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    monkeypatch.setenv("NO_PROXY", ".inside.example")
    assert environment_proxy("https://api.minimax.io") == "http://proxy:1"
    assert environment_proxy("https://a.inside.example") is None


def test_time_outs_of_requests_and_words_of_a_mock_are_known() -> None:
    assert is_timeout(requests.ReadTimeout())
    assert not is_timeout(requests.ConnectionError("refused"))
    assert mismatch_of_mock(requests.ConnectionError(OSError("refused"))) is None
