"""`testing()`: no pacing and no backoff, for tests of programs that use this library. Knows no limiter or policy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_depth = 0


def is_testing() -> bool:
    """Return whether pacing and backoff are off in this process."""
    return _depth > 0


@contextmanager
def testing() -> Iterator[None]:
    """Turn off pacing and backoff in this process, in all threads and for all clients, while the block runs.

    Limiters let every request through immediately, and a retry follows a failed attempt immediately, whatever the
    `Retry-After`. The number of attempts and everything else stay as they are. Blocks may be nested. The pytest fixture
    `minimax_testing` does the same for one test.

    >>> from minimax_sync import MiniMaxClient, testing
    >>> from minimax_sync.emulator import Emulator
    >>> with testing(), Emulator() as emulator:
    ...     emulator.fault(status=429, retry_after=60)
    ...     with MiniMaxClient(emulator.api_key, base_url=emulator.base_url) as client:
    ...         print(client.chat("Hello").text)
    You said: "Hello".
    """
    _change(1)
    try:
        yield
    finally:
        _change(-1)


vars(testing)["__test__"] = False  # the name looks like a test to pytest, wherever it is imported


def _change(by: int) -> None:
    global _depth
    with _lock:
        _depth += by
