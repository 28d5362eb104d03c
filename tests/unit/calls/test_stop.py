"""The end of a call from another thread: in each of its waits, and with every wire."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import requests

from minimax_sync import LlmError, MiniMaxClient, RetryPolicy, StreamInterruptedError, TokenBucket
from minimax_sync.calls.stop import Stop
from minimax_sync.emulator import Emulator
from minimax_sync.values.request import as_request


def ended(client: MiniMaxClient, stop: Stop) -> None:
    """Start a stream and close it soon after; assert that it fails long before it would answer."""
    threading.Timer(0.05, stop.close).start()
    began = time.monotonic()
    with pytest.raises(LlmError):
        client._stream(as_request("Hello", {}), stop)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("wait", [{"delay": 60.0}, {"silence": 60.0}])
def test_the_wait_for_an_answer_ends(emulator: Emulator, any_client: MiniMaxClient, wait: dict[str, Any]) -> None:
    emulator.answer("Too late.", **wait)
    ended(any_client, Stop())
    assert len(emulator.journal) == 1
    assert any_client.chat("Still there?").text


def test_the_wait_for_the_first_chunk_ends_on_a_users_session_too(emulator: Emulator, base_url: str) -> None:
    emulator.fault("stall")
    with requests.Session() as session:
        options: dict[str, Any] = {"session": session, "requests_per_second": None}
        with MiniMaxClient(emulator.api_key, base_url=base_url, **options) as client:
            ended(client, Stop())
    assert len(emulator.journal) == 1


def test_the_wait_before_a_retry_ends_and_nothing_is_sent(emulator: Emulator, any_client: MiniMaxClient) -> None:
    emulator.fault(status=529)
    patient = RetryPolicy(initial_backoff_ms=60_000, max_backoff_ms=60_000)
    ended(any_client.with_options(retry=patient), Stop())
    assert len(emulator.journal) == 1


@pytest.mark.parametrize("failures", [0, 1])
def test_the_wait_for_the_limiter_ends_and_nothing_is_sent(emulator: Emulator, base_url: str, failures: int) -> None:
    bucket, quick = TokenBucket(0.01), RetryPolicy(initial_backoff_ms=1, max_backoff_ms=1)
    if failures:
        emulator.fault(status=500)
    else:
        bucket.acquire()
    with MiniMaxClient(emulator.api_key, base_url=base_url, limiter=bucket, retry=quick) as client:
        ended(client, Stop())
    assert len(emulator.journal) == failures


def test_nothing_is_sent_after_a_wait_for_a_limiter_of_the_users(emulator: Emulator, base_url: str) -> None:
    class Own(TokenBucket):
        def acquire(self, timeout: float | None = None) -> float:
            return super().acquire(timeout)

    bucket = Own(10)
    bucket.pause(0.2)
    with MiniMaxClient(emulator.api_key, base_url=base_url, limiter=bucket) as client:
        ended(client, Stop())
    assert emulator.journal == []


def test_a_call_that_was_ended_before_it_began_sends_nothing(emulator: Emulator, any_client: MiniMaxClient) -> None:
    stop = Stop()
    stop.close()
    stop.close()
    with pytest.raises(StreamInterruptedError, match="closed"):
        any_client._stream(as_request("Hello", {}), stop)
    assert emulator.journal == []


def test_a_connection_that_is_made_while_the_call_is_ended_is_closed() -> None:
    stop, closed = Stop(), threading.Event()
    stop.close()
    stop.on_close(closed.set)
    assert closed.is_set()
    assert not stop.sleep(60)
