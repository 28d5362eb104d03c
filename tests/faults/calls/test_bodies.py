"""B18 to B21: answers to a call that are huge, slow, silent or cut."""

from __future__ import annotations

import time
from typing import Any

import pytest
from support.raw_server import Peer, RawServer
from support.run_python import run_python
from support.wire_server import EVENTS, JSON, Wire, failure, framed, replies, whole

from minimax_sync import CallTimeoutError, CredentialInvalidError, RequestError, ServerError, TransportError

# B18

BOMBS = """
    import pathlib, re, sys
    from minimax_sync import LlmError, MiniMaxClient, RetryPolicy

    def peak():
        return int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])

    url, flavor, how = sys.argv[1:]
    client = MiniMaxClient(
        "key", base_url=url, api_flavor=flavor, requests_per_second=None, retry=RetryPolicy(server_attempts=1)
    )
    ask = {"chat": lambda: client.chat("hi"), "stream": lambda: client.stream("hi").response}[how]
    ask()
    before = peak()
    try:
        ask()
    except LlmError as error:
        print(peak() - before, type(error).__name__, len(error.body))
    client.close()
"""

MIB = 1 << 20


def bomb(status: str, kind: str, begin: bytes, block: bytes, size: int) -> Any:
    """Make a step that sends `begin` and then `block` again and again, `size` MiB of it, packed."""
    pieces = framed([begin, *[block * (MIB // len(block))] * size], "gzip", kind=kind)

    def step(peer: Peer) -> None:
        peer.send(pieces[0].replace(b"200 OK", status.encode()), *pieces[1:])

    return step


@pytest.mark.parametrize(
    ("how", "status", "kind", "begin", "block", "size", "most_mib", "expected"),
    [
        ("chat", "500 Oops", JSON, b"", b"x", 100, 4, "ServerError 65536"),
        ("chat", "200 OK", JSON, b'{"a": "', b"x", 100, 80, "ResponseFormatError 0"),
        ("stream", "200 OK", JSON, b'{"a": "', b"x", 100, 80, "ResponseFormatError 0"),
        ("stream", "200 OK", EVENTS, b"data: ", b"x", 100, 30, "ResponseFormatError 0"),
        ("stream", "200 OK", EVENTS, b"", b"data:xxxxxxx\n", 40, 50, "ResponseFormatError 0"),
        ("stream", "200 OK", EVENTS, b"", b": ping\n\n", 8, 4, "StreamInterruptedError 0"),
    ],
    ids=["error", "answer", "answer to a stream", "one line", "one event", "keep-alives"],
)
def test_B18_no_body_costs_more_memory_than_its_bound(
    wire: Wire,
    how: str,
    status: str,
    kind: str,
    begin: bytes,
    block: bytes,
    size: int,
    most_mib: int,
    expected: str,
) -> None:
    step = bomb(status, kind, begin, block, size)
    with RawServer(replies(whole(wire, how), step)) as server:
        peak, found = run_python(BOMBS, server.url, wire.flavor, how).split(" ", 1)
    assert found == expected
    assert int(peak) / 1024 < most_mib


def test_B18_an_errors_body_is_kept_up_to_64_kib_and_its_connection_not_read_to_the_end(wire: Wire, how: str) -> None:
    def flood(peer: Peer) -> None:
        peer.send(b"HTTP/1.1 400 No\r\nConnection: close\r\n\r\n")
        while True:
            peer.send(b"y" * 65536)

    with RawServer(replies(flood)) as server:
        error = failure(wire.client(server), how)
        assert server.wait_until(lambda: not server.open_connections)
    assert type(error) is RequestError
    assert error.body == "y" * 65536
    assert len(str(error)) < 600


# B19, B20, B21


@pytest.mark.parametrize("part", ["head", "body", "error"])
def test_B19_a_dripping_server_is_left_at_the_timeout(wire: Wire, how: str, part: str) -> None:
    def drip(peer: Peer) -> None:
        if part == "head":
            peer.drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000, 0.02)
        status = "500 Oops" if part == "error" else "200 OK"
        peer.send(f"HTTP/1.1 {status}\r\n{JSON}\r\nContent-Length: 1000\r\n\r\n".encode())
        peer.drip(b" " * 1000, 0.02)

    with RawServer(replies(drip)) as server:
        began = time.monotonic()
        error = failure(wire.client(server, timeout=0.3, idle_timeout=0.2), how)
        assert 0.2 < time.monotonic() - began < 3
        assert server.wait_until(lambda: not server.open_connections)
    assert isinstance(error, ServerError if part == "error" else CallTimeoutError)
    assert len(server.requests) == 1


def test_B19_an_error_whose_body_does_not_come_is_raised_soon(
    wire: Wire, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minimax_sync.calls.refusals.ERROR_BODY_TIME", 0.1)

    def stall(peer: Peer) -> None:
        peer.send(b"HTTP/1.1 403 No\r\nContent-Length: 1000\r\n\r\nno")
        peer.stall()

    with RawServer(replies(stall)) as server:
        began = time.monotonic()
        error = failure(wire.client(server), how)
        assert time.monotonic() - began < 1
    assert type(error) is CredentialInvalidError
    assert error.body == "no"


@pytest.mark.parametrize("framing", ["length", "chunked", "gzip"])
def test_B21_an_answer_cut_before_its_end_is_an_error_even_when_its_json_is_complete(wire: Wire, framing: str) -> None:
    step = b"".join(framed([wire.body], framing, kind=JSON, end=False))

    with RawServer(replies(lambda peer: peer.send(step))) as server:
        error = failure(wire.client(server), "chat")
    assert type(error) is TransportError
    assert error.budget is None
    assert len(server.requests) == 1
