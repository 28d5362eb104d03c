from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

import pytest

from minimax_sync.auth.single_flight import PendingRefresh


def _start(*jobs: Callable[[], object]) -> list[threading.Thread]:
    threads = [threading.Thread(target=job, daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    return threads


def _end(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(2)
    assert not any(thread.is_alive() for thread in threads)


def _with_a_break(code: CodeType, line: int, interlude: Callable[[], object], job: Callable[[], object]) -> None:
    """Do `job`, and `interlude` when `code` comes to the line-th of the lines that it runs."""
    lines = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        if event == "line" and lines == line:
            interlude()
        return trace

    before = sys.gettrace()
    sys.settrace(lambda frame, event, argument: trace if frame.f_code is code else None)
    try:
        job()
    finally:
        sys.settrace(before)
    assert lines >= line


def test_a_thread_that_gives_up_waiting_takes_no_other_threads_turn() -> None:
    pending = PendingRefresh()
    patient: list[bool] = []
    hasty: list[bool] = []
    waiting = _start(*[lambda: patient.append(pending.wait(10.0))] * 8)
    _end(_start(*[lambda: hasty.append(pending.wait(0.01)), lambda: hasty.append(pending.wait(0.0))] * 4))
    waiting += _start(*[lambda: patient.append(pending.wait(10.0))] * 8)
    assert (hasty, patient) == ([False] * 8, [])
    pending.finish()
    _end(waiting)
    assert patient == [True] * 16


@pytest.mark.parametrize("line", [1, 2, 3, 4])
def test_a_refresh_that_finishes_while_a_thread_begins_to_wait_is_not_missed(line: int) -> None:
    pending = PendingRefresh()
    seen: list[bool] = []
    wait = PendingRefresh.wait.__code__
    _end(_start(lambda: _with_a_break(wait, line, pending.finish, lambda: seen.append(pending.wait(10.0)))))
    assert seen == [True]


@pytest.mark.parametrize("line", [1, 2, 3, 4])
def test_a_thread_that_begins_to_wait_while_a_refresh_finishes_is_released_with_the_others(line: int) -> None:
    pending = PendingRefresh()
    seen: list[bool] = []
    waiting: list[threading.Thread] = []

    def come() -> None:
        waiting.extend(_start(lambda: seen.append(pending.wait(10.0))))
        waiting[-1].join(0.02)

    come()
    _with_a_break(PendingRefresh.finish.__code__, line, come, pending.finish)
    _end(waiting)
    assert seen == [True, True]
