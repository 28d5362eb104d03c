"""The emulator's sockets and threads: framing, many calls at once, and a start and stop that leave nothing."""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.emulator_calls import (
    CHAT,
    CODE_FORM,
    FORM,
    OPENAI,
    bearer,
    connect,
    form,
    get,
    openai,
    post,
    refresh_form,
)
from support.eventually import eventually
from support.run_python import run_python

from minimax_sync import MiniMaxClient
from minimax_sync.emulator import Emulator


def test_a_connection_serves_many_calls(minimax_emulator: Emulator) -> None:
    connection = connect(minimax_emulator)
    ids = set()
    for stream in (False, True, False):
        connection.request("POST", OPENAI, json.dumps(openai(stream=stream)), bearer(minimax_emulator.api_key))
        response = connection.getresponse()
        ids.add(response.headers["minimax-request-id"])
        assert response.read().strip().endswith(b"}")
        assert connection.sock is not None
    connection.close()
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("Transfer-Encoding: chunked", 411),
        ("Content-Length: 12x", 400),
        ("Content-Length: -1", 400),
        ("Content-Length: 99999999999999", 413),
        ("Content-Length: 99999999999999999999999999", 413),
    ],
)
def test_a_body_of_unknown_or_impossible_length_is_refused(
    minimax_emulator: Emulator, headers: str, status: int
) -> None:
    raw = _raw(minimax_emulator, f"POST {OPENAI} HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n")
    assert raw.startswith(f"HTTP/1.1 {status} ".encode())


def test_a_stream_to_an_http_1_0_client_ends_with_the_connection(minimax_emulator: Emulator) -> None:
    body = json.dumps(openai(stream=True))
    head = f"POST {OPENAI} HTTP/1.0\r\nAuthorization: Bearer {minimax_emulator.api_key}\r\n"
    raw = _raw(minimax_emulator, f"{head}Content-Length: {len(body)}\r\n\r\n{body}")
    assert b"chunked" not in raw
    assert raw.partition(b"\r\n\r\n")[2].startswith(b"data: {")


def test_a_client_that_leaves_in_the_middle_of_its_body_is_not_served(minimax_emulator: Emulator) -> None:
    with socket.create_connection(("127.0.0.1", _port(minimax_emulator))) as raw:
        raw.sendall(f"POST {OPENAI} HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf".encode())
        raw.shutdown(socket.SHUT_WR)
        assert raw.recv(100) == b""
    assert minimax_emulator.journal == []


def _port(emulator: Emulator) -> int:
    return int(emulator.url.rpartition(":")[2])


def _raw(emulator: Emulator, request: str) -> bytes:
    with socket.create_connection(("127.0.0.1", _port(emulator)), timeout=5) as raw:
        raw.sendall(request.encode())
        received = b""
        while piece := raw.recv(65536):
            received += piece
    return received


def test_delay_stands_before_every_event(minimax_emulator: Emulator) -> None:
    minimax_emulator.answer("A few words.", delay=0.02)
    began = time.monotonic()
    events = post(minimax_emulator, OPENAI, openai(stream=True)).events
    assert time.monotonic() - began >= 0.02 * len(events)


def test_many_streams_run_at_once_without_mixing_their_texts(minimax_emulator: Emulator) -> None:
    def stream(number: int) -> bool:
        messages = [{"role": "user", "content": f"call {number}."}]
        events = post(minimax_emulator, OPENAI, openai(messages, stream=True)).events
        text = "".join(event["choices"][0]["delta"].get("content", "") for event in events)
        return text == f'You said: "call {number}.".'

    with ThreadPoolExecutor(40) as pool:
        assert all(pool.map(stream, range(120)))
    assert len(minimax_emulator.journal) == 120


def test_stopping_is_quick_and_leaves_no_thread_whatever_is_in_flight() -> None:
    before = set(threading.enumerate())
    descriptors = _descriptors()
    emulator = Emulator().start()
    emulator.fault("stall")
    emulator.answer("slow", delay=30.0)
    emulator.portal.latency_before_commit = 30.0
    clients = [connect(emulator) for _ in range(4)]
    body = json.dumps(openai(stream=True))
    for client in clients[:2]:
        client.request("POST", OPENAI, body, bearer(emulator.api_key))
    form = refresh_form(emulator.portal.issue()["refresh_token"])
    clients[2].request("POST", "/oauth/token", form, FORM)
    clients[3].connect()
    eventually(lambda: len(emulator.journal) == 3)
    began = time.monotonic()
    emulator.stop()
    assert time.monotonic() - began < 1.0
    assert set(threading.enumerate()) == before
    for client in clients:
        client.close()
    assert _descriptors() == descriptors
    emulator.stop()


