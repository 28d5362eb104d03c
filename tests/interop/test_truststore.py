"""`truststore.inject_into_ssl()` before the client is used: the system's store decides, also about a company's CA."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from support.raw_server import Certificate, Peer, RawServer, answer
from support.run_python import run_python
from support.wire_server import EVENTS, JSON, TEXT, WIRES, Wire

ASK = """
    import ssl, sys, truststore
    truststore.inject_into_ssl()
    assert ssl.SSLContext is truststore.SSLContext
    import requests
    from minimax_sync import MiniMaxClient, RetryPolicy, TransportError
    from minimax_sync.net.trust import tls_context
    assert isinstance(tls_context(), truststore.SSLContext)

    url, flavor, how = sys.argv[1:]
    given = {}
    if how == "a session":
        given["session"] = requests.Session()
    elif how == "a context":
        given["verify"] = ssl.create_default_context()
    retry = RetryPolicy(server_attempts=1)
    with MiniMaxClient("sk-0000000000000000", base_url=url, api_flavor=flavor, retry=retry, **given) as client:
        try:
            print(client.chat("hi").text, "".join(client.stream("hi").text_deltas()))
        except TransportError as error:
            print(error)
"""


@pytest.fixture(params=WIRES, ids=lambda wire: wire.flavor)
def wire(request: pytest.FixtureRequest) -> Wire:
    found: Wire = request.param
    return found


@pytest.fixture
def server(wire: Wire, certificate: Certificate) -> Iterator[RawServer]:
    def script(peer: Peer) -> None:
        while True:
            is_stream = b'"stream":true' in peer.read_request().body
            peer.send(answer(wire.stream, headers=[EVENTS]) if is_stream else answer(wire.body, headers=[JSON]))

    with RawServer(script, certificate) as server:
        yield server


def ask(server: RawServer, wire: Wire, how: str, authorities: str) -> str:
    names = {name: value for name, value in os.environ.items() if name not in ("SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")}
    return run_python(ASK, server.url, wire.flavor, how, env={**names, "SSL_CERT_FILE": authorities})


@pytest.mark.parametrize("how", ["default", "a session", "a context"])
def test_a_server_of_a_company_is_trusted_through_the_systems_store(
    how: str, server: RawServer, wire: Wire, certificate: Certificate
) -> None:
    assert ask(server, wire, how, certificate.file) == f"{TEXT} {TEXT}"


@pytest.mark.parametrize("how", ["default", "a session", "a context"])
def test_a_server_that_the_systems_store_does_not_know_is_refused(how: str, server: RawServer, wire: Wire) -> None:
    assert "is not accepted" in ask(server, wire, how, os.devnull)
