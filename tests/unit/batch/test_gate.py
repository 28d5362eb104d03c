"""The gate of a run: one worker at a time in the limiter's line, none after the end."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError

import pytest

from minimax_sync import CallTimeoutError, TokenBucket
from minimax_sync.batch.gate import Gate


def test_it_takes_slots_of_the_limiter_and_pauses_it() -> None:
    bucket = TokenBucket(1000)
    gate = Gate(bucket)
    assert gate.acquire() < 5
    gate.pause(60)
    with pytest.raises(CallTimeoutError):
        bucket.acquire(timeout=0.01)


def test_no_thread_passes_after_the_end() -> None:
    for gate in (Gate(None), Gate(TokenBucket(1000))):
        gate.close()
        with pytest.raises(CancelledError):
            gate.acquire()


def test_a_worker_that_cannot_get_its_turn_in_time_gets_the_error_of_a_limiter() -> None:
    class Held(TokenBucket):
        entered, leave = threading.Event(), threading.Event()

        def acquire(self, timeout: float | None = None) -> float:
            self.entered.set()
            self.leave.wait(10)
            return 0.0

    bucket = Held(1)
    gate = Gate(bucket)
    first = threading.Thread(target=gate.acquire)
    first.start()
    bucket.entered.wait(10)
    with pytest.raises(CallTimeoutError):
        gate.acquire(timeout=0.01)
    bucket.leave.set()
    first.join()