def _descriptors() -> int:
    return len(os.listdir("/dev/fd"))


def test_a_stopped_emulator_refuses_connections_and_keeps_its_journal() -> None:
    with Emulator() as emulator:
        post(emulator, OPENAI, CHAT)
    with pytest.raises(ConnectionRefusedError):
        get(emulator, "/v1/models")
    assert len(emulator.journal) == 1


def test_an_emulator_can_be_started_again_on_its_port() -> None:
    with Emulator() as first:
        port = _port(first)
    again = Emulator(port=port)
    for _ in range(2):
        with again:
            assert again.url == f"http://127.0.0.1:{port}"
            assert post(again, OPENAI, CHAT).status == 200


def test_a_port_in_use_is_an_error_that_names_it(minimax_emulator: Emulator) -> None:
    port = _port(minimax_emulator)
    with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1 port {port}: .*in use") as caught:
        Emulator(port=port).start()
    assert caught.value.errno == errno.EADDRINUSE


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6 loopback")
def test_the_emulator_listens_on_ipv6_too() -> None:
    with Emulator("::1") as emulator:
        assert emulator.url.startswith("http://[::1]:")
        assert emulator.base_url == f"{emulator.url}/v1"
        with MiniMaxClient(emulator.api_key, base_url=emulator.base_url, requests_per_second=None) as client:
            assert client.chat("Hi").text == 'You said: "Hi".'
        code = form(emulator, "/oauth2/device/code", **CODE_FORM).value
    assert code["verification_uri"].startswith(f"{emulator.url}/oauth-authorize?user_code=")


def test_an_emulator_that_was_not_started_has_no_url() -> None:
    with pytest.raises(RuntimeError, match="has not been started"):
        _ = Emulator().url


def test_serving_for_ever_ends_with_stop() -> None:
    emulator = Emulator()
    emulator.start()
    thread = threading.Thread(target=emulator.serve_forever)
    thread.start()
    assert post(emulator, OPENAI, CHAT).status == 200
    emulator.stop()
    thread.join(5)
    assert not thread.is_alive()


FORKING = """
import os, socket, sys, time
from minimax_sync.emulator import Emulator
with Emulator() as emulator:
    host, port = emulator.url[7:].split(":")
    client = socket.create_connection((host, int(port)))
    client.sendall(b"GET /v1/models HTTP/1.1\\r\\n\\r\\n")
    client.recv(65536)
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        client.close()
        theirs.sendall(b"up")
        theirs.recv(1)
        os._exit(0)
    theirs.close()
    ours.recv(2)
address = (host, int(port))
with socket.socket() as probe:
    print(probe.connect_ex(address) != 0, client.recv(1) == b"")
client.close()
ours.close()
os.waitpid(child, 0)
"""


def test_a_forked_child_keeps_no_connection_open() -> None:
    assert run_python(FORKING, flags=("-W", "ignore::DeprecationWarning")).split() == ["True", "True"]


def test_the_package_imports_only_the_standard_library() -> None:
    program = """
import sys
import minimax_sync.emulator
assert "http.server" not in sys.modules, "loading the package must cost nothing"
from minimax_sync.emulator import Emulator
Emulator()
foreign = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names) - {"minimax_sync"}
package = {name for name in sys.modules if name.startswith("minimax_sync.")}
own = {name for name in package if not name.startswith("minimax_sync.emulator")}
print(sorted(name for name in foreign if not name.startswith("_")), sorted(own))
"""
    assert run_python(program, flags=("-S",), env=_source_path()) == "[] []"


def _source_path() -> dict[str, str]:
    import minimax_sync

    return {"PYTHONPATH": str(Path(minimax_sync.__file__).parent.parent)}


def test_names_that_do_not_exist_are_an_attribute_error() -> None:
    import minimax_sync.emulator as package

    assert "Emulator" in dir(package)
    with pytest.raises(AttributeError, match="Emulater"):
        _ = package.Emulater
