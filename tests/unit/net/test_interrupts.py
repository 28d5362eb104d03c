"""Waits made of slices, as on Windows, where Ctrl-C is seen only between two of them."""

from __future__ import annotations

import threading
import time

import pytest

from minimax_sync import TokenBucket
from minimax_sync.auth import background, single_flight
from minimax_sync.auth.single_flight import PendingRefresh
from minimax_sync.net import interrupts
from minimax_sync.pacing import token_bucket


@pytest.fixture(autouse=True)
def short_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (background, single_flight, token_bucket):
        monkeypatch.setattr(module, "WAIT_SLICE", 0.002)


def test_a_wait_is_not_sliced_where_a_signal_interrupts_it() -> None:
    assert interrupts.WAIT_SLICE == threading.TIMEOUT_MAX


def test_a_sliced_wait_for_a_refresh_lasts_as_long_as_it_may_and_ends_with_the_refresh() -> None:
    pending = PendingRefresh()
    began = time.monotonic()
    assert not pending.wait(0.02)
    assert time.monotonic() - began >= 0.02
    threading.Timer(0.02, pending.finish).start()
    assert pending.wait(10.0)


def test_a_sliced_wait_for_a_job_ends_with_the_job() -> None:
    refresher = background.Refresher(lambda: 1.0)
    running = threading.Event()

    def job() -> None:
        running.set()
        time.sleep(0.02)

    refresher.submit(job)
    assert running.wait(5)
    refresher.wait_until_idle(10.0)
    assert refresher._idle.is_set()


def test_a_sliced_wait_for_a_slot_takes_as_long_as_the_rate_demands() -> None:
    bucket = TokenBucket(50.0)
    bucket.acquire()
    began = time.monotonic()
    bucket.acquire()
    assert time.monotonic() - began >= 0.018
