"""The background thread: jobs in order, ticks while there is a lease, and an end."""

from __future__ import annotations

import threading
from functools import partial

import pytest
from support.eventually import eventually

from minimax_sync.auth import background
from minimax_sync.auth.background import Refresher


def test_jobs_run_one_after_another_in_one_thread_that_ends_with_them() -> None:
    refresher, ran = Refresher(lambda: 1.0), list[tuple[int, bool]]()

    def job(number: int) -> None:
        ran.append((number, refresher.is_current()))

    for number in range(5):
        assert refresher.submit(partial(job, number))
    eventually(lambda: len(ran) == 5)
    assert ran == [(number, True) for number in range(5)]
    eventually(lambda: refresher._thread is None)
    assert not refresher.is_current()


def test_ticks_go_on_until_the_last_lease_is_closed_or_collected() -> None:
    ticks = threading.Semaphore(0)

    def tick() -> float:
        ticks.release()
        return 0.001

    refresher = Refresher(tick)
    first, second = refresher.lease(), refresher.lease()
    refresher.wake()
    for _ in range(3):
        assert ticks.acquire(timeout=5)
    first.close()
    assert (first.held, second.held) == (False, True)
    del second
    eventually(lambda: refresher._thread is None)


def test_without_a_lease_no_thread_starts() -> None:
    refresher = Refresher(lambda: 1.0)
    refresher.wake()
    assert refresher._thread is None


def test_a_job_that_raises_is_logged_by_its_type_and_the_next_one_runs(caplog: pytest.LogCaptureFixture) -> None:
    refresher, done = Refresher(lambda: 1.0), threading.Event()

    def fail() -> None:
        raise ValueError("a-secret")

    refresher.submit(fail)
    refresher.submit(done.set)
    assert done.wait(5)
    assert "ValueError" in caplog.text
    assert "a-secret" not in caplog.text


def test_while_the_interpreter_shuts_down_the_caller_has_to_run_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    closing = threading.Event()
    monkeypatch.setattr(background, "_closing", closing)
    closing.set()
    assert background.closing()
    assert not Refresher(lambda: 1.0).submit(lambda: None)
