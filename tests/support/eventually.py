"""Wait for what other threads or processes bring about."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], object], timeout: float = 20.0) -> bool:
    """Wait until the condition holds; fail if it does not within `timeout` seconds. Return True."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.002)
    return True


def together(actions: Iterable[Callable[[], T]]) -> list[T]:
    """Call each in a thread of its own; return the results in order, or raise the first exception."""
    calls = list(actions)
    with ThreadPoolExecutor(len(calls)) as pool:
        return [running.result() for running in [pool.submit(call) for call in calls]]
