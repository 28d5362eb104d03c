"""C6, C7, C16, C17, C20: odd bytes and fields, JSON in answer to a stream, events that are not JSON."""

from __future__ import annotations

import json
import threading

import pytest
from support.canary import PROMPT
from support.raw_server import Peer, RawServer, answer
from support.wire_server import JSON, TEXT, TOKENS, Wire, framed, halves, read, replies, sse

from minimax_sync import ResponseFormatError, StreamEnd, TextDelta, UsageUpdate

# C6, C7, C20


def streamed(wire: Wire, data: bytes, size: int) -> str:
    """Send these bytes as a stream, in pieces of `size`, and return the text that was read."""
    with RawServer(replies(b"".join(framed(halves(data, size), "chunked")))) as server, wire.client(server) as client:
        text, _, error = read(client)
    assert error is None
    return text


@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
def test_C6_a_leading_byte_order_mark_is_dropped_and_split_characters_are_joined(wire: Wire, size: int) -> None:
    smile = wire.stream.replace("Hé".encode(), "H😀é".encode())
    assert streamed(wire, b"\xef\xbb\xbf" + smile, size) == "H😀éllo"


@pytest.mark.parametrize("bad", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f\x98"])
def test_C6_invalid_utf8_becomes_replacement_characters(wire: Wire, bad: bytes) -> None:
    assert streamed(wire, wire.stream.replace("Hé".encode(), b"H" + bad), 3).strip("Hlo") in {"\ufffd", "\ufffd" * 3}


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\x7f"])
def test_C7_only_cr_and_lf_end_a_line(wire: Wire, character: str) -> None:
    assert streamed(wire, wire.stream.replace("Hé".encode(), f"H{character}é".encode()), 5) == f"H{character}éllo"


@pytest.mark.parametrize("field", ["retry: 1_000", "retry: -1", "retry: ١٢", "retry:", "id: \0", "id: 7", "unknown: x"])
def test_C20_fields_that_a_client_does_not_need_change_nothing(wire: Wire, field: str) -> None:
    assert streamed(wire, wire.stream.replace(b"data: ", f"{field}\n".encode() + b"data: "), 11) == TEXT


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
def test_C16_json_in_answer_to_a_stream_that_is_neither_is_a_format_error(wire: Wire, body: bytes) -> None:
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
def test_C17_an_event_that_is_not_json_ends_the_stream_with_the_part_received(wire: Wire, data: str) -> None:
    for count in (wire.first_delta + 1, wire.whole_after - 1):
        step = b"".join(framed([*wire.events[:count], sse(data), *wire.events[count:]], "chunked"))
        with RawServer(replies(step)) as server, wire.client(server) as client:
            text, thinking, error = read(client)
        assert type(error) is ResponseFormatError
        assert error.partial is not None
        assert (error.partial.text, error.partial.reasoning) == (text, thinking)
        assert len(str(error)) < 600
        assert len(server.requests) == 1


def test_C17_the_text_of_the_broken_event_is_not_in_the_error(wire: Wire) -> None:
    step = b"".join(framed([*wire.events[:-2], sse('{"said": "the answer itself')], "chunked"))
    with RawServer(replies(step)) as server, wire.client(server) as client:
        error = read(client)[2]
    assert error is not None
    assert "the answer itself" not in f"{error} {error!r}"


PLAIN = "Content-Type: text/plain"


def test_C17_plain_text_in_answer_to_a_stream_is_no_answer_and_is_kept_as_the_body(wire: Wire) -> None:
    with (
        RawServer(replies(answer(b"upstream is away", headers=[PLAIN]))) as server,
        wire.client(server) as client,
        pytest.raises(ResponseFormatError) as caught,
    ):
        client.stream(PROMPT)
    assert caught.value.body == "upstream is away"


def test_C17_events_under_another_content_type_are_returned_as_they_arrive(wire: Wire) -> None:
    go_on = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        begin = b"".join(wire.events[: wire.first_delta + 1])
        head, *pieces = framed([begin[:1], begin[1:]], "chunked", end=False)
        peer.send(head.replace(b"text/event-stream", b"text/plain"), *pieces, pause=0.02)
        assert go_on.wait(5)
        peer.send(*framed(wire.events[wire.first_delta + 1 :], "chunked")[1:])

    with RawServer(script) as server, wire.client(server) as client:
        stream = client.stream(PROMPT)
        go_on.set()
        assert stream.response.text == TEXT


@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_C17_events_under_another_content_type_are_events_however_they_are_cut(wire: Wire, size: int) -> None:
    head, *chunks = framed(halves(wire.stream, size), "chunked")
    plain = head.replace(b"text/event-stream", b"text/plain")
    assert plain != head
    with RawServer(replies(b"".join([plain, *chunks]))) as server, wire.client(server) as client:
        text, _, error = read(client)
    assert (text, error) == (TEXT, None)
