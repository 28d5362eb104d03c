"""The shared limiter while Redis is away, refuses, or has forgotten everything."""

from __future__ import annotations

import logging
import time
from itertools import pairwise

import pytest
from support.eventually import together
from support.redis_server import RedisServer

from minimax_sync import RedisTokenBucket
from minimax_sync.pacing import redis_token_bucket


def test_without_redis_each_process_keeps_to_the_rate_by_itself_until_it_is_back(
    mortal: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(redis_token_bucket, "RETRY_REDIS", 0.2)
    caplog.set_level(logging.INFO, "minimax_sync")
    bucket = RedisTokenBucket(mortal.url, 50)
    bucket.acquire()
    mortal.kill()
    began = time.monotonic()
    together([lambda: bucket.acquire()] * 4)
    assert 0.05 < time.monotonic() - began < 2
    assert bucket.degraded
    assert repr(bucket).endswith("degraded>")
    (warning,) = caplog.records
    assert (warning.levelno, "no connection" in warning.getMessage()) == (logging.WARNING, True)
    mortal.start()
    time.sleep(0.2)
    bucket.acquire()
    assert not bucket.degraded
    assert caplog.messages[1:] == [f"the shared rate limit at {mortal.url} is available again"]


def test_a_pause_is_kept_when_redis_goes_away(mortal: RedisServer) -> None:
    bucket = RedisTokenBucket(mortal.url, 100)
    bucket.pause(0.2)
    mortal.kill()
    assert 0.05 < bucket.acquire() < 2


def test_after_a_flush_of_redis_the_waiting_threads_get_new_slots(mortal: RedisServer) -> None:
    bucket = RedisTokenBucket(mortal.url, 2)
    bucket.acquire()
    instants: list[float] = []

    def take() -> None:
        bucket.acquire()
        instants.append(time.monotonic())

    def forget() -> None:
        time.sleep(0.05)
        with mortal.client() as client:
            client.flushall()
        take()  # the first slots of the new line
        take()

    together([take, take, forget])
    assert len(instants) == 4
    assert min(later - earlier for earlier, later in pairwise(sorted(instants))) > 0.12


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (("CONFIG", "SET", "maxmemory", "1"), "it is out of memory (OOM)"),
        (("REPLICAOF", "127.0.0.1", "1"), "it is a read-only replica (READONLY)"),
        (("CONFIG", "SET", "requirepass", "hidden"), "it refuses the user or the password"),
    ],
)
def test_the_warning_has_the_reason(
    mortal: RedisServer, command: tuple[str, ...], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with mortal.client() as client:
        client.execute_command(*command)
    RedisTokenBucket(mortal.url, 50).acquire()
    assert f"is unavailable: {reason}. Until it is available again" in caplog.text
