"""The token bucket: its rate, its line of threads, and what survives forks and pickles."""

from __future__ import annotations

import copy
import gc
import pickle
import queue
import re
import threading
import time
from collections.abc import Callable
from math import inf, nan

import pytest
from support.clock import Clock
from support.eventually import eventually, together
from support.run_python import run_python

from minimax_sync.errors import CallTimeoutError, ConfigError
from minimax_sync.pacing.token_bucket import Limiter, TokenBucket, _shared, shared_bucket


def line_length(bucket: TokenBucket) -> int:
    return len(bucket._line._waiting)


@pytest.mark.parametrize("rate", [0, -1, nan, inf, -inf, True, "2", None, 1e7, 10**400, 1e-9])
def test_an_impossible_rate_is_refused_by_name(rate: float) -> None:
    with pytest.raises(ConfigError, match="requests_per_second must be"):
        TokenBucket(rate)
    with pytest.raises(ConfigError, match="requests_per_second must be"):
        shared_bucket("https://api.minimax.io", "key", rate)


@pytest.mark.parametrize("burst", [0, -1, 1.5, True, "2", 10**9])
def test_an_impossible_burst_is_refused_by_name(burst: int) -> None:
    with pytest.raises(ConfigError, match="burst must be"):
        TokenBucket(2.0, burst)


@pytest.mark.parametrize("seconds", [-1, nan, inf, 10**400, True, "1", None])
def test_an_impossible_pause_is_refused_by_name(seconds: float) -> None:
    with pytest.raises(ConfigError, match="pause: seconds must be"):
        TokenBucket(2.0).pause(seconds)


def test_the_first_slot_is_free_and_the_next_comes_an_interval_later() -> None:
    clock = Clock()
    bucket = TokenBucket(2.0, clock=clock.time)
    assert bucket.acquire() == 0.0
    clock.now += 0.49
    with pytest.raises(CallTimeoutError):
        bucket.acquire(timeout=0)
    clock.now += 0.01
    assert bucket.acquire(timeout=0) == 0.0


def test_idle_time_earns_no_more_than_the_burst() -> None:
    clock = Clock()
    for burst in (1, 3):
        bucket = TokenBucket(2.0, burst, clock=clock.time)
        clock.now += 3600
        for _ in range(burst):
            assert bucket.acquire(timeout=0) == 0.0
        with pytest.raises(CallTimeoutError):
            bucket.acquire(timeout=0.4)


@pytest.mark.parametrize("timeout", [0, 5, -1, nan])
def test_a_wait_longer_than_the_timeout_fails_at_once_and_was_never_sent(timeout: float) -> None:
    bucket = TokenBucket(0.1)
    bucket.acquire()
    began = time.monotonic()
    with pytest.raises(CallTimeoutError, match=r"the wait would be 10\.0 s") as caught:
        bucket.acquire(timeout=timeout)
    assert time.monotonic() - began < 1
    assert caught.value.sent is False
    assert caught.value.budget is None
    assert line_length(bucket) == 0


def test_the_seconds_waited_are_returned() -> None:
    bucket = TokenBucket(50)
    began = time.monotonic()
    waited = [bucket.acquire() for _ in range(3)]
    assert waited[0] == 0.0
    assert sum(waited) == pytest.approx(time.monotonic() - began, abs=0.01)
    assert sum(waited) >= 0.0399


def test_slots_are_granted_in_the_order_of_arrival() -> None:
    bucket = TokenBucket(200)
    bucket.pause(0.05)
    order: list[int] = []

    def go(number: int) -> None:
        bucket.acquire()
        order.append(number)

    threads = []
    for number in range(8):
        threads.append(threading.Thread(target=go, args=(number,)))
        threads[-1].start()
        eventually(lambda: line_length(bucket) == len(threads))
    for thread in threads:
        thread.join()
    assert order == list(range(8))


def test_B14_sixteen_threads_get_the_rate_and_never_more() -> None:
    bucket, interval = TokenBucket(400), 1 / 400
    granted: list[float] = []

    def go() -> None:
        for _ in range(5):
            bucket.acquire()
            granted.append(time.monotonic())

    began = time.monotonic()
    together([go] * 16)
    granted.sort()
    assert len(granted) == 80
    for count, at in enumerate(granted):
        assert at - began >= count * interval - 1e-6
    assert granted[-1] - began < 10 * 80 * interval


def test_a_pause_holds_back_those_already_waiting_and_lets_them_go_one_by_one() -> None:
    bucket = TokenBucket(100, burst=4)
    for _ in range(4):
        bucket.acquire()
    granted: list[float] = []
    threads = [threading.Thread(target=lambda: granted.append((bucket.acquire(), time.monotonic())[1])) for _ in "abc"]
    bucket.pause(0.02)
    for thread in threads:
        thread.start()
    eventually(lambda: line_length(bucket) == 3)
    paused = time.monotonic()
    bucket.pause(0.05)
    for thread in threads:
        thread.join()
    for count, at in enumerate(sorted(granted)):
        assert at - paused >= 0.05 + count / 100 - 1e-6


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    clock = Clock()
    bucket = TokenBucket(2.0, clock=clock.time)
    bucket.pause(60)
    bucket.pause(1)
    clock.now += 59.9
    with pytest.raises(CallTimeoutError):
        bucket.acquire(timeout=0)
    clock.now += 0.1
    assert bucket.acquire(timeout=0) == 0.0
    with pytest.raises(CallTimeoutError):
        bucket.acquire(timeout=0.49)


