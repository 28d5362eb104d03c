"""A real tinyproxy, a real nginx and a SOCKS server between the client and the service."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import socketserver
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from support.eventually import eventually
from support.http_lab import failure, post
from support.ports import unused_port
from support.raw_server import Certificate, RawServer, echo
from support.run_python import run_python

from minimax_sync import LlmError, MiniMaxClient, RetryPolicy
from minimax_sync.emulator import Emulator
from minimax_sync.errors import RequestError, ResponseFormatError, ServerError, TransportError
from minimax_sync.net.session import Http

Ask = Callable[[MiniMaxClient], str]

EVERYWHERE = "0.0.0.0"  # as a target it leads to this machine, and is no loopback address to a client
"""The address of servers that a proxy is to be used for."""


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.contextmanager
def running(command: Sequence[str], port: int) -> Iterator[None]:
    """Run a server until it is no longer needed."""
    path = f"{os.environ['PATH']}{os.pathsep}/usr/sbin"
    program = shutil.which(command[0], path=path)
    assert program is not None, f"{command[0]} is not installed: scripts/test interop gets it"
    with subprocess.Popen([program, *command[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            assert eventually(lambda: answers(port))
            yield
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def tinyproxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a proxy that demands a password."""
    port, folder = unused_port(), tmp_path_factory.mktemp("tinyproxy")
    configuration = folder / "tinyproxy.conf"
    configuration.write_text(f"Port {port}\nListen 127.0.0.1\nTimeout 20\nBasicAuth user secret\n")
    with running(["tinyproxy", "-d", "-c", str(configuration)], port):
        yield f"http://user:secret@127.0.0.1:{port}"


