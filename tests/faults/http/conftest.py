"""The `Http` under test, over each kind of session, and servers with and without TLS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from support.raw_server import Certificate

from minimax_sync.net.session import Http


@pytest.fixture(params=["own session", "user's session"])
def http(request: pytest.FixtureRequest) -> Iterator[Http]:
    """Give an Http over its own session, then one over a plain session as a user would make it."""
    if request.param == "own session":
        http = Http()
        yield http
        http.close()
    else:
        with requests.Session() as session:
            yield Http(session)


@pytest.fixture
def own() -> Iterator[Http]:
    http = Http()
    yield http
    http.close()


@pytest.fixture(params=["http", "https"])
def tls(
    request: pytest.FixtureRequest, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> Certificate | None:
    """Give the certificate that a server is to use, or none; the client trusts it."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate.file)
    return certificate if request.param == "https" else None
