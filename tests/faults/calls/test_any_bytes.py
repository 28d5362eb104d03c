"""Whatever bytes a server sends, however the network cuts them: an answer or one of our errors, and never a hang.

The bytes go through the whole client, from the socket up. `scripts/fuzz` does the same to the decoders for longer.
"""

from __future__ import annotations

import contextlib
import functools
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import wire_server
from support.eventually import together
from support.raw_server import Peer, RawServer
from support.wire_server import EVENTS, FRAMINGS, JSON, WIRES, Wire, framed, halves, sse

from minimax_sync import ChatResponse, LlmError, RetryPolicy

EXAMPLES = settings(
    max_examples=100, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

FRAGMENTS = st.sampled_from(
    [
        *(event for wire in WIRES for event in wire.events),
        *(piece for wire in WIRES for event in wire.events for piece in halves(event, 23)),
        *(wire.body for wire in WIRES),
        b"data: ",
        b"data:{",
        b"\n",
        b"\r",
        b"\r\n\r\n",
        b"\xef\xbb\xbf",
        b"\xff\xfe\x00",
        b"[DONE]",
        b"event: error\n",
        b"event: message_stop\ndata: {}\n\n",
        b"id: \x00\nretry: 1_000\n",
        b"\x00" * 70,
        sse({"error": {"message": "x", "code": "1002"}}),
        sse({"base_resp": {"status_code": "1e9", "status_msg": []}}),
        sse({"choices": [{"delta": {"tool_calls": [{"function": {"arguments": {"a": [1]}}}]}, "finish_reason": 7}]}),
        sse({"type": "content_block_delta", "index": -1, "delta": {"partial_json": "{"}}),
        sse({"type": "content_block_start", "index": 10**30, "content_block": {"type": "tool_use", "input": [None]}}),
    ]
)
BODIES = st.lists(FRAGMENTS | st.binary(max_size=40), max_size=12).map(b"".join)
STATUSES = st.sampled_from(["200 OK"] * 8 + ["204 No", "301 X", "400 X", "401 X", "429 X", "500 X", "999 X"])
RAW = st.lists(
    st.sampled_from(
        [
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.0 200\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"Content-Length: 5\r\n",
            b"Content-Length: -1\r\n",
            b"Content-Length: 5, 6\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: gzip\r\n",
            b"Content-Encoding: gzip\r\n",
            b"Content-Encoding: br, zstd, identity\r\n",
            b"Content-Type: text/event-stream\r\n",
            b"Content-Type: application/json\r\n",
            b"Retry-After: " + b"9" * 30 + b"\r\n",
            b" folded: x\r\n",
            b"\r\n",
            b"5\r\nhello\r\n",
            b"ffffffffffffffffffff\r\n",
            b"-5\r\n",
            b"0\r\n\r\n",
            b"0\r\nX: y\r\n\r\n",
            b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
            b"{}",
            b"data: {}\n\n",
        ]
    )
    | st.binary(max_size=20),
    max_size=14,
)


class Lab:
    """A server that sends the `pieces` set before each call, and a client on either wire."""

    def __init__(self, server: RawServer) -> None:
        self._server = server
        self.pieces: list[bytes] = []
        server.script = self._send
        once = RetryPolicy(rate_limit_attempts=1)
        self._clients = [wire.client(server, retry=once, timeout=3.0, idle_timeout=2.0) for wire in WIRES]

    def _send(self, peer: Peer) -> None:
        peer.read_request()
        peer.send(*self.pieces)

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients:
            client.close()

    def ask_all(self, pieces: list[bytes]) -> None:
        """Send the pieces to every client, asked either way; each must end, in an answer or an error of ours."""
        self.pieces = pieces
        for client in self._clients:
            for how in ("chat", "stream"):
                with contextlib.suppress(LlmError):
                    response = wire_server.ask(client, how)
                    assert isinstance(response, ChatResponse)
                    assert response.finish_reason


@pytest.fixture
def lab() -> Iterator[Lab]:
    with RawServer(lambda peer: None) as server:
        lab = Lab(server)
        yield lab
        lab.close()


def cut(data: bytes, seed: int) -> Iterator[bytes]:
    """Cut at random."""
    choice = random.Random(seed)
    while data:
        size = choice.choice((1, 2, 3, 17, 400))
        yield data[:size]
        data = data[size:]


@EXAMPLES
@given(body=BODIES, status=STATUSES, kind=st.sampled_from([EVENTS, JSON, "X: y"]), framing=st.sampled_from(FRAMINGS))
@pytest.mark.parametrize("end", [True, False], ids=["ended", "cut"])
def test_C17_any_body_ends_in_an_answer_or_an_llm_error(
    lab: Lab, end: bool, body: bytes, status: str, kind: str, framing: str
) -> None:
    head, *rest = framed(cut(body, len(body)), framing, kind=kind, end=end)
    head = head.replace(b"200 OK", status.encode(), 1)
    lab.ask_all([head, *rest])


@EXAMPLES
@given(raw=RAW)
def test_B25_any_bytes_end_in_an_answer_or_an_llm_error(lab: Lab, raw: list[bytes]) -> None:
    lab.ask_all([b"".join(raw)])


@settings(EXAMPLES, max_examples=40)
@given(seed=st.integers(0, 2**32), position=st.floats(0, 1), byte=st.integers(0, 255))
def test_C17_one_changed_byte_ends_in_an_answer_or_an_llm_error(
    lab: Lab, seed: int, position: float, byte: int
) -> None:
    for wire in WIRES:
        data = bytearray(b"".join(framed(cut(wire.stream, seed), FRAMINGS[seed % len(FRAMINGS)])))
        data[min(int(position * len(data)), len(data) - 1)] = byte
        lab.ask_all([bytes(data)])


def test_C5_the_same_bytes_are_the_same_answer_however_they_are_cut() -> None:
    for wire in WIRES:
        for newline in (b"\n", b"\r\n", b"\r"):
            stream = b"\xef\xbb\xbf" + wire.stream.replace(b"\n", newline)
            check_every_cut(wire, stream)


def check_every_cut(wire: Wire, stream: bytes) -> None:
    """Send the stream in two chunks, cut at one place after another, to several threads."""
    places = list(range(1, len(stream), 3))
    found: list[Any] = []

    def script(peer: Peer) -> None:
        while True:
            place = int(wire.asked(peer.read_request().body))
            peer.send(*framed([stream[:place], stream[place:]], "chunked"))

    with RawServer(script) as server, wire.client(server) as client:

        def ask(part: list[int]) -> None:
            for place in part:
                response = client.stream(str(place)).response
                found.append((response.text, response.reasoning, response.usage.total_tokens))

        together([functools.partial(ask, places[i::2]) for i in range(2)])
    assert found == [(wire_server.TEXT, wire_server.THINKING, wire_server.TOKENS)] * len(places)