@pytest.fixture(scope="session")
def everywhere(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(tmp_path_factory.mktemp("tls"), address=EVERYWHERE)


def test_https_goes_through_a_chosen_proxy(tinyproxy: str, everywhere: Certificate) -> None:
    http = Http(proxy=tinyproxy, verify=everywhere.file)
    with RawServer(echo, everywhere, address=EVERYWHERE) as server:
        for text in (b"one", b"two"):
            assert post(http, server.url, text).read() == text
        http.close()
    assert server.connections == 1
    assert all("proxy-authorization" not in request.headers for request in server.requests)


def test_https_goes_through_the_environments_proxy(
    tinyproxy: str, certificate: Certificate, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", tinyproxy)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate.file)
    with RawServer(echo, certificate) as server:
        assert post(http, server.url, b"x").read() == b"x"
        http.close()


def test_http_goes_through_a_chosen_proxy_but_not_to_loopback(tinyproxy: str) -> None:
    http = Http(proxy=tinyproxy)
    with RawServer(echo, address=EVERYWHERE) as server:
        assert post(http, server.url, b"x").read() == b"x"
        assert "via" in server.requests[-1].headers
        assert post(http, f"http://127.0.0.1:{server.port}", b"x").read() == b"x"
        assert "via" not in server.requests[-1].headers
        http.close()


def test_a_proxy_that_refuses_the_password_is_named_without_it(tinyproxy: str) -> None:
    wrong = tinyproxy.replace("secret", "canary")
    http = Http(proxy=wrong)
    error = failure(http, "https://api.minimax.io/v1")
    assert type(error) is TransportError
    assert f"through the proxy {tinyproxy.replace('user:secret@', '')}: the proxy refused it (40" in str(error)
    assert error.budget is None
    assert "canary" not in str(error)


@pytest.mark.parametrize("url", ["https://api.minimax.io/v1", "http://gateway.example/v1"])
def test_a_dead_proxy_is_named_without_its_password(url: str) -> None:
    port = unused_port()
    error = failure(Http(proxy=f"http://user:canary@127.0.0.1:{port}"), url)
    assert type(error) is TransportError
    assert f"through the proxy http://127.0.0.1:{port}: Connection refused" in str(error)
    assert "canary" not in str(error)
    assert error.budget == "server"


class Socks(socketserver.BaseRequestHandler):
    """As much of SOCKS 5 as a client without a password needs."""

    def handle(self) -> None:
        version, methods = self.request.recv(2)
        self.request.recv(methods)
        self.request.sendall(bytes((version, 0)))
        *_, kind = self.request.recv(4)
        size = 4 if kind == 1 else self.request.recv(1)[0]
        host = self.request.recv(size)
        (port,) = struct.unpack("!H", self.request.recv(2))
        address = socket.inet_ntoa(host) if kind == 1 else host.decode()
        with socket.create_connection((address, port)) as target:
            self.request.sendall(bytes((version, 0, 0, 1)) + bytes(6))
            back = threading.Thread(target=pump, args=(target, self.request))
            back.start()
            pump(self.request, target)
            back.join()


def pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_https_goes_through_a_socks_proxy(
    certificate: Certificate, own: Http, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate.file)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Socks) as proxy, RawServer(echo, certificate) as server:
        threading.Thread(target=proxy.serve_forever, args=(0.01,)).start()
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://127.0.0.1:{proxy.server_address[1]}")
        assert post(own, server.url, b"one").read() == b"one"
        assert post(own, server.url, b"two").read() == b"two"
        assert server.connections == 1
        own.close()
        proxy.shutdown()


def test_socks_without_its_package_names_the_package() -> None:
    code = """
        import sys
        sys.modules["socks"] = None
        import time
        from minimax_sync.errors import TransportError
        from minimax_sync.net.session import Http

        try:
            Http(proxy="socks5h://127.0.0.1:9").exchange(
                "GET", "https://api.minimax.io", headers={}, deadline=time.monotonic() + 5
            )
        except TransportError as error:
            print(error, error.budget)
    """
    text = run_python(code)
    assert "pip install requests[socks]" in text
    assert text.endswith("None")


NGINX = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder};
    proxy_temp_path {folder};
    fastcgi_temp_path {folder};
    uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    proxy_http_version 1.1;
    server {{
        listen 127.0.0.1:{port};
        client_max_body_size 4k;
        location /alive/ {{ proxy_pass {upstream}/; proxy_buffering off; gzip on; gzip_types *; keepalive_requests 2; }}
        location /dead/ {{ proxy_pass http://127.0.0.1:{dead}/; }}
        location /slow/ {{ proxy_pass http://127.0.0.1:{silent}/; proxy_read_timeout 1s; }}
        location / {{ return 404; }}
        location /moved/ {{ return 308 https://moved.example/v1?token=canary; }}
    }}
    server {{
        listen 127.0.0.1:{secure} ssl;
        ssl_certificate {certificate.file};
        ssl_certificate_key {certificate.key};
        ssl_client_certificate {certificate.file};
        ssl_verify_client on;
        location / {{ proxy_pass {upstream}/; }}
    }}
}}
"""


@pytest.fixture
def nginx(emulator: Emulator, certificate: Certificate, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Give the URLs of a gateway in front of the emulator, one that wants a client certificate among them."""
    port, secure, folder = unused_port(), unused_port(), tmp_path / "nginx"
    folder.mkdir()
    silent = socket.create_server(("127.0.0.1", 0))
    configuration = folder / "nginx.conf"
    configuration.write_text(
        NGINX.format(
            folder=folder,
            port=port,
            secure=secure,
            dead=unused_port(),
            silent=silent.getsockname()[1],
            upstream=emulator.url,
            certificate=certificate,
        )
    )
    with silent, running(["nginx", "-p", str(folder), "-c", str(configuration)], port):
        yield {"plain": f"http://127.0.0.1:{port}", "secure": f"https://127.0.0.1:{secure}"}


@pytest.fixture
def through(nginx: dict[str, str], emulator: Emulator, flavor: str) -> Iterator[Callable[[str], MiniMaxClient]]:
    """Make clients that reach the emulator through a location of the gateway."""
    with contextlib.ExitStack() as stack:

        def client(location: str) -> MiniMaxClient:
            tail = "/v1" if flavor == "openai" else "/anthropic"
            return stack.enter_context(
                MiniMaxClient(
                    emulator.api_key,
                    base_url=f"{nginx['plain']}/{location}{tail}",
                    requests_per_second=None,
                    retry=RetryPolicy(server_attempts=1, rate_limit_attempts=1),
                )
            )

        yield client


def test_calls_pass_a_gateway_that_closes_its_connections(
    through: Callable[[str], MiniMaxClient], ask: Ask, emulator: Emulator
) -> None:
    client = through("alive")
    for _ in range(7):
        assert ask(client) == 'You said: "hi".'
    assert len(emulator.journal) == 7


@pytest.mark.parametrize(
    ("location", "kind", "title"),
    [
        ("dead", ServerError, "502 Bad Gateway"),
        ("slow", ServerError, "504 Gateway Time-out"),
        ("nowhere", RequestError, "404 Not Found"),
    ],
)
def test_a_gateways_error_page_gives_its_title(
    through: Callable[[str], MiniMaxClient], ask: Ask, location: str, kind: type[LlmError], title: str
) -> None:
    with pytest.raises(kind, match=title) as caught:
        ask(through(location))
    assert "<" not in str(caught.value)


def test_a_gateways_limit_of_a_request_gives_its_title(through: Callable[[str], MiniMaxClient]) -> None:
    with pytest.raises(RequestError, match="413 Request Entity Too Large"):
        through("alive").chat("x" * 10_000)


def test_a_gateways_redirect_names_its_host_alone(through: Callable[[str], MiniMaxClient], ask: Ask) -> None:
    with pytest.raises(ResponseFormatError, match=r"another address \(https://moved\.example\);") as caught:
        ask(through("moved"))
    assert "canary" not in str(caught.value)


def test_a_gateway_that_wants_a_client_certificate_is_reported_as_that(
    nginx: dict[str, str], certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate.file)
    client = MiniMaxClient("a-long-enough-key", base_url=f"{nginx['secure']}/v1", requests_per_second=None)
    with client, pytest.raises(RequestError, match="400 No required SSL certificate was sent"):
        client.chat("hi")


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4"])
def test_a_dead_socks_proxy_is_named_with_the_reason(scheme: str) -> None:
    proxy = f"{scheme}://127.0.0.1:{unused_port()}"
    with pytest.raises(TransportError) as caught:
        post(Http(proxy=proxy), "https://api.minimax.io/v1", b"")
    assert str(caught.value) == f"no connection to https://api.minimax.io through the proxy {proxy}: Connection refused"


def test_a_socks_proxy_that_refuses_says_why() -> None:
    class Refusing(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(64)
            self.request.sendall(b"\x05\xff")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        proxy = f"socks5h://127.0.0.1:{server.server_address[1]}"
        with pytest.raises(TransportError, match=r"authentication methods were rejected$"):
            post(Http(proxy=proxy), "https://api.minimax.io/v1", b"")
        server.shutdown()
