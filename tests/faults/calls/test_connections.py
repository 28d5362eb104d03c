"""B5, B6, B16, B24: connections of a call that are lost, stale, held by streams, or never made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.canary import PROMPT
from support.ports import unused_port
from support.raw_server import Certificate, Peer, RawServer, answer, chunked
from support.wire_server import JSON, TEXT, Step, Wire, ask, failure, replies, whole

from minimax_sync import (
    AmbiguousResultError,
    AttemptFailed,
    CallTimeoutError,
    RetryPolicy,
    StreamInterruptedError,
    TransportError,
)


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


def test_B5_a_lost_call_is_sent_again_on_request(wire: Wire, how: str) -> None:
    steps: list[Step] = [Peer.finish, Peer.reset, whole(wire, how)]
    policy = RetryPolicy(initial_backoff_ms=1, max_backoff_ms=2, resend_ambiguous=True)
    with RawServer(replies(*steps)) as server, wire.client(server, retry=policy) as client:
        assert ask(client, how).text == TEXT
    assert len(server.requests) == 3


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


def test_B24_a_refused_connection_is_tried_again_like_a_5xx(wire: Wire, how: str) -> None:
    url = f"http://127.0.0.1:{unused_port()}"
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
