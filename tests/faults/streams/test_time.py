"""C10, C11: how soon the deltas of a stream are there, and what counts as silence."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from support import wire_server
from support.canary import PROMPT
from support.raw_server import Certificate, Peer, RawServer
from support.wire_server import FRAMINGS, TEXT, Wire, framed, halves

from minimax_sync import CallTimeoutError, TextDelta

# C10


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_C10_a_delta_is_there_within_100_ms_of_its_last_byte(
    wire: Wire, framing: str, tls: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = Certificate.make(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate.file)
    seen, sent = threading.Event(), 0.0
    texts = [event for event in wire.events if b"llo" in event or b"H\xc3\xa9" in event]
    latencies: list[float] = []

    def script(peer: Peer) -> None:
        nonlocal sent
        peer.read_request()
        pieces = framed(wire.events, framing)
        for i, piece in enumerate(pieces):
            is_text = 0 < i <= len(wire.events) and wire.events[i - 1] in texts
            seen.clear()
            sent = time.monotonic()
            peer.send(piece)
            if is_text:
                assert seen.wait(5), "the delta was not handed out before the next was sent"

    with RawServer(script, certificate if tls else None) as server, wire.client(server) as client:
        for chunk in client.stream(PROMPT):
            if isinstance(chunk, TextDelta):
                latencies.append(time.monotonic() - sent)
                seen.set()
    assert len(latencies) == 2
    assert min(latencies) < 0.1


@pytest.mark.parametrize("framing", FRAMINGS)
def test_C10_a_stream_that_comes_byte_by_byte_is_the_same_answer(wire: Wire, framing: str) -> None:
    head, *rest = framed(wire.events, framing)
    if framing in ("chunked", "gzip"):
        head, *rest = framed(halves(wire.stream, 1), framing)

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(head, *halves(b"".join(rest), 1))

    with RawServer(script) as server, wire.client(server) as client:
        response = client.stream(PROMPT).response
    assert (response.text, response.usage.total_tokens) == (TEXT, wire_server.TOKENS)


# C11

PINGS = {"comments": b": ping\n\n", "blank lines": b"\n\n", "typed": b'event: ping\ndata: {"type": "ping"}\n\n'}


@pytest.mark.parametrize("ping", PINGS)
@pytest.mark.parametrize("begun", [False, True], ids=["before the first delta", "after it"])
def test_C11_pings_restart_the_idle_timeout_and_only_the_timeout_ends_an_answer_of_pings(
    wire: Wire, ping: str, begun: bool
) -> None:
    sent = [0]

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(*framed(wire.events[: wire.first_delta + 1 if begun else 0], "chunked", end=False))
        while True:
            peer.send(framed([PINGS[ping]], "chunked", end=False)[1])
            sent[0] += 1
            peer.wait(0.03)

    with RawServer(script) as server, wire.client(server, idle_timeout=0.15, timeout=0.6) as client:
        with pytest.raises(CallTimeoutError) as caught:
            list(client.stream(PROMPT))
        assert server.wait_until(lambda: not server.open_connections)
    assert sent[0] > 6  # more pings than fit into the idle limit
    assert caught.value.sent
    assert caught.value.partial is not None


def test_C11_pings_between_deltas_do_no_harm(wire: Wire) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        head, *pieces = framed([part for event in wire.events for part in (b": ping\n\n", event)], "chunked")
        peer.send(head, *pieces, pause=0.02)

    with RawServer(script) as server, wire.client(server, idle_timeout=0.3) as client:
        assert client.stream(PROMPT).response.text == TEXT


def test_C11_the_callers_own_time_is_neither_silence_nor_part_of_the_timeout(wire: Wire) -> None:
    go_on = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        pieces = framed(wire.events, "chunked")
        peer.send(*pieces[: wire.first_delta + 2])
        assert go_on.wait(20)
        peer.send(*pieces[wire.first_delta + 2 :])

    with RawServer(script) as server, wire.client(server, timeout=0.8, idle_timeout=0.4) as client:
        stream = client.stream(PROMPT)
        assert next(stream)
        time.sleep(1.0)
        go_on.set()
        assert stream.response.text == TEXT
