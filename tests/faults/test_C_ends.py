"""Group C, how a stream may end: cut, broken, refused, repeated, never. On both wires, through the public client."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
import secrets_canary
import wire_server
from raw_server import Peer, RawServer, answer
from secrets_canary import KEY, PROMPT, TOKEN
from wire_server import ANTHROPIC, FRAMINGS, JSON, OPENAI, TEXT, THINKING, TOKENS, Step, Wire, framed, replies, sse

from minimax_sync import (
    CallTimeoutError,
    ContentFilteredError,
    CredentialInvalidError,
    InsufficientBalanceError,
    LlmError,
    RateLimitError,
    ReasoningDelta,
    RequestError,
    ResponseFormatError,
    ServerError,
    StreamEnd,
    StreamInterruptedError,
    TextDelta,
    TransportError,
    UsageUpdate,
)

watch, wire = secrets_canary.watch, wire_server.wire


def read(client: Any) -> tuple[str, str, LlmError | None]:
    """Stream; return the text and thinking that were handed out, and the error that ended it."""
    text = thinking = ""
    try:
        with client.stream(PROMPT) as stream:
            for chunk in stream:
                text += chunk.text if isinstance(chunk, TextDelta) else ""
                thinking += chunk.text if isinstance(chunk, ReasoningDelta) else ""
    except LlmError as error:
        return text, thinking, error
    return text, thinking, None


def check_cut(wire: Wire, complete_events: int, found: tuple[str, str, LlmError | None]) -> None:
    """Judge a stream that was cut behind so many whole events."""
    text, thinking, error = found
    if complete_events >= wire.whole_after:
        assert error is None
        assert (text, thinking) == (TEXT, THINKING)
        return
    assert isinstance(error, StreamInterruptedError)
    assert error.budget is None
    assert error.partial is not None
    assert error.partial.text == text
    assert TEXT.startswith(text)
    assert error.partial.reasoning == thinking or not thinking
    assert error.partial.finish_reason == ""


# C1


@pytest.mark.parametrize("framing", FRAMINGS)
def test_C1_an_end_at_any_event_boundary_but_the_last_is_an_error_with_what_had_come(wire: Wire, framing: str) -> None:
    for count in range(1, len(wire.events) + 1):
        step = b"".join(framed(wire.events[:count], framing))
        with RawServer(replies(step)) as server, wire.client(server) as client:
            check_cut(wire, count, read(client))
        assert len(server.requests) == 1


def test_C1_a_response_is_not_given_of_a_stream_without_its_end(wire: Wire) -> None:
    step = b"".join(framed(wire.events[: wire.whole_after - 1], "chunked"))
    with RawServer(replies(step)) as server, wire.client(server) as client:
        stream = client.stream(PROMPT)
        for _ in range(2):
            with pytest.raises(StreamInterruptedError):
                assert stream.response
        assert stream.partial.text == TEXT
        assert stream.partial.finish_reason == ""
        with pytest.raises(StreamInterruptedError):
            list(client.stream(PROMPT).text_deltas())


# C2, C3


@pytest.mark.parametrize(
    ("framing", "end"),
    [("chunked", Peer.finish), ("chunked", Peer.reset), ("HTTP/1.0", Peer.finish)],
    ids=["FIN inside a chunk", "RST inside a chunk", "FIN without a length"],
)
def test_C2_C3_a_cut_at_any_byte_is_one_kind_of_error_with_what_had_come(wire: Wire, framing: str, end: Any) -> None:
    pieces = framed(wire.events, framing)
    head, whole = pieces[0], b"".join(pieces[1:])
    overhead = len(b"%x\r\n" % len(wire.events[0])) if framing == "chunked" else 0
    ends, position = [], 0
    for piece, event in zip(pieces[1:], wire.events, strict=False):
        ends.append(position + overhead + len(event))
        position += len(piece)

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(head + whole[: peer.number])
        end(peer)

    with RawServer(script) as server, wire.client(server) as client:
        for cut in range(len(whole)):
            found = read(client)
            complete = sum(position <= cut for position in ends)
            if cut == 0 and framing == "HTTP/1.0" and isinstance(found[2], ResponseFormatError):
                continue  # an answer of no byte at all
            if end is Peer.finish or complete < wire.whole_after:
                check_cut(wire, complete, found)
            else:  # a reset may overtake what was sent before it
                assert found[2] is None or isinstance(found[2], StreamInterruptedError)
    assert len(server.requests) == len(whole)


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
def test_C4_an_error_inside_a_stream_has_its_class_and_what_had_come_and_is_not_sent_again(
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


# C16, C17


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "text/plain", ""])
def test_C16_json_in_answer_to_a_stream_is_the_answer_when_it_is_one(wire: Wire, kind: str) -> None:
    with RawServer(replies(answer(wire.body, headers=[f"Content-Type: {kind}"]))) as server:
        with wire.client(server) as client:
            stream = client.stream(PROMPT)
            chunks = list(stream)
        assert "".join(chunk.text for chunk in chunks if isinstance(chunk, TextDelta)) == TEXT
        assert stream.response.text == TEXT
        assert stream.response.usage.total_tokens == TOKENS
        assert isinstance(chunks[-2], UsageUpdate)
        assert isinstance(chunks[-1], StreamEnd)


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", ""])
def test_C16_json_in_answer_to_a_stream_is_an_error_when_it_is_one(wire: Wire, kind: str) -> None:
    body = json.dumps({"base_resp": {"status_code": 1002, "status_msg": "slow"}}).encode()
    steps = [answer(body, headers=[f"Content-Type: {kind}"])] * 2
    with RawServer(replies(*steps, b"".join(framed(wire.events, "chunked")))) as server, wire.client(server) as client:
        assert client.stream(PROMPT).response.text == TEXT
    assert len(server.requests) == 3


@pytest.mark.parametrize("body", [b"{}", b'{"ok": true}', b"[]", b'{"choices": [{"mess', b'"text"'])
def test_C16_json_in_answer_to_a_stream_that_is_neither_is_told(wire: Wire, body: bytes) -> None:
    with RawServer(replies(answer(body, headers=[JSON]))) as server, wire.client(server) as client:
        error = read(client)[2]
    assert type(error) is ResponseFormatError
    assert error.partial is not None
    assert error.body == body.decode()
    assert len(server.requests) == 1


BROKEN = (
    '{"choices": [',
    "{'a': 1}",
    "[1, 2]",
    '"text"',
    "12",
    "{" * 5000,
    "[" * 100_000,
    '{"choices": 7, "type": []}',
)


@pytest.mark.parametrize("data", BROKEN, ids=range(len(BROKEN)))
def test_C17_an_event_that_is_not_json_ends_the_stream_with_what_had_come(wire: Wire, data: str) -> None:
    for count in (wire.first_delta + 1, wire.whole_after - 1):
        step = b"".join(framed([*wire.events[:count], sse(data), *wire.events[count:]], "chunked"))
        with RawServer(replies(step)) as server, wire.client(server) as client:
            text, thinking, error = read(client)
        assert type(error) is ResponseFormatError
        assert error.partial is not None
        assert (error.partial.text, error.partial.reasoning) == (text, thinking)
        assert len(str(error)) < 600
        assert len(server.requests) == 1


def test_C17_what_the_broken_event_said_is_not_in_the_error(wire: Wire) -> None:
    step = b"".join(framed([*wire.events[:-2], sse('{"said": "the answer itself')], "chunked"))
    with RawServer(replies(step)) as server, wire.client(server) as client:
        error = read(client)[2]
    assert error is not None
    assert "the answer itself" not in f"{error} {error!r}"


# C18


def kept_open(wire: Wire, *events: bytes) -> Any:
    """Make a step that sends events and then keeps the connection."""

    def step(peer: Peer) -> None:
        peer.send(*framed(events, "chunked", end=False))
        peer.stall()

    return step


@pytest.mark.parametrize(
    "end", [sse("[DONE]"), b": bye\n\n", b"data: \n\n", b""], ids=["DONE", "comment", "blank", "none"]
)
def test_C18_a_server_that_keeps_the_socket_open_does_not_delay_the_end(wire: Wire, end: bytes) -> None:
    with RawServer(replies(kept_open(wire, *wire.events, end))) as server, wire.client(server) as client:
        began = time.monotonic()
        response = client.stream(PROMPT).response
        assert time.monotonic() - began < 1
        assert (response.text, response.usage.total_tokens) == (TEXT, TOKENS)
        assert server.wait_until(lambda: not server.open_connections)


def test_C18_usage_that_comes_after_the_finish_reason_is_kept() -> None:
    late = [*OPENAI.events[:-1], b": wait\n\n", OPENAI.events[-1], sse("[DONE]")]

    def step(peer: Peer) -> None:
        peer.send(*framed(late, "chunked"), pause=0.05)

    with RawServer(replies(step)) as server, OPENAI.client(server) as client:
        chunks = list(client.stream(PROMPT))
    assert [type(chunk) for chunk in chunks[-2:]] == [UsageUpdate, StreamEnd]


@pytest.mark.parametrize("ping", [b": ping\n\n", sse({"choices": [{"delta": {}}]})], ids=["comments", "empty chunks"])
def test_C18_usage_that_never_comes_is_waited_for_no_longer_than_its_grace_whatever_keeps_coming(
    ping: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minimax_sync.chat_stream.USAGE_GRACE", 0.3)

    def step(peer: Peer) -> None:
        peer.send(*framed(OPENAI.events[:-1], "chunked", end=False))
        while True:
            peer.send(framed([ping], "chunked", end=False)[1])
            peer.wait(0.05)

    for options in ({}, {"idle_timeout": 0.2}):
        with RawServer(replies(step)) as server, OPENAI.client(server, **options) as client:
            began = time.monotonic()
            response = client.stream(PROMPT).response
            assert 0.15 < time.monotonic() - began < 1.2
        assert (response.text, response.finish_reason) == (TEXT, "stop")


@pytest.mark.parametrize("end", [Peer.finish, Peer.reset, Peer.stall], ids=["FIN", "RST", "silence"])
def test_C18_an_answer_that_is_whole_but_for_its_last_word_is_given(wire: Wire, end: Any) -> None:
    def step(peer: Peer) -> None:
        peer.send(*framed(wire.events[: wire.whole_after], "chunked", end=False))
        peer.wait(0.02)
        end(peer)

    with RawServer(replies(step)) as server, wire.client(server, idle_timeout=0.2) as client:
        response = client.stream(PROMPT).response
    assert (response.text, response.finish_reason) == (TEXT, "stop")


def test_C18_what_follows_the_end_is_not_read_for_long_and_not_taken_for_the_next_answer(wire: Wire) -> None:
    def flood(peer: Peer) -> None:
        peer.send(*framed(wire.events, "chunked", end=False))
        while True:
            peer.send(framed([wire.delta("more") * 100], "chunked", end=False)[1])

    steps: list[Step] = [flood, b"".join(framed(wire.events, "chunked"))]
    with RawServer(replies(*steps)) as server, wire.client(server) as client:
        began = time.monotonic()
        assert client.stream(PROMPT).response.text == TEXT
        assert time.monotonic() - began < 1
        assert client.stream(PROMPT).response.text == TEXT
    assert [request.connection for request in server.requests] == [0, 1]


def test_C18_a_stream_read_to_its_end_leaves_its_connection_for_the_next(wire: Wire) -> None:
    with RawServer(replies(b"".join(framed(wire.events, "chunked")))) as server, wire.client(server) as client:
        for _ in range(5):
            assert client.stream(PROMPT).response.text == TEXT
    assert server.connections == 1


# what goes with them


def test_C_an_echoed_key_is_taken_out_of_an_error_inside_a_stream_too(wire: Wire) -> None:
    data = {"error": {"message": f"the key {KEY} is not for this model; {'x' * 440} {KEY}", "type": "x"}}
    step = b"".join(framed([*wire.events[:-2], sse(data, "error")], "chunked"))
    with RawServer(replies(step)) as server, wire.client(server) as client:
        error = read(client)[2]
    assert error is not None
    assert "the key **** is not" in str(error)
    assert KEY[:9] not in str(error)


def test_C_a_timeout_inside_a_stream_has_what_had_come(wire: Wire) -> None:
    def stall(peer: Peer) -> None:
        peer.send(*framed(wire.events[: wire.whole_after - 1], "chunked", end=False))
        peer.stall()

    with RawServer(replies(stall)) as server, wire.client(server, idle_timeout=0.15) as client:
        text, _, error = read(client)
    assert isinstance(error, CallTimeoutError)
    assert isinstance(error, TransportError)
    assert error.sent
    assert error.partial is not None
    assert error.partial.text == text == TEXT


def test_C_the_usage_told_at_the_start_is_kept_when_the_stream_breaks() -> None:
    step = b"".join(framed(ANTHROPIC.events[:-2], "chunked"))
    with RawServer(replies(step)) as server, ANTHROPIC.client(server) as client:
        error = read(client)[2]
    assert error is not None
    assert error.partial is not None
    assert error.partial.usage.prompt_tokens == 7
