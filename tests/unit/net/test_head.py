"""Heads: written as http.client writes them; read as http.client and urllib3 would read them, or refused."""

from __future__ import annotations

import http.client
import io
import random
from contextlib import suppress
from typing import Any, cast

import pytest
from urllib3 import HTTPHeaderDict

from minimax_sync.net.head import MAX_FIELDS, MAX_LINE, Answer, request_head


class Wire:
    """Stands for a socket: all that has come is there at once."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(cast(Any, io.BytesIO(self._data)))


def begun(kind: type[http.client.HTTPResponse], data: bytes, method: str) -> http.client.HTTPResponse:
    answer = kind(cast(Any, Wire(data)), method=method)
    answer.begin()
    return answer


def told(answer: http.client.HTTPResponse) -> dict[str, Any]:
    """What those above read off an answer, and where its body begins. http.client leaves white space behind a value."""
    read = answer.fields if isinstance(answer, Answer) else answer.headers
    fields = HTTPHeaderDict((name, value.replace("\r\n", "").strip()) for name, value in read.items())
    facts = {name: getattr(answer, name) for name in ("status", "version", "chunked", "length", "will_close")}
    return {**facts, "fields": dict(fields.items()), "rest": answer.fp.read() if answer.fp else b""}


STATUS_LINES = [
    "HTTP/1.1 200 OK",
    "HTTP/1.0 200 OK",
    "HTTP/1.1 204",
    "HTTP/1.1 304 Not Modified",
    "HTTP/1.1 429 Slow \xfc",
]
FIELDS = [
    "Content-Type: text/event-stream; charset=utf-8",
    "X-Empty:",
    "x-tight:value",
    "Trace-Id:\t 0609843beb94 \t",
    "Set-Cookie: a=1; Path=/",
    "Set-Cookie: b=2",
    "X-Latin: gr\xfc\xdfe",
    "X-Folded: one\r\n two",
]
CONNECTIONS = ["Connection: close", "Connection: Keep-Alive", "X-Connection: none"]
FRAMINGS = ["Content-Length: 4", "content-length: 0", "Transfer-Encoding: Chunked", "Content-Length: four", "X-None: 1"]


@pytest.mark.parametrize("seed", range(40))
def test_a_head_is_read_as_http_client_reads_it(seed: int) -> None:
    chance = random.Random(seed)
    fields = [
        *chance.sample(FIELDS, chance.randrange(len(FIELDS))),
        chance.choice(FRAMINGS),
        chance.choice(CONNECTIONS),
    ]
    chance.shuffle(fields)
    end = chance.choice(["\r\n", "\n"]) if not any("\r\n" in field for field in fields) else "\r\n"
    interim = chance.choice(["", f"HTTP/1.1 100 Continue{end}X: y{end}{end}"])
    head = interim + end.join([chance.choice(STATUS_LINES), *fields, "", ""])
    data, method = head.encode("latin-1") + b"body", chance.choice(["POST", "GET", "HEAD"])
    assert told(begun(Answer, data, method)) == told(begun(http.client.HTTPResponse, data, method))


class Recorder:
    """Stands for a socket: keeps what is sent."""

    def __init__(self) -> None:
        self.sent = b""

    def sendall(self, data: bytes) -> None:
        self.sent += data


@pytest.mark.parametrize("seed", range(20))
def test_a_head_is_written_as_http_client_writes_it(seed: int) -> None:
    chance = random.Random(seed)
    names = chance.sample(["Host", "Authorization", "content-length", "X-Empty", "X-Latin", "anthropic-version"], 4)
    fields = {name: chance.choice(["", "0", "Bearer a.b-c", "gr\xfc\xdfe", "a\tb"]) for name in names}
    method, target = chance.choice(["POST", "GET"]), chance.choice(["/", "/v1/messages?beta=true", "/%20"])
    connection = http.client.HTTPConnection("localhost")
    connection.sock = recorder = cast(Any, Recorder())
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    for name, value in fields.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert request_head(method, target, fields) == recorder.sent


REFUSED = {
    "nothing": b"",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/2": b"HTTP/2 200\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "a status past 999": b"HTTP/1.1 2000 OK\r\n\r\n",
    "an interim answer that is not 100": b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    "a line without a colon": b"HTTP/1.1 200 OK\r\nno field\r\n\r\n",
    "a first line that is folded": b"HTTP/1.1 200 OK\r\n folded\r\n\r\n",
    "a long line": b"HTTP/1.1 200 OK\r\nX: " + b"x" * MAX_LINE + b"\r\n\r\n",
    "many fields": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * (MAX_FIELDS + 1) + b"\r\n",
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=list(REFUSED))
def test_what_is_no_head_is_refused(data: bytes) -> None:
    with pytest.raises(http.client.HTTPException):
        begun(Answer, data, "POST")


def test_a_connection_that_is_said_to_close_is_not_used_again() -> None:
    head = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    assert begun(Answer, head, "POST").will_close


def test_a_length_that_no_body_has_is_none() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n"
    answer = begun(Answer, head, "POST")
    assert (answer.length, answer.will_close) == (None, True)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_is_a_head_or_refused(seed: int) -> None:
    chance = random.Random(seed)
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Folded: one\r\n two\r\nConnection: close\r\n\r\nbody"
    for _ in range(200):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.choice(b"\r\n :\t\0\xb2\xff1,H")
        with suppress(http.client.HTTPException):
            assert 200 <= begun(Answer, bytes(data), "POST").status <= 999
