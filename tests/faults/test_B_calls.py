"""Group B, one call through the public client, on both wires: what is raised, what is sent again, and when it ends."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import secrets_canary
import wire_server
from raw_server import Certificate, Peer, RawServer, answer, chunked
from secrets_canary import KEY, PROMPT, TOKEN
from wire_server import EVENTS, JSON, QUICK, TEXT, Step, Wire, ask, failing, framed, replies, sse, whole

from minimax_sync import (
    AmbiguousResultError,
    AttemptFailed,
    CallTimeoutError,
    ContentFilteredError,
    ContextLengthError,
    CredentialInvalidError,
    InsufficientBalanceError,
    LlmError,
    QuotaExceededError,
    RateLimitError,
    RequestError,
    ResponseFormatError,
    RetryPolicy,
    ServerError,
    StreamInterruptedError,
    TransportError,
)

watch, wire, how = secrets_canary.watch, wire_server.wire, wire_server.how


def failure(client: Any, how: str, **options: Any) -> LlmError:
    """Ask, and return the error that this must end with."""
    with client, pytest.raises(LlmError) as caught:
        ask(client, how, **options)
    return caught.value


# B3, B8: codes

CODES: dict[int, type[LlmError]] = {
    **dict.fromkeys((1002, 1041, 2045, 2046, 2047), RateLimitError),
    **dict.fromkeys((1028, 1030, 2056, 2057, 2062, 2067), QuotaExceededError),
    **dict.fromkeys((1000, 1001, 1013, 1024, 1033), ServerError),
    **dict.fromkeys((1004, 2049), CredentialInvalidError),
    1008: InsufficientBalanceError,
    **dict.fromkeys((1026, 1027), ContentFilteredError),
    1039: ContextLengthError,
    **dict.fromkeys((1042, 2013, 2061), RequestError),
    1999: RequestError,
}
ATTEMPTS: dict[type[LlmError], int] = {RateLimitError: 5, ServerError: 3}

SHAPES: dict[str, Callable[[int], dict[str, Any]]] = {
    "base_resp": lambda code: {"id": "r1", "choices": None, "base_resp": {"status_code": code, "status_msg": "no"}},
    "base_resp without choices": lambda code: {"base_resp": {"status_code": str(code), "status_msg": "no"}},
    "error": lambda code: {"error": {"message": f"no ({code})", "type": "bad_request_error", "code": str(code)}},
    "typed error": lambda code: {
        "type": "error",
        "error": {"type": "bad_request_error", "message": f"no ({code})", "http_code": "400"},
        "request_id": "r1",
    },
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("carrier", ["json", "json to a stream", "event", "error event"])
def test_B3_a_code_in_a_200_has_its_own_error_and_its_own_retries(wire: Wire, shape: str, carrier: str) -> None:
    how = "chat" if carrier == "json" else "stream"
    for code, kind in CODES.items():
        body = SHAPES[shape](code)
        if carrier.startswith("json"):
            step = answer(json.dumps(body).encode(), headers=[JSON])
        else:
            step = b"".join(framed([sse(body, "error" if carrier == "error event" else "")], "chunked"))
        with RawServer(replies(step)) as server:
            error = failure(wire.client(server), how)
        assert type(error) is kind, code
        assert error.code == code
        assert len(server.requests) == ATTEMPTS.get(kind, 1), code
        if "r1" in str(body):
            assert error.request_id == "r1"


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "429 Slow", "500 Oops", "529 Busy"])
@pytest.mark.parametrize("code", [1002, 1008, 1033, 2013, 2056, 2061])
def test_B8_the_code_outranks_the_status(wire: Wire, how: str, status: str, code: int) -> None:
    until = "2031-05-15T15:00:00Z"
    error_type = "insufficient_balance_error" if code == 1008 else "bad_request_error"
    body = {"type": "error", "error": {"type": error_type, "message": f"no, resets at {until} ({code})"}}
    with RawServer(replies(failing(status, json.dumps(body).encode()))) as server:
        error = failure(wire.client(server), how)
    assert type(error) is CODES[code]
    assert error.code == code
    assert len(server.requests) == ATTEMPTS.get(CODES[code], 1)
    if isinstance(error, QuotaExceededError):
        assert error.resets_at == datetime(2031, 5, 15, 15, tzinfo=timezone.utc)


STATUSES = {
    400: (RequestError, 1),
    401: (CredentialInvalidError, 1),
    403: (CredentialInvalidError, 1),
    404: (RequestError, 1),
    408: (ServerError, 3),
    413: (RequestError, 1),
    429: (RateLimitError, 5),
    500: (ServerError, 3),
    502: (ServerError, 3),
    503: (ServerError, 3),
    529: (ServerError, 3),
    301: (ResponseFormatError, 1),
    307: (ResponseFormatError, 1),
}


@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"nothing here", b"{", b"[1]", b'"x"', b"\xff\xfe", b"null"])
def test_B3_without_a_code_the_status_decides_whatever_the_body_is(wire: Wire, how: str, body: bytes) -> None:
    for status, (kind, attempts) in STATUSES.items():
        with RawServer(replies(answer(body, f"{status} X"))) as server:
            error = failure(wire.client(server), how)
        assert type(error) is kind, status
        assert error.status == status
        assert len(server.requests) == attempts, status


# B4: pages

PAGES = (b"<!DOCTYPE html><html><body>Sign in to the hotel's network</body></html>", b"\r\n  <html></html>")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/xhtml+xml", "text/plain", ""])
def test_B4_a_page_instead_of_an_answer_is_named_as_one(wire: Wire, how: str, page: bytes, kind: str) -> None:
    with RawServer(replies(answer(page, headers=[f"Content-Type: {kind}"] if kind else []))) as server:
        error = failure(wire.client(server), how)
    assert type(error) is ResponseFormatError
    assert error.status == 200
    assert "it is a page" in str(error)
    assert "<html" in error.body
    assert "hotel" not in str(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "204 No Content"])
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", ""])
def test_B4_an_empty_answer_is_no_answer(wire: Wire, how: str, status: str, kind: str) -> None:
    with RawServer(replies(answer(b"", status, [f"Content-Type: {kind}"] if kind else []))) as server:
        error = failure(wire.client(server), how)
    assert type(error) is ResponseFormatError
    assert "empty" in str(error)
    if how == "stream":
        assert error.partial is not None


# B5, B6: lost connections


def test_B5_an_answer_cut_anywhere_in_its_head_is_ambiguous_and_not_sent_again(wire: Wire, how: str) -> None:
    head = whole(wire, how).partition(b"\r\n\r\n")[0] + b"\r\n"

    for end in (Peer.finish, Peer.reset):

        def script(peer: Peer) -> None:
            peer.read_request()
            peer.send(head[: peer.number])
            peer.wait(0.002)
            end(peer)  # noqa: B023  # the server ends before the next turn of the loop

        with RawServer(script) as server, wire.client(server) as client:
            for _ in range(len(head)):
                with pytest.raises(AmbiguousResultError) as caught:
                    ask(client, how)
                assert not isinstance(caught.value, CallTimeoutError)
        assert len(server.requests) == len(head)


def test_B5_who_asks_for_it_has_a_lost_call_sent_again(wire: Wire, how: str) -> None:
    steps: list[Step] = [Peer.finish, Peer.reset, whole(wire, how)]
    policy = RetryPolicy(initial_backoff_ms=1, max_backoff_ms=2, resend_ambiguous=True)
    with RawServer(replies(*steps)) as server, wire.client(server, retry=policy) as client:
        assert ask(client, how).text == TEXT
    assert len(server.requests) == 3


def test_B5_silence_after_sending_is_not_sent_again(wire: Wire, how: str) -> None:
    with RawServer(replies(Peer.stall)) as server:
        error = failure(wire.client(server, idle_timeout=0.1), how)
    assert isinstance(error, CallTimeoutError)
    assert error.sent
    assert len(server.requests) == 1


def test_B6_a_kept_connection_that_the_server_closed_costs_no_call(wire: Wire, how: str) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(whole(wire, how))
        peer.read_request()

    with RawServer(script) as server, wire.client(server) as client:
        assert ask(client, how).text == TEXT
        server.script = replies(whole(wire, how))
        assert ask(client, how).text == TEXT
    assert [request.connection for request in server.requests] == [0, 0, 1]


# B7, B12: how long it may take


def _date(**ago: float) -> str:
    return format_datetime(datetime.now(timezone.utc) + timedelta(**ago), usegmt=True)


NOT_A_WAIT = ("-5", "nan", "inf", "1e3", "soon", "", "0x10", "١", "9" * 400, "5,5", "Fri, 32 Foo 2026 99:99:99 GMT")


@pytest.mark.parametrize("status", ["429 Slow", "503 Busy"])
def test_B7_a_retry_after_that_is_none_leaves_the_backoff(wire: Wire, how: str, status: str) -> None:
    for value in NOT_A_WAIT:
        steps = [failing(status, headers=[f"Retry-After: {value}".encode().decode("latin-1")]), whole(wire, how)]
        with RawServer(replies(*steps)) as server, wire.client(server) as client:
            began = time.monotonic()
            assert ask(client, how).text == TEXT
            assert time.monotonic() - began < 1, value


@pytest.mark.parametrize("status", ["429 Slow", "503 Busy", "200 OK"])
def test_B7_a_wait_beyond_the_timeout_is_not_begun(wire: Wire, how: str, status: str) -> None:
    body = b'{"base_resp": {"status_code": 1002, "status_msg": "slow"}}'
    for value, at_least, at_most in (
        ("20", 20_000, 20_000),
        ("999999", 999_999_000, 999_999_000),
        ("30.5", 30_500, 30_500),
        (_date(hours=1), 3_590_000, 3_600_000),
    ):
        with RawServer(replies(failing(status, body, [f"Retry-After: {value}"]))) as server:
            began = time.monotonic()
            error = failure(wire.client(server, timeout=5.0), how)
        assert time.monotonic() - began < 1
        assert error.retry_after_ms is not None
        assert at_least <= error.retry_after_ms <= at_most, value
        assert len(server.requests) == 1


@pytest.mark.parametrize("value", ["0", "0.0", "past"])
def test_B7_a_retry_after_that_has_passed_is_none_to_wait(wire: Wire, how: str, value: str) -> None:
    told = _date(hours=-1) if value == "past" else value
    steps = [failing("429 Slow", headers=[f"Retry-After: {told}"]), whole(wire, how)]
    with RawServer(replies(*steps)) as server, wire.client(server) as client:
        assert ask(client, how).text == TEXT
    assert len(server.requests) == 2


def test_B7_a_retry_after_is_waited_for_with_some_spread(wire: Wire, how: str) -> None:
    steps = [failing("429 Slow", headers=["Retry-After: 0.2"]), whole(wire, how)]
    with RawServer(replies(*steps)) as server, wire.client(server) as client:
        began = time.monotonic()
        ask(client, how)
        assert 0.2 <= time.monotonic() - began < 2.0


class Rotating:
    """Credentials whose tokens change with every refresh; notes what time it was given."""

    def __init__(self) -> None:
        self.refreshes = 0
        self.given: list[float] = []

    def bearer(self, timeout: float | None = None) -> str:
        """Return the current token."""
        assert timeout is not None
        self.given.append(timeout)
        return f"{TOKEN}-{self.refreshes}"

    def force_refresh(self, rejected: str, timeout: float | None = None) -> str:
        """Change the token, slowly."""
        assert timeout is not None
        self.given.append(timeout)
        time.sleep(0.1)
        self.refreshes += 1
        return f"{TOKEN}-{self.refreshes}"


def test_B12_one_deadline_stands_over_retries_waits_and_refreshes(wire: Wire, how: str) -> None:
    auth = Rotating()
    steps = [
        failing("429 Slow", headers=["Retry-After: 0.2"]),
        failing("401 No"),
        failing("503 Busy", headers=["Retry-After: 0.2"]),
        failing("429 Slow", headers=["Retry-After: 1.8"]),
    ]
    with RawServer(replies(*steps)) as server, wire.client(server, auth=auth, timeout=2.0) as client:
        began = time.monotonic()
        with pytest.raises(RateLimitError):
            ask(client, how)
        took = time.monotonic() - began
    assert 0.5 <= took < 1.8
    assert auth.refreshes == 1
    assert len(server.requests) == 4
    assert all(0 < later < earlier <= 2.0 for earlier, later in zip(auth.given, auth.given[1:], strict=False))


def test_B12_a_server_that_always_asks_for_more_time_ends_with_the_timeout(wire: Wire, how: str) -> None:
    patient = RetryPolicy(rate_limit_attempts=1000, server_attempts=1000, initial_backoff_ms=1, max_backoff_ms=5)
    steps = [failing("429 Slow", headers=["Retry-After: 0.05"]), failing("503 Busy")] * 100
    with RawServer(replies(*steps)) as server, wire.client(server, retry=patient, timeout=0.5) as client:
        began = time.monotonic()
        with pytest.raises((RateLimitError, ServerError, CallTimeoutError)):  # the last within an attempt
            ask(client, how)
        assert 0.3 < time.monotonic() - began < 2.0
    assert 5 < len(server.requests) < 100


def test_B12_a_second_401_ends_it(wire: Wire, how: str) -> None:
    auth = Rotating()
    with RawServer(replies(failing("503 Busy"), failing("401 No"))) as server:
        error = failure(wire.client(server, auth=auth), how)
    assert type(error) is CredentialInvalidError
    assert auth.refreshes == 1
    assert [request.headers["authorization"][-1] for request in server.requests] == ["0", "0", "1"]


# B18, B19, B20, B21: bodies


BOMBS = """
    import re, sys
    from minimax_sync import LlmError, MiniMaxClient, RetryPolicy

    def peak():
        return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])

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
        command = [sys.executable, "-c", textwrap.dedent(BOMBS), server.url, wire.flavor, how]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    peak, found = done.stdout.strip().split(" ", 1)
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
        assert 0.2 < time.monotonic() - began < 1
        assert server.wait_until(lambda: not server.open_connections)
    assert isinstance(error, ServerError if part == "error" else CallTimeoutError)
    assert len(server.requests) == 1


