"""`testing()` turns off pacing and backoff, and nothing else."""

from __future__ import annotations

import threading

import pytest

from minimax_sync import MiniMaxClient, RateLimitError, TokenBucket, testing
from minimax_sync.emulator import Emulator
from minimax_sync.pacing.testing import is_testing


class NoSlots(TokenBucket):
    """A limiter that must not be asked."""

    def acquire(self, timeout: float | None = None) -> float:
        raise AssertionError("the limiter was asked for a slot")


def test_nothing_waits_and_the_number_of_attempts_stays(emulator: Emulator, base_url: str) -> None:
    for _ in range(5):
        emulator.fault(status=429, retry_after=3600)
    with (
        testing(),
        MiniMaxClient(emulator.api_key, base_url=base_url, limiter=NoSlots(1), timeout=60.0) as client,
        pytest.raises(RateLimitError),
    ):
        client.chat("hello")
    assert len(emulator.journal) == 5


def test_it_holds_in_all_threads_nests_and_ends() -> None:
    seen: list[bool] = []
    with testing():
        with testing():
            thread = threading.Thread(target=lambda: seen.append(is_testing()))
            thread.start()
            thread.join()
        assert is_testing()
    assert seen == [True]
    assert not is_testing()


def test_it_ends_when_the_block_fails() -> None:
    with pytest.raises(KeyError), testing():
        raise KeyError
    assert not is_testing()
