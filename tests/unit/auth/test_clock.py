from __future__ import annotations

import time

import pytest

from minimax_sync.auth.clock import SystemClock


def test_the_system_clock_follows_a_time_module_that_is_patched_later(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, slept = SystemClock(), list[float]()
    monkeypatch.setattr(time, "time", lambda: 7.0)
    monkeypatch.setattr(time, "monotonic", lambda: 8.0)
    monkeypatch.setattr(time, "sleep", slept.append)
    clock.sleep(9.0)
    assert (clock.time(), clock.monotonic(), slept) == (7.0, 8.0, [9.0])
