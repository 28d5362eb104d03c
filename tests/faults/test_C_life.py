"""Group C, the life of a stream: how soon its deltas are there, who may leave or close it, and what remains."""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import secrets_canary
import wire_server
from raw_server import Certificate, Peer, RawServer, answer
from secrets_canary import KEY, PROMPT
from wire_server import FRAMINGS, JSON, TEXT, Wire, failing, framed, halves, replies

from minimax_sync import CallEnded, CallTimeoutError, ChatStream, StreamInterruptedError, TextDelta

watch, wire = secrets_canary.watch, wire_server.wire


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
def test_C11_pings_do_not_keep_a_dead_answer_alive(wire: Wire, ping: str, begun: bool) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(*framed(wire.events[: wire.first_delta + 1 if begun else 0], "chunked", end=False))
        while True:
            peer.send(framed([PINGS[ping]], "chunked", end=False)[1])
            peer.wait(0.03)

    with RawServer(script) as server, wire.client(server, idle_timeout=0.25) as client:
        began = time.monotonic()
        with pytest.raises(CallTimeoutError) as caught:
            list(client.stream(PROMPT))
        assert 0.2 < time.monotonic() - began < 1
        assert server.wait_until(lambda: not server.open_connections)
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
    step = b"".join(framed(wire.events, "chunked"))
    with RawServer(replies(step)) as server, wire.client(server, timeout=0.4, idle_timeout=0.2) as client:
        text = ""
        for chunk in client.stream(PROMPT):
            time.sleep(0.15)
            text += chunk.text if isinstance(chunk, TextDelta) else ""
    assert text == TEXT


# C12


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def endless(wire: Wire) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(*framed(wire.events[: wire.first_delta + 1], "chunked", end=False))
        peer.stall()

    return script


class Abandoned(Exception):
    """What a caller's own code raised."""


def leave_by_break(stream: ChatStream) -> None:
    for _ in stream:
        break


def leave_by_exception(stream: ChatStream) -> None:
    with pytest.raises(Abandoned), stream:
        raise Abandoned


def leave_by_generator(stream: ChatStream) -> None:
    next(iter(stream))
    deltas = stream.text_deltas()
    del deltas


def leave_in_a_cycle(stream: ChatStream) -> None:
    holder: list[Any] = [stream]
    holder.append(holder)
    del holder
    gc.collect()


WAYS = [leave_by_break, leave_by_exception, leave_by_generator, leave_in_a_cycle, ChatStream.close]


@pytest.mark.parametrize("leave", WAYS, ids=lambda way: way.__name__)
def test_C12_streams_that_are_left_leave_nothing(wire: Wire, leave: Callable[[ChatStream], None]) -> None:
    count = 20 if leave is leave_in_a_cycle else 200
    events: list[Any] = []
    with RawServer(endless(wire)) as server, wire.client(server, hooks=[events.append]) as client:
        leave(client.stream(PROMPT))
        assert server.wait_until(lambda: not server.open_connections)
        before = descriptors()
        for i in range(count):
            leave(client.stream(PROMPT))
            if i % 50 == 0:
                assert server.wait_until(lambda: server.open_connections <= 2)
        assert server.wait_until(lambda: not server.open_connections)
        assert descriptors() <= before
    assert len(server.requests) == count + 1
    assert [type(event) for event in events].count(CallEnded) == count + 1


def test_C12_a_stream_that_was_closed_says_so(wire: Wire) -> None:
    with RawServer(endless(wire)) as server, wire.client(server) as client:
        stream = client.stream(PROMPT)
        next(stream)
        stream.close()
        stream.close()
        for _ in range(2):
            with pytest.raises(StreamInterruptedError, match="closed"):
                next(stream)
        assert "closed" in repr(stream)


# C13

INTERRUPTS = """
    import os, signal, sys, threading, time, traceback
    sys.path.insert(0, sys.argv[4])
    import secrets_canary
    from minimax_sync import MiniMaxClient, RetryPolicy, TokenBucket

    url, flavor, phase = sys.argv[1:4]
    bucket = TokenBucket(5) if phase == "limiter" else None
    client = MiniMaxClient(
        secrets_canary.KEY, base_url=url, api_flavor=flavor, limiter=bucket, timeout=30,
        requests_per_second=None, retry=RetryPolicy(initial_backoff_ms=8000),
    )
    prompt = secrets_canary.PROMPT

    def interrupted(action, after=0.3):
        timer = threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT))
        began = time.monotonic()
        timer.start()
        try:
            action()
        except KeyboardInterrupt as error:
            assert time.monotonic() - began < after + 0.5, "not prompt"
            found = secrets_canary.leaks_of(error)
            assert not found, found
        else:
            sys.exit("not interrupted")
        timer.join()

    if phase == "limiter":
        client.chat("go on")
        bucket.pause(0.8)
        began = time.monotonic()
        interrupted(lambda: client.chat(prompt))
        client.chat("go on")
        assert 0.75 < time.monotonic() - began < 0.95, time.monotonic() - began
        began = time.monotonic()
        client.chat("go on")
        assert 0.1 < time.monotonic() - began < 0.3, "a slot was lost"
    elif phase == "in the caller's code":
        stream = client.stream("stream")
        def work():
            for chunk in stream:
                time.sleep(20)
        interrupted(work)
        stream.close()
    elif phase == "in recv":
        stream = client.stream("stream")
        interrupted(lambda: stream.response)
        assert stream.partial.reasoning or stream.partial.text
        try:
            next(stream)
        except Exception as error:
            assert type(error).__name__ == "StreamInterruptedError", error
        else:
            sys.exit("a half stream went on")
    else:
        interrupted(lambda: client.chat(phase))
        interrupted(lambda: client.stream(phase))
    for how in range(3):
        assert client.chat("go on").text == "go on"
    del client
"""

