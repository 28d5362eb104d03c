"""B13: a 429 cools down 32 threads at once. B14: the bucket under real threads, signals and time."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support.run_python import run_python

from minimax_sync.errors import RateLimitError
from minimax_sync.pacing.retry import Attempts, RetryPolicy, retry_after_seconds
from minimax_sync.pacing.token_bucket import TokenBucket

THREADS = 32
RATE = 50
COOL_DOWN = 1.0


class CoolingServer(ThreadingHTTPServer):
    """Answers the tenth request, and every one in the second after it, with a 429."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.seen: list[float] = []
        self.refused: list[float] = []

    def accepts(self) -> bool:
        now = time.monotonic()
        with self.lock:
            self.seen.append(now)
            cooling = len(self.seen) == 10 or (self.refused and now < self.refused[0] + COOL_DOWN)
            if cooling:
                self.refused.append(now)
        return not cooling


class Handler(BaseHTTPRequestHandler):
    server: CoolingServer

    def do_POST(self) -> None:
        accepted = self.server.accepts()
        self.send_response(200 if accepted else 429)
        if not accepted:
            self.send_header("Retry-After", f"{COOL_DOWN:g}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Keep the test's output clean."""


@contextmanager
def cooling_server() -> Iterator[CoolingServer]:
    with CoolingServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def post(port: int) -> tuple[int, str | None]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/")
        response = connection.getresponse()
        response.read()
        return response.status, response.headers.get("Retry-After")
    finally:
        connection.close()


def test_B13_a_429_seen_by_one_of_32_threads_holds_all_of_them_back_and_they_return_one_per_slot() -> None:
    bucket = TokenBucket(RATE)
    waits: list[float] = []

    def call(port: int) -> None:
        attempts = Attempts(RetryPolicy(initial_backoff_ms=10), time.monotonic() + 60)
        while True:
            bucket.acquire()
            status, retry_after = post(port)
            if status == 200:
                return
            seconds = retry_after_seconds(retry_after, datetime.now(timezone.utc))
            assert seconds == COOL_DOWN
            wait = attempts.wait_after(RateLimitError(retry_after_ms=int(seconds * 1000)))
            assert wait is not None
            waits.append(wait)
            bucket.pause(attempts.cool_down)

    with cooling_server() as server:
        threads = [threading.Thread(target=call, args=(server.server_port,)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(server.refused) == len(waits) == 1, "only the request that met the limit was refused"
    assert len(server.seen) == THREADS + 1, "the attempts do not multiply"
    refused = server.refused[0]
    after = [at for at in server.seen if at > refused]
    assert after[0] - refused >= COOL_DOWN
    for count, at in enumerate(after):
        assert at - after[0] >= (count - 1.5) / RATE, "one probe, then one per slot"


STORM = """
import random, signal, sys, threading, time
from minimax_sync.pacing import token_bucket

def interrupt(signum, frame):
    while frame is not None:
        if frame.f_code.co_filename == token_bucket.__file__:
            raise KeyboardInterrupt
        frame = frame.f_back

signal.signal(signal.SIGINT, interrupt)
bucket = token_bucket.TokenBucket(400)
began = time.monotonic()
stop = began + 2.0
counts = [0] * 5

def work(number):
    while time.monotonic() < stop:
        bucket.acquire()
        counts[number] += 1

def storm():
    main = threading.main_thread().ident
    while time.monotonic() < stop:
        time.sleep(random.uniform(0.0005, 0.02))
        signal.pthread_kill(main, signal.SIGINT)

threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
threads.append(threading.Thread(target=storm))
for thread in threads:
    thread.start()
interrupted = 0
while time.monotonic() < stop:
    try:
        bucket.acquire()
        counts[0] += 1
    except KeyboardInterrupt:
        interrupted += 1
for thread in threads:
    thread.join(timeout=10)
slots = 1 + 400 * (time.monotonic() - began)
assert not any(thread.is_alive() for thread in threads), "a line that no longer moves"
assert bucket.acquire(timeout=5) < 1
assert not bucket._line._waiting
assert interrupted > 20, interrupted
assert counts[0] > 20, counts
assert 80 < sum(counts) <= slots, (counts, slots)
"""


def test_B14_a_storm_of_signals_leaves_the_line_moving_and_no_slot_counted_twice() -> None:
    run_python(STORM)