def test_B19_an_error_whose_body_does_not_come_is_told_soon(
    wire: Wire, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minimax_sync.transport.ERROR_BODY_TIME", 0.1)

    def stall(peer: Peer) -> None:
        peer.send(b"HTTP/1.1 403 No\r\nContent-Length: 1000\r\n\r\nno")
        peer.stall()

    with RawServer(replies(stall)) as server:
        began = time.monotonic()
        error = failure(wire.client(server), how)
        assert time.monotonic() - began < 1
    assert type(error) is CredentialInvalidError
    assert error.body == "no"


def test_B20_silence_inside_an_answer_is_a_timeout(wire: Wire, how: str) -> None:
    def stall(peer: Peer) -> None:
        peer.send(whole(wire, how)[:-20])
        peer.stall()

    with RawServer(replies(stall)) as server:
        error = failure(wire.client(server, idle_timeout=0.1), how) if how == "chat" else None
        assert error is None or (isinstance(error, CallTimeoutError) and error.sent)


@pytest.mark.parametrize("framing", ["length", "chunked", "gzip"])
def test_B21_an_answer_cut_before_its_end_is_no_answer_even_when_its_json_is_whole(wire: Wire, framing: str) -> None:
    step = b"".join(framed([wire.body], framing, kind=JSON, end=False))

    def cut(peer: Peer) -> None:
        peer.send(step)

    with RawServer(replies(cut)) as server:
        error = failure(wire.client(server), "chat")
    assert type(error) is TransportError
    assert error.budget is None
    assert len(server.requests) == 1


@pytest.mark.parametrize("end", [Peer.finish, Peer.reset], ids=["FIN", "RST"])
def test_B21_an_answer_cut_at_any_byte_is_never_half_an_answer(wire: Wire, end: Any) -> None:
    step = answer(wire.body, headers=[JSON])
    first = step.index(b"\r\n\r\n") + 4

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(step[: first + peer.number])
        end(peer)

    with RawServer(script) as server, wire.client(server) as client:
        for _ in wire.body:
            with pytest.raises(TransportError):
                client.chat(PROMPT)
    assert len(server.requests) == len(wire.body)


# B22, B24, B25


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_B22_a_redirect_is_refused_and_the_key_goes_nowhere_else(wire: Wire, how: str, status: int) -> None:
    with RawServer(replies(b""), address="127.0.0.2") as other:
        step = failing(f"{status} Elsewhere", headers=[f"Location: {other.url}/v1/messages"])
        with RawServer(replies(step)) as server:
            error = failure(wire.client(server), how)
    assert type(error) is ResponseFormatError
    assert "redirect" in str(error)
    assert (len(server.requests), other.connections) == (1, 0)


def test_B24_a_refused_connection_is_tried_again_like_a_5xx(wire: Wire, how: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    events: list[Any] = []
    error = failure(wire.client(url, hooks=[events.append]), how)
    assert type(error) is TransportError
    assert [type(event) for event in events].count(AttemptFailed) == 3


@pytest.mark.parametrize("trouble", ["certificate", "handshake"])
def test_B24_a_certificate_is_judged_once_and_a_cut_handshake_tried_again(
    wire: Wire, how: str, trouble: str, tmp_path: Path
) -> None:
    events: list[Any] = []
    certificate = Certificate.make(tmp_path)
    script = (lambda peer: None) if trouble == "handshake" else replies(whole(wire, how))
    with RawServer(script, certificate if trouble == "certificate" else None) as server:
        url = server.url.replace("http:", "https:")
        error = failure(wire.client(url, hooks=[events.append]), how)
    assert type(error) is TransportError
    attempts = [type(event) for event in events].count(AttemptFailed)
    assert attempts == server.connections == (3 if trouble == "handshake" else 1)
    assert not server.requests


ODD_HEADS = (
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + (b"X: " + b"x" * 60_000 + b"\r\n") * 50 + b"\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000,
    b"SSH-2.0-OpenSSH_9.2\r\n",
)


@pytest.mark.parametrize("head", ODD_HEADS, ids=["many headers", "long header", "long headers", "interim", "SSH"])
def test_B25_a_head_past_its_bounds_is_no_answer(wire: Wire, how: str, head: bytes) -> None:
    with RawServer(replies(head)) as server:
        error = failure(wire.client(server), how)
    assert type(error) is ResponseFormatError
    assert len(server.requests) == 1


# B15, B16, B17


def test_B16_open_streams_do_not_keep_a_call_waiting(wire: Wire) -> None:
    def script(peer: Peer) -> None:
        while True:
            if b'"stream":true' not in peer.read_request().body.replace(b" ", b""):
                peer.send(answer(wire.body, headers=[JSON]))
                continue
            peer.send(chunked(*wire.events[: wire.first_delta + 1], end=False))
            peer.stall()

    with RawServer(script) as server, wire.client(server) as client:
        streams = [client.stream(PROMPT) for _ in range(20)]
        assert client.chat(PROMPT).text == TEXT
        for stream in streams:
            with stream, pytest.raises(StreamInterruptedError):
                stream.close()
                assert stream.response


def test_B17_cookies_are_not_sent_back(wire: Wire, how: str) -> None:
    good = whole(wire, how).replace(b"\r\n", b"\r\nSet-Cookie: id=1; Path=/\r\n", 1)
    with RawServer(replies(good)) as server, wire.client(server) as client:
        for _ in range(20):
            ask(client, how)
    assert not any("cookie" in request.headers for request in server.requests)


def test_B_the_request_on_the_wire_has_one_bearer_and_the_path_of_its_wire(wire: Wire, how: str) -> None:
    with RawServer(replies(whole(wire, how))) as server, wire.client(server) as client:
        ask(client, how)
    (request,) = server.requests
    assert request.line == f"POST {wire.path} HTTP/1.1"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert re.search(r'"stream": ?true', request.body.decode()) is not None or how == "chat"
    assert wire.asked(request.body) == PROMPT
    assert QUICK.rate_limit_attempts == 5