def test_a_wait_that_is_ended_by_another_thread_takes_no_slot() -> None:
    bucket = TokenBucket(0.1)
    bucket.acquire()
    ends: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def wait() -> None:
        with pytest.raises(CallTimeoutError):
            bucket.acquire_in_line(None, ends.put)

    waiting = threading.Thread(target=wait)
    waiting.start()
    end = ends.get(timeout=10)
    eventually(lambda: line_length(bucket) == 1)
    end()
    waiting.join(5)
    assert not waiting.is_alive()
    end()
    with pytest.raises(CallTimeoutError, match=r"would be (9\.\d|10\.0) s"):
        bucket.acquire(timeout=0)


def test_a_pause_ends_waits_that_would_become_too_long() -> None:
    bucket = TokenBucket(1)
    bucket.acquire()
    ended: list[CallTimeoutError] = []

    def go() -> None:
        with pytest.raises(CallTimeoutError, match="no slot in time") as caught:
            bucket.acquire(timeout=10)
        ended.append(caught.value)

    thread = threading.Thread(target=go)
    thread.start()
    eventually(lambda: line_length(bucket) == 1)
    bucket.pause(60)
    thread.join(timeout=5)
    assert len(ended) == 1
    assert line_length(bucket) == 0


INTERRUPTED = """
import os, signal, threading, time
from minimax_sync.pacing import token_bucket
bucket = token_bucket.TokenBucket(0.05)
bucket.acquire()

def act():
    while not bucket._line._waiting: time.sleep(0.001)
    threading.Thread(target=bucket.acquire, daemon=True).start()
    while len(bucket._line._waiting) < 2: time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=act).start()
try:
    bucket.acquire()
except KeyboardInterrupt:
    try:
        bucket.acquire(timeout=0)
    except token_bucket.CallTimeoutError as error:
        print(error, flush=True)
os._exit(0)
"""


def test_ctrl_c_ends_a_wait_at_once_and_gives_the_slot_to_the_next_in_line() -> None:
    """The slots lie 20 s apart: the one behind is due at 20 s then, and a third would be at 40 s, not at 60 s."""
    assert re.search(r"the wait would be (40\.0|3\d\.\d) s", run_python(INTERRUPTED))


FORKED = """
import os, threading, time
from minimax_sync.pacing.token_bucket import TokenBucket, shared_bucket
bucket = shared_bucket("https://api.minimax.io", "key", 5)
bucket.acquire()
bucket.pause(0.2)
others = [threading.Thread(target=bucket.acquire) for _ in range(3)]
for other in others: other.start()
while len(bucket._line._waiting) < 3: time.sleep(0.001)
with bucket._lock:
    child = os.fork()
if child == 0:
    bucket.acquire(timeout=0.7)  # behind the three it would be due at 0.8 s, and be refused
    os._exit(0 if shared_bucket("https://api.minimax.io", "key", 5.0) is bucket else 1)
_, status = os.waitpid(child, 0)
for other in others: other.join()
assert os.waitstatus_to_exitcode(status) == 0
"""


def test_a_forked_child_has_a_lock_and_a_line_of_its_own() -> None:
    run_python(FORKED, flags=("-W", "ignore::DeprecationWarning"))  # Python 3.12 and later warn of forks with threads


def test_a_bucket_is_pickled_and_copied_as_its_rate_and_burst() -> None:
    bucket = TokenBucket(2, 3)
    bucket.acquire()
    for twin in (pickle.loads(pickle.dumps(bucket)), copy.copy(bucket), copy.deepcopy(bucket)):
        assert twin is not bucket
        assert repr(twin) == repr(bucket) == "TokenBucket(requests_per_second=2, burst=3)"


def test_the_same_origin_credential_and_rate_share_a_bucket() -> None:
    first = shared_bucket("https://a.example", "key-1", 2)
    assert shared_bucket("https://a.example", "key-1", 2.0) is first
    assert shared_bucket("https://b.example", "key-1", 2) is not first
    assert shared_bucket("https://a.example", "key-2", 2) is not first
    assert shared_bucket("https://a.example", "key-1", 3) is not first


def test_a_shared_bucket_keeps_no_credential_and_lives_only_as_long_as_it_is_held() -> None:
    bucket = shared_bucket("https://held.example", "sk-canary\ud800", 2)
    keys = [key for key in _shared if key[0] == "https://held.example"]
    assert len(keys) == 1
    assert "canary" not in repr(keys)
    assert "canary" not in repr(vars(bucket))
    del bucket
    gc.collect()
    assert [key for key in _shared if key[0] == "https://held.example"] == []


def test_threads_that_ask_at_once_get_one_bucket() -> None:
    barrier = threading.Barrier(8)

    def ask() -> TokenBucket:
        barrier.wait()
        return shared_bucket("https://race.example", "key", 2)

    assert len(set(map(id, together([ask] * 8)))) == 1


def test_a_bucket_is_a_limiter_and_cheap_without_a_line() -> None:
    limiter: Limiter = TokenBucket(1e6, burst=1_000_000)
    began = time.perf_counter()
    for _ in range(2000):
        limiter.acquire()
    assert (time.perf_counter() - began) / 2000 < 50e-6


FROZEN = """
from freezegun import freeze_time
with freeze_time("2030-01-01"):  # everything is imported while the clocks stand still
    from minimax_sync import TokenBucket
    bucket = TokenBucket(100)
    print(sum(bucket.acquire() > 0 for _ in range(4)))
"""


def test_a_program_that_freezes_the_clocks_still_gets_its_slots() -> None:
    assert run_python(FROZEN) == "3"
