"""B2, B11, B17, B23: what else may get into a request, or between it and the server."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from support.http_lab import failure, post
from support.raw_server import Certificate, Peer, RawServer, answer, echo

from minimax_sync.errors import ConfigError, TransportError
from minimax_sync.net.session import Http


def test_B2_netrc_does_not_replace_the_bearer(http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with RawServer(echo) as server:
        post(http, server.url).read()
        post(http, server.url, headers={}).read()
    assert server.requests[0].headers["authorization"] == "Bearer canary"
    assert "authorization" not in server.requests[1].headers


def test_B11_http_never_goes_through_a_proxy_of_the_environment(own: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(echo) as proxy, RawServer(echo) as server:
        for name in ("http_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert post(own, server.url, b"direct").read() == b"direct"
    assert proxy.connections == 0


def tunnel_to(target: RawServer, refusal: bytes = b"") -> Callable[[Peer], None]:
    """Make a proxy's script: it connects a client to `target`, whatever was asked for, or refuses."""

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)

    def script(peer: Peer) -> None:
        peer.read_request()
        if refusal:
            peer.send(refusal)
            return
        with socket.create_connection((target.address, target.port)) as upstream:
            peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(upstream, peer.sock))
            back.start()
            pump(peer.sock, upstream)
            with contextlib.suppress(OSError):
                upstream.shutdown(socket.SHUT_RDWR)
            back.join()

    return script


def test_B11_https_goes_through_the_proxy_of_the_environment_and_the_bearer_only_to_the_target(
    http: Http, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate.file)
    with RawServer(echo, certificate) as server, RawServer(tunnel_to(server)) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        for text in (b"one", b"two"):
            assert post(http, server.url, text).read() == text
        assert proxy.connections == 1
        http.close()
    assert proxy.requests[0].line == f"CONNECT 127.0.0.1:{server.port} HTTP/1.1" or "HTTP/1.0" in proxy.requests[0].line
    assert "authorization" not in proxy.requests[0].headers
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer canary"] * 2


@pytest.mark.parametrize(("status", "budget"), [("407 No", None), ("503 Busy", "server")])
def test_B11_a_proxy_that_refuses_is_named_and_only_its_own_trouble_is_retried(
    http: Http, certificate: Certificate, monkeypatch: pytest.MonkeyPatch, status: str, budget: str | None
) -> None:
    with RawServer(echo, certificate) as server, RawServer(tunnel_to(server, answer(status=status))) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        error = failure(http, server.url)
    assert type(error) is TransportError
    assert error.budget == budget
    assert "proxy refused" in str(error)


def test_B11_a_proxy_with_a_certificate_of_its_own_is_trusted_by_the_same_authorities(
    own: Http, certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Certificate.make(tmp_path, address="127.0.0.2")
    both = tmp_path / "both.pem"
    both.write_text(Path(certificate.file).read_text() + Path(other.file).read_text())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(both))
    with (
        RawServer(echo, certificate) as server,
        RawServer(tunnel_to(server), other, address="127.0.0.2") as proxy,
    ):
        monkeypatch.setenv("https_proxy", proxy.url)
        assert post(own, server.url, b"x").read() == b"x"
        own.close()
        unknown = Http(verify=certificate.file)
        error = failure(unknown, server.url)
    assert type(error) is TransportError
    assert f"through the proxy {proxy.url} is not accepted" in str(error)


def test_B11_no_proxy_is_honoured(own: Http, certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURL_CA_BUNDLE", certificate.file)
    with RawServer(echo) as proxy, RawServer(echo, certificate) as server:
        monkeypatch.setenv("https_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert post(own, server.url, b"direct").read() == b"direct"
    assert proxy.connections == 0


def test_B11_the_environment_does_not_outrank_the_ca_that_a_users_session_chose(
    certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", Certificate.make(tmp_path, address="127.0.0.9").file)
    with requests.Session() as session, RawServer(echo, certificate) as server:
        session.verify = certificate.file
        assert post(Http(session), server.url, b"x").read() == b"x"


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_B11_a_ca_file_that_cannot_be_used_is_named(
    own: Http, certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
    with RawServer(echo, certificate) as server:
        error = failure(own, server.url)
    assert type(error) is ConfigError
    assert str(file) in str(error)


def test_B11_a_ca_file_of_a_users_session_that_is_not_there_is_named(certificate: Certificate) -> None:
    with requests.Session() as session, RawServer(echo, certificate) as server:
        session.verify = "/nowhere/authorities.pem"
        error = failure(Http(session), server.url)
    assert type(error) is ConfigError
    assert "/nowhere/authorities.pem" in str(error)


def test_B23_every_thread_sends_its_own_token_whatever_happens_to_the_session() -> None:
    stop = threading.Event()
    session = requests.Session()
    http = Http(session)

    def mutate() -> None:
        while not stop.is_set():
            session.headers["Authorization"] = "Bearer wrong"
            session.headers["User-Agent"] = "other"

    def calls(number: int) -> list[bytes]:
        headers = {"Authorization": f"Bearer {number}"}
        return [post(http, server.url, b"%d" % number, headers=headers).read() for _ in range(30)]

    interval = sys.getswitchinterval()
    session.headers["Authorization"] = "Bearer wrong"
    with RawServer(echo) as server, ThreadPoolExecutor(9) as pool:
        sys.setswitchinterval(1e-6)
        try:
            mutator = pool.submit(mutate)
            results = list(pool.map(calls, range(8)))
        finally:
            stop.set()
            sys.setswitchinterval(interval)
        mutator.result()
    assert results == [[b"%d" % number] * 30 for number in range(8)]
    assert all(request.headers["authorization"] == f"Bearer {request.body.decode()}" for request in server.requests)
