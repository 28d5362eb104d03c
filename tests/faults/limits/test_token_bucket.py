"""B13: a 429 cools down 32 threads at once. B14: the bucket under real threads, signals and time."""

from __future__ import annotations

import http.client
import threading
import time
from datetime import datetime, timezone
from functools import partial

from support.eventually import together
from support.raw_server import Peer, RawServer, answer
from support.run_python import run_python

from minimax_sync.errors import RateLimitError
from minimax_sync.pacing.retry import Attempts, RetryPolicy, retry_after_seconds
from minimax_sync.pacing.token_bucket import TokenBucket

THREADS = 32
RATE = 50
COOL_DOWN = 1.0


class Cooling:
    """The script of a server that answers the tenth request, and every one in the second after it, with a 429."""

    def __init__(self) -> None:
        self.seen: list[float] = []
        self.refused: list[float] = []
        self._lock = threading.Lock()

    def __call__(self, peer: Peer) -> None:
        while True:
            peer.read_request()
            peer.send(
                answer() if self._accepts() else answer(status="429 Slow", headers=[f"Retry-After: {COOL_DOWN:g}"])
            )

    def _accepts(self) -> bool:
        now = time.monotonic()
        with self._lock:
            self.seen.append(now)
            is_cooling = len(self.seen) == 10 or bool(self.refused and now < self.refused[0] + COOL_DOWN)
            if is_cooling:
                self.refused.append(now)
        return not is_cooling


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

    cooling = Cooling()
    with RawServer(cooling) as server:
        together([partial(call, server.port)] * THREADS)
    refused = cooling.refused
    assert len(refused) == len(waits) <= 5, "only requests that were on their way when the limit was met are refused"
    assert len(cooling.seen) == THREADS + len(refused), "the attempts do not multiply"
    after = [at for at in cooling.seen if at > refused[-1]]
    assert after[0] - refused[0] >= COOL_DOWN
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
