"""C19: a stream that another thread closes, reads or looks at, and a client that is closed meanwhile."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest
from support import wire_server
from support.canary import KEY, PROMPT
from support.raw_server import Certificate, Peer, RawServer
from support.wire_server import TEXT, Wire, endless, framed, replies

from minimax_sync import StreamInterruptedError


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_C19_close_from_another_thread_ends_the_wait_at_once(
    wire: Wire, tls: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = Certificate.make(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate.file)
    with RawServer(endless(wire), certificate if tls else None) as server, wire.client(server) as client:
        stream = client.stream(PROMPT)
        found: list[BaseException] = []

        def drain() -> None:
            try:
                list(stream)
            except StreamInterruptedError as error:
                found.append(error)

        reader = threading.Thread(target=drain)
        reader.start()
        time.sleep(0.05)
        began = time.monotonic()
        stream.close()
        returned = time.monotonic() - began
        reader.join(5)
        assert not reader.is_alive()
        assert time.monotonic() - began < 1
        assert returned < 0.2
        assert server.wait_until(lambda: not server.open_connections)
    (error,) = found
    assert "closed" in str(error)


def test_C19_a_second_reader_gets_an_error_and_the_first_continues(wire: Wire) -> None:
    go_on = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        pieces = framed(wire.events, "chunked")
        peer.send(*pieces[: wire.first_delta + 2])
        assert go_on.wait(20)
        peer.send(*pieces[wire.first_delta + 2 :])

    with RawServer(script) as server, wire.client(server) as client:
        stream = client.stream(PROMPT)
        texts: list[str] = []
        reader = threading.Thread(target=lambda: texts.extend(stream.text_deltas()))
        reader.start()
        time.sleep(0.1)
        with pytest.raises(RuntimeError, match="another thread"):
            list(stream)
        go_on.set()
        reader.join(5)
        assert "".join(texts) == TEXT
        assert stream.response.text == TEXT


def test_C19_the_partial_answer_can_be_read_from_any_thread(wire: Wire) -> None:
    if wire.flavor == "openai_compat":
        thoughts = [
            wire_server.sse(
                {"choices": [{"delta": {"reasoning_details": [{"index": i, "text": f"{i} is a thought. "}]}}]}
            )
            for i in range(900)
        ]
    else:
        thoughts = [
            wire_server.sse({"type": "content_block_delta", "index": i, "delta": {"thinking": f"{i} is a thought. "}})
            for i in range(2, 900)
        ]
    step = b"".join(
        framed([*wire.events[: wire.first_delta + 1], *thoughts, *wire.events[wire.first_delta + 1 :]], "length")
    )
    interval, looked, failed = sys.getswitchinterval(), 0, []
    with RawServer(replies(step)) as server, wire.client(server) as client:
        done = threading.Event()
        stream = client.stream(PROMPT)

        def look() -> None:
            nonlocal looked
            while not done.is_set():
                try:
                    assert stream.partial.message.role == "assistant"
                    repr(stream)
                    looked += 1
                except Exception as error:
                    failed.append(error)

        threads = [threading.Thread(target=look) for _ in range(2)]
        for thread in threads:
            thread.start()
        sys.setswitchinterval(1e-6)
        try:
            assert stream.response.text == TEXT
        finally:
            sys.setswitchinterval(interval)
            done.set()
            for thread in threads:
                thread.join()
    assert not failed
    assert looked


def test_C19_a_client_closed_while_a_stream_is_read_lets_it_end(wire: Wire) -> None:
    step = b"".join(framed(wire.events, "chunked"))
    with RawServer(replies(step)) as server:
        client = wire.client(server)
        stream = client.stream(PROMPT)
        client.close()
        assert stream.response.text == TEXT
        assert server.wait_until(lambda: not server.open_connections)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
