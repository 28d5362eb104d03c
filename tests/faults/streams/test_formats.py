"""C16, C17: JSON in answer to a stream, and events that are not JSON."""

from __future__ import annotations

import json

import pytest
from support.canary import PROMPT
from support.raw_server import RawServer, answer
from support.wire_server import JSON, TEXT, TOKENS, Wire, framed, read, replies, sse

from minimax_sync import ResponseFormatError, StreamEnd, TextDelta, UsageUpdate

# C16


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


# C17

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
