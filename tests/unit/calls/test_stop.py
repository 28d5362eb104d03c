"""The end of a call from another thread: in each of its waits, and with every wire."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import requests
from support.eventually import eventually

from minimax_sync import LlmError, MiniMaxClient, RetryPolicy, StreamInterruptedError, TokenBucket
from minimax_sync.calls.stop import Stop
from minimax_sync.emulator import Emulator
from minimax_sync.values.request import as_request


def ended(client: MiniMaxClient, emulator: Emulator, requests: int = 1) -> None:
    """Start a stream and end it once so many requests have arrived; assert that nothing more is sent."""
    stop, began = Stop(), time.monotonic()

    def close() -> None:
        eventually(lambda: len(emulator.journal) == requests)
        time.sleep(0.05)
        stop.close()

    closer = threading.Thread(target=close)
    closer.start()
    with pytest.raises(LlmError):
        client._stream(as_request("Hello", {}), stop)
    closer.join()
    assert time.monotonic() - began < 20
    assert len(emulator.journal) == requests


@pytest.mark.parametrize("wait", [{"delay": 60.0}, {"silence": 60.0}])
def test_the_wait_for_an_answer_ends(emulator: Emulator, any_client: MiniMaxClient, wait: dict[str, Any]) -> None:
    emulator.answer("Too late.", **wait)
    ended(any_client, emulator)
    assert any_client.chat("Still there?").text


def test_the_wait_for_the_first_chunk_ends_on_a_users_session_too(emulator: Emulator, base_url: str) -> None:
    emulator.fault("stall")
    with requests.Session() as session:
        options: dict[str, Any] = {"session": session, "requests_per_second": None}
        with MiniMaxClient(emulator.api_key, base_url=base_url, **options) as client:
            ended(client, emulator)


def test_the_wait_before_a_retry_ends_and_nothing_is_sent(emulator: Emulator, any_client: MiniMaxClient) -> None:
    emulator.fault(status=529)
    patient = RetryPolicy(initial_backoff_ms=60_000, max_backoff_ms=60_000)
    ended(any_client.with_options(retry=patient), emulator)


@pytest.mark.parametrize("failures", [0, 1])
def test_the_wait_for_the_limiter_ends_and_nothing_is_sent(emulator: Emulator, base_url: str, failures: int) -> None:
    bucket, quick = TokenBucket(0.01), RetryPolicy(initial_backoff_ms=1, max_backoff_ms=1)
    if failures:
        emulator.fault(status=500)
    else:
        bucket.acquire()
    with MiniMaxClient(emulator.api_key, base_url=base_url, limiter=bucket, retry=quick) as client:
        ended(client, emulator, failures)


def test_nothing_is_sent_after_a_wait_for_a_limiter_of_the_users(emulator: Emulator, base_url: str) -> None:
    stop = Stop()

    class Own(TokenBucket):
        def acquire(self, timeout: float | None = None) -> float:
            stop.close()
            return super().acquire(timeout)

    with MiniMaxClient(emulator.api_key, base_url=base_url, limiter=Own(10)) as client, pytest.raises(LlmError):
        client._stream(as_request("Hello", {}), stop)
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
