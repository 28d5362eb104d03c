"""The rate limit that processes and hosts share, on a real Redis."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.eventually import together
from support.redis_server import RedisServer
from support.run_python import run_python

from minimax_sync import ConfigError, MiniMaxClient, RedisTokenBucket
from minimax_sync.emulator import Emulator
from minimax_sync.errors import CallTimeoutError

TAKE_MANY = """
import sys, time
from minimax_sync import RedisTokenBucket
bucket = RedisTokenBucket(sys.argv[1], float(sys.argv[2]))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[3])):
    bucket.acquire()
    print(time.time(), flush=True)
"""


@contextmanager
def takers(count: int, *arguments: object) -> Iterator[list[subprocess.Popen[str]]]:
    """Run processes that wait for a line, take slots and print when they had each."""
    command = [sys.executable, "-c", TAKE_MANY, *map(str, arguments)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(count)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def key_of(server: RedisServer) -> str:
    with server.client() as client:
        (key,) = client.keys("*")
    return str(key)


def test_four_processes_together_keep_to_the_rate(url: str) -> None:
    rate, each = 50, 20
    with takers(4, url, rate, each) as processes:
        for process in processes:
            go(process)
        instants = sorted(float(line) for process in processes for line in process.communicate()[0].split())
    assert len(instants) == 4 * each
    span = instants[-1] - instants[0]
    ideal = (4 * each - 1) / rate
    assert 0.98 * ideal < span < 10 * ideal


def test_slots_are_granted_in_the_order_of_arrival(url: str) -> None:
    hosts = [RedisTokenBucket(url, 5) for _ in range(2)]
    hosts[0].acquire()
    order: list[int] = []

    def take(number: int) -> None:
        hosts[number % 2].acquire()
        order.append(number)

    threads = []
    for number in range(6):
        threads.append(threading.Thread(target=take, args=(number,)))
        threads[-1].start()
        time.sleep(0.03)
    for thread in threads:
        thread.join()
    assert order == list(range(6))


def test_a_burst_goes_at_once_and_what_follows_at_the_rate(url: str) -> None:
    bucket = RedisTokenBucket(url, 2, burst=3)
    waits = [bucket.acquire() for _ in range(4)]
    assert max(waits[:3]) < 0.15
    assert 0.25 < waits[3] < 5


def test_a_wait_that_would_be_too_long_is_refused_at_once_and_takes_no_slot(url: str) -> None:
    bucket = RedisTokenBucket(url, 0.1)
    bucket.acquire()
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(CallTimeoutError, match=r"the wait would be (10\.0|9\.\d) s, 5\.0 s are left"):
            bucket.acquire(5)
    assert time.monotonic() - began < 1


def test_a_pause_holds_all_callers_on_all_hosts_and_keeps_their_order(url: str) -> None:
    here, there = RedisTokenBucket(url, 20), RedisTokenBucket(url, 20)
    here.acquire()
    began = time.monotonic()
    instants: list[float] = []

    def take() -> None:
        there.acquire()
        instants.append(time.monotonic() - began)

    def pause() -> None:
        time.sleep(0.01)
        here.pause(0.3)
        here.pause(0.1)  # a shorter one changes nothing

    together([take, take, take, pause])
    assert 0.3 < min(instants) < max(instants) < 4


def test_no_burst_follows_a_pause(url: str) -> None:
    bucket = RedisTokenBucket(url, 20, burst=5)
    began = time.monotonic()
    bucket.pause(0.1)
    for number in range(4):
        bucket.acquire()
        assert time.monotonic() - began >= 0.1 + 0.05 * number


def test_a_wait_that_a_pause_makes_too_long_ends(url: str) -> None:
    bucket = RedisTokenBucket(url, 20)
    bucket.acquire()
    errors: list[CallTimeoutError] = []

    def take() -> None:
        try:
            bucket.acquire(0.2)
        except CallTimeoutError as error:
            errors.append(error)

    def pause() -> None:
        time.sleep(0.02)
        bucket.pause(5)

    together([take, pause])
    assert len(errors) == 1


def test_an_interrupted_wait_gives_its_slot_back(url: str) -> None:
    bucket = RedisTokenBucket(url, 0.01)
    bucket.acquire()
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.03, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        bucket.acquire()
    timer.join()
    with pytest.raises(CallTimeoutError, match=r"the wait would be (100\.0|99\.\d) s"):
        bucket.acquire(5)


def test_a_stopped_process_does_not_send_its_waiting_requests_in_a_burst(server: RedisServer, url: str) -> None:
    with takers(1, url, 5, 2) as (process,):
        bucket = RedisTokenBucket(url, 5)
        bucket.acquire()
        go(process)
        time.sleep(0.05)  # it waits for its slot now
        process.send_signal(signal.SIGSTOP)
        time.sleep(1.3)
        bucket.acquire()
        process.send_signal(signal.SIGCONT)
        continued = time.time()
        first, second = (float(line) for line in process.communicate()[0].split())
    assert first - continued > 0.02
    assert second - first > 0.08


def test_a_forked_child_shares_the_bucket_over_a_connection_of_its_own(url: str) -> None:
    bucket = RedisTokenBucket(url, 4)
    bucket.acquire()
    child = os.fork()
    if child == 0:
        waited = bucket.acquire()
        os._exit(0 if 0.05 < waited < 3 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert 0 < bucket.acquire() < 3


def test_nothing_is_left_in_redis_a_minute_after_the_last_slot(server: RedisServer, url: str) -> None:
    bucket = RedisTokenBucket(url, 0.1)
    bucket.acquire()
    bucket.pause(20)
    with server.client() as client:
        assert 85_000 < client.pttl(key_of(server)) <= 90_000


def test_a_pickle_holds_the_url_and_leads_to_the_same_bucket(url: str) -> None:
    bucket = RedisTokenBucket(url, 2, name="mine")
    bucket.acquire()
    twin = pickle.loads(pickle.dumps(bucket))
    assert (twin.name, twin.requests_per_second, twin.burst) == ("mine", 2, 1)
    assert twin.acquire() > 0.1


def test_a_password_is_shown_nowhere_and_not_pickled() -> None:
    bucket = RedisTokenBucket("redis://:hidden@127.0.0.1:1/0", 20)
    assert "hidden" not in repr(bucket)
    with pytest.raises(ConfigError, match="password cannot be pickled") as caught:
        pickle.dumps(bucket)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://h/0/name",
        "redis://user:hidden@h:port/0",
        "http://hidden",
        "redis://",
        "redis:///0",
        "redis://hidden:x/a",
    ],
)
def test_an_invalid_url_is_a_config_error_that_does_not_show_it(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^limiter: ") as caught:
        RedisTokenBucket(url, 2)
    assert "hidden" not in str(caught.value)


def test_clients_with_one_credential_share_the_bucket_and_the_key_does_not_show_it(
    emulator: Emulator, server: RedisServer, url: str, own_world: Path
) -> None:
    (own_world / "config").mkdir()
    (own_world / "config" / "llm.yaml").write_text(
        "providers: {minimax: {rate_limit: {requests_per_second: 4, store: '" + url + "'}}}"
    )
    first = MiniMaxClient(emulator.api_key, base_url=emulator.base_url)
    second = MiniMaxClient(emulator.api_key, base_url=emulator.base_url, limiter=url, requests_per_second=4)
    with first, second:
        began = time.monotonic()
        for client in (first, second, first):
            client.chat("hi")
        assert 0.49 < time.monotonic() - began < 5
    assert emulator.api_key not in key_of(server)


def test_a_429_for_one_client_holds_the_other(emulator: Emulator, url: str) -> None:
    emulator.fault(status=429, retry_after=1)
    first, second = (
        MiniMaxClient(emulator.api_key, base_url=emulator.base_url, limiter=url, requests_per_second=50)
        for _ in range(2)
    )
    with first, second:
        began = time.monotonic()
        thread = threading.Thread(target=first.chat, args=("hi",))
        thread.start()
        time.sleep(0.3)
        second.chat("hi")
        assert time.monotonic() - began > 0.95
        thread.join()


def test_a_shared_limit_without_a_rate_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"argument limiter: .*requests_per_second"):
        MiniMaxClient("sk-api-x", limiter=url, requests_per_second=None)


def test_a_missing_redis_package_is_named_with_what_to_install(url: str) -> None:
    script = (
        "import sys; sys.modules['redis'] = None\n"
        "from minimax_sync import *\n"
        "try: MiniMaxClient('sk-api-x', limiter=sys.argv[1])\n"
        "except ConfigError as error: print(error)"
    )
    assert 'pip install "minimax-sync[redis]"' in run_python(script, url)


def test_a_client_without_a_redis_url_does_not_load_redis() -> None:
    script = "import sys; from minimax_sync import *; MiniMaxClient('sk-api-x'); print('redis' in sys.modules)"
    assert run_python(script) == "False"
