"""C4, C14, C15: errors inside a stream, what is sent again, and which token the next call has."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from support.canary import KEY, PROMPT, TOKEN
from support.raw_server import Peer, RawServer, answer
from support.wire_server import TEXT, Step, Wire, framed, read, replies, sse

from minimax_sync import (
    ContentFilteredError,
    CredentialInvalidError,
    InsufficientBalanceError,
    LlmError,
    RateLimitError,
    RequestError,
    ServerError,
)

# C4, C14

ERRORS: dict[str, tuple[Any, type[LlmError]]] = {
    "base_resp": ({"choices": None, "base_resp": {"status_code": 1027, "status_msg": "no"}}, ContentFilteredError),
    "base_resp in a chunk": (
        {"choices": [{"delta": {"content": "!"}}], "base_resp": {"status_code": 1008, "status_msg": "no"}},
        InsufficientBalanceError,
    ),
    "error": ({"error": {"message": "bad (2013)", "type": "invalid_request_error", "code": "2013"}}, RequestError),
    "error as text": ({"error": "overloaded"}, ServerError),
    "typed error": ({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}, ServerError),
    "typed 429": ({"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}}, RateLimitError),
    "typed 401": (
        {"type": "error", "error": {"type": "authentication_error", "message": "who?", "http_code": "401"}},
        CredentialInvalidError,
    ),
    "vLLM": (
        {"object": "error", "message": "the engine died", "type": "InternalServerError", "code": 500},
        ServerError,
    ),
}


@pytest.mark.parametrize("event", ["", "error"])
@pytest.mark.parametrize("shape", ERRORS)
def test_C4_an_error_inside_a_stream_has_its_class_and_the_part_received_and_is_not_sent_again(
    wire: Wire, shape: str, event: str
) -> None:
    data, kind = ERRORS[shape]
    for count in range(wire.first_delta + 1, wire.whole_after):
        step = b"".join(framed([*wire.events[:count], sse(data, event)], "chunked"))
        with RawServer(replies(step)) as server, wire.client(server) as client:
            text, _, error = read(client)
        assert type(error) is kind
        assert error.partial is not None
        assert error.partial.text == text
        assert len(server.requests) == 1


@pytest.mark.parametrize("shape", ["typed error", "typed 429", "error as text"])
def test_C4_before_the_first_delta_an_error_is_retried_like_any_other(wire: Wire, shape: str) -> None:
    steps = [
        b"".join(framed([*wire.events[:count], sse(ERRORS[shape][0], "error")], "chunked"))
        for count in {0, wire.first_delta}
    ]
    with RawServer(replies(*steps, b"".join(framed(wire.events, "chunked")))) as server, wire.client(server) as client:
        assert client.stream(PROMPT).response.text == TEXT
    assert len(server.requests) == len(steps) + 1


def test_C14_nothing_is_sent_again_after_the_first_delta(wire: Wire) -> None:
    begun = framed(wire.events[: wire.first_delta + 1], "chunked", end=False)

    def cut(peer: Peer) -> None:
        peer.send(*begun)
        peer.reset() if peer.number % 2 else peer.finish()

    def stall(peer: Peer) -> None:
        peer.send(*begun)
        peer.stall()

    retried = [sse(ERRORS[shape][0], "error") for shape in ("typed error", "typed 429", "typed 401")]
    broken = [sse("{broken")]
    steps: list[Step] = [
        cut,
        cut,
        stall,
        *(b"".join([*begun, *framed([event], "chunked")[1:]]) for event in retried + broken),
    ]
    for step in steps:
        with RawServer(replies(step)) as server, wire.client(server, idle_timeout=0.1) as client:
            text, thinking, error = read(client)
        assert error is not None
        assert text or thinking
        assert len(server.requests) == 1


def test_C4_an_echoed_key_is_redacted_in_an_error_inside_a_stream_too(wire: Wire) -> None:
    data = {"error": {"message": f"the key {KEY} is not for this model; {'x' * 440} {KEY}", "type": "x"}}
    step = b"".join(framed([*wire.events[:-2], sse(data, "error")], "chunked"))
    with RawServer(replies(step)) as server, wire.client(server) as client:
        error = read(client)[2]
    assert error is not None
    assert "the key **** is not" in str(error)
    assert KEY[:9] not in str(error)


def test_C4_an_error_inside_a_stream_has_the_request_id_and_the_headers_of_its_answer(wire: Wire) -> None:
    begun = framed(wire.events[: wire.first_delta + 1], "chunked")
    failed = framed([*wire.events[: wire.first_delta + 1], sse(ERRORS["error"][0], "error")], "chunked")
    for head, *chunks in (begun, failed):
        step = b"".join([head.replace(b"\r\n", b"\r\nX-Request-Id: r7\r\n", 1), *chunks])
        with RawServer(replies(step)) as server, wire.client(server) as client:
            error = read(client)[2]
        assert error is not None
        assert (error.request_id, error.headers["x-request-id"]) == ("r7", "r7")


# C15


class Rotating:
    """Credentials whose token changes while a stream is read."""

    def __init__(self) -> None:
        self.token = f"{TOKEN}-old"

    def bearer(self) -> str:
        """Return the current token."""
        return self.token

    def force_refresh(self, rejected: str) -> str:
        """Return the current token: it has changed already."""
        return self.token


def test_C15_a_token_that_rotates_mid_stream_touches_only_the_next_call(wire: Wire) -> None:
    auth, rotated = Rotating(), threading.Event()

    def script(peer: Peer) -> None:
        for _ in range(2):
            token = peer.read_request().headers["authorization"]
            if rotated.is_set() and "old" in token:
                peer.send(answer(b"{}", "401 No"))
                continue
            for i, piece in enumerate(framed(wire.events, "chunked")):
                peer.send(piece)
                if i == wire.first_delta + 1:
                    assert rotated.wait(20)

    with RawServer(script) as server, wire.client(server, auth=auth) as client:
        stream = client.stream(PROMPT)
        auth.token = f"{TOKEN}-new"
        rotated.set()
        assert client.stream(PROMPT).response.text == TEXT
        assert stream.response.text == TEXT
    assert [request.headers["authorization"][-3:] for request in server.requests] == ["old", "new"]