PHASES = ["in recv", "wait for headers", "sleep in a retry", "limiter", "in the caller's code", "half a body"]


@pytest.mark.parametrize("phase", PHASES)
def test_C13_ctrl_c_is_prompt_in_every_phase_and_the_next_call_works(wire: Wire, phase: str) -> None:
    def script(peer: Peer) -> None:
        while True:
            asked = wire.asked(peer.read_request().body)
            if asked == "stream":
                peer.send(*framed(wire.events[: wire.first_delta + 1], "chunked", end=False))
                peer.stall()
            elif asked == "wait for headers":
                peer.stall()
            elif asked == "sleep in a retry":
                peer.send(failing("503 Busy"))
            elif asked == "half a body":
                peer.send(answer(wire.body, headers=[JSON])[:-5])
                peer.stall()
            else:
                peer.send(answer(wire.said(asked), headers=[JSON]))

    tests = str(Path(__file__).parent.parent)
    with RawServer(script) as server:
        command = [sys.executable, "-W", "error", "-c", textwrap.dedent(INTERRUPTS), server.url, wire.flavor, phase]
        done = subprocess.run([*command, tests], capture_output=True, text=True, timeout=60, check=False)
        assert server.wait_until(lambda: not server.open_connections)
    assert done.returncode == 0, done.stderr
    assert not done.stderr


STORM = """
    import gc, os, random, signal, sys, threading, time
    from minimax_sync import MiniMaxClient, TokenBucket

    url, flavor = sys.argv[1:]
    client = MiniMaxClient("key", base_url=url, api_flavor=flavor, limiter=TokenBucket(2000), timeout=10)
    armed = False

    def interrupt(number, frame):
        codes = []
        while frame is not None:
            codes.append(frame.f_code)
            frame = frame.f_back
        ours = any("/minimax_sync/" in code.co_filename for code in codes)
        if armed and ours and not any(code.co_name == "__del__" for code in codes):  # Python would swallow it
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    client.chat("go on")
    stop = time.monotonic() + 1.5

    def storm():
        while time.monotonic() < stop:
            time.sleep(random.uniform(0.0005, 0.004))
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=storm)
    thread.start()
    done = interrupted = 0
    while time.monotonic() < stop:
        try:
            armed = True
            if done % 2:
                assert client.chat("go on").text == "go on"
            else:
                assert "".join(client.stream("go on").text_deltas()) == "go on"
            armed = False
            done += 1
        except KeyboardInterrupt:
            armed = False
            interrupted += 1
    thread.join()
    gc.collect()
    assert interrupted > 50 and done > 20, (interrupted, done)
    for i in range(20):
        assert client.chat(f"after {i}").text == f"after {i}"
    client.close()
    gc.collect()
    files = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    sockets = [file for file in files if os.path.lexists(file) and "socket" in os.readlink(file)]
    assert not sockets, sockets
"""


def test_C13_a_storm_of_interrupts_crosses_no_answers_and_leaks_no_socket(wire: Wire) -> None:
    def script(peer: Peer) -> None:
        while True:
            body = peer.read_request().body
            text = wire.asked(body)
            if b'"stream"' in body:
                begin, end = wire.events[: wire.first_delta], wire.events[wire.whole_after - 1 :]
                peer.send(*framed([*begin, wire.delta(text), *end], "chunked"))
            else:
                peer.send(answer(wire.said(text), headers=[JSON]))

    with RawServer(script) as server:
        # Warnings of sockets are off: an interrupt inside socket.socket() itself leaves one for Python to close.
        command = [sys.executable, "-c", textwrap.dedent(STORM), server.url, wire.flavor]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert server.wait_until(lambda: not server.open_connections)
    assert done.returncode == 0, done.stderr
    # Python itself prints an interrupt that comes inside one of its own callbacks, a WeakSet's for one, and goes on.
    assert set(re.findall(r"^(\w+(?:Error|Warning|Interrupt))\b", done.stderr, re.MULTILINE)) <= {"KeyboardInterrupt"}


def test_C13_a_real_ctrl_c_goes_through_with_statements_and_ends_the_stream(wire: Wire) -> None:
    before = signal.getsignal(signal.SIGINT)
    assert before is signal.default_int_handler
    with RawServer(endless(wire)) as server, wire.client(server) as client:
        threading.Timer(0.2, signal.pthread_kill, (threading.main_thread().ident or 0, signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt), client.stream(PROMPT) as stream:
            assert stream.response
        assert stream.partial.message is not None
        assert server.wait_until(lambda: not server.open_connections)
        server.script = replies(answer(wire.body, headers=[JSON]))
        assert client.chat(PROMPT).text == TEXT


# C19


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


def test_C19_a_second_reader_is_told_and_the_first_goes_on(wire: Wire) -> None:
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


def test_C19_what_has_come_can_be_looked_at_from_any_thread_while_it_is_read(wire: Wire) -> None:
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
