"""C13: Ctrl-C is prompt in every phase of a call or a stream, and the next call works."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from support.canary import PROMPT
from support.raw_server import Peer, RawServer, answer
from support.run_python import run_python
from support.wire_server import JSON, TEXT, Wire, endless, failing, framed, replies

INTERRUPTS = """
    import os, re, signal, sys, threading, time, traceback
    sys.path.insert(0, sys.argv[4])
    from support import canary
    from minimax_sync import CallTimeoutError, MiniMaxClient, RetryPolicy, TokenBucket

    url, flavor, phase = sys.argv[1:4]
    bucket = TokenBucket(0.05) if phase == "limiter" else None
    client = MiniMaxClient(
        canary.KEY, base_url=url, api_flavor=flavor, limiter=bucket, timeout=30,
        requests_per_second=None, retry=RetryPolicy(initial_backoff_ms=8000),
    )
    prompt = canary.PROMPT

    def interrupted(action, after=1.0):
        timer = threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT))
        began = time.monotonic()
        timer.start()
        try:
            action()
        except KeyboardInterrupt as error:
            assert time.monotonic() - began < after + 3, "not prompt"
            found = canary.leaks_of(error)
            assert not found, found
        else:
            sys.exit("not interrupted")
        timer.join()

    if phase == "limiter":
        client.chat("go on")
        interrupted(lambda: client.chat(prompt), after=0.3)
        try:
            bucket.acquire(timeout=0)
        except CallTimeoutError as error:
            assert re.search(r"would be (20\\.0|19\\.[0-9]) s", str(error)), f"a slot was lost: {error}"
        else:
            sys.exit("a slot too early")
        client = MiniMaxClient(canary.KEY, base_url=url, api_flavor=flavor, requests_per_second=None)
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
                peer.send(answer(wire.whole(asked), headers=[JSON]))

    tests = str(Path(__file__).parents[2])
    with RawServer(script) as server:
        run_python(INTERRUPTS, server.url, wire.flavor, phase, tests, flags=("-W", "error"))
        assert server.wait_until(lambda: not server.open_connections)


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
                peer.send(answer(wire.whole(text), headers=[JSON]))

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
