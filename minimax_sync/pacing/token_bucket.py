"""The rate limit of one process: one slot per interval, first come, first served.

`Line` is the arithmetic of the queue, without lock or clock. `TokenBucket` adds a lock, the monotonic clock and
sleeping threads. Only the first thread in line waits for an instant, each other one for the thread in front of it, so
no slot ever has to be returned: when a thread leaves (timeout, Ctrl-C), those behind it move up. Slots are absolute
instants, so late wake-ups do not add up. Knows nothing of HTTP or retries.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, runtime_checkable

from ..errors import CallTimeoutError, ConfigError
from ..net.forks import after_fork
from ..net.interrupts import WAIT_SLICE
from ..values.scalars import finite_number

_LOOK_AGAIN = 1.0
"""The longest sleep in seconds. Python 3.10 waits on the wall clock, which may be set back; and a second Ctrl-C, while
the first is being handled, may lose a wake-up."""

# The monotonic clock. A program that freezes `time.monotonic` (freezegun) must not stop a bucket for ever.
if sys.platform == "win32":
    CLOCK: Callable[[], float] = time.monotonic
else:
    CLOCK = functools.partial(time.clock_gettime, time.CLOCK_MONOTONIC)


@runtime_checkable
class Limiter(Protocol):
    """The interface of a client's `limiter`; `TokenBucket` implements it for a single process."""

    def acquire(self, timeout: float | None = None) -> float:
        """Wait for a slot; return the seconds waited; `CallTimeoutError` when it would last longer than `timeout`."""
        ...

    def pause(self, seconds: float) -> None:
        """Give out no slot for `seconds`, not even to threads that are already waiting."""
        ...


class Waiter:
    """One thread in line. `deadline` is monotonic; `gate` is held, and released to wake the thread."""

    __slots__ = ("deadline", "evicted", "gate", "gone")

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.evicted = False
        self.gone = False
        self.gate = threading.Lock()
        self.gate.acquire()

    def wake(self) -> None:
        with suppress(RuntimeError):  # it is awake
            self.gate.release()

    def evict(self) -> None:
        """End the wait with `CallTimeoutError`. Needs no lock."""
        self.evicted = True
        self.wake()


class Line:
    """The slots and the threads that wait for them. Every method needs the bucket's lock and is passed the time."""

    def __init__(self, interval: float, burst: int) -> None:
        self._interval = interval
        self._allowance = (burst - 1) * interval
        self._full_at = float("-inf")  # when the bucket will have all its slots again
        self._waiting: deque[Waiter] = deque()

    def take(self, now: float) -> bool:
        """Take a slot if one is free and no thread waits for it."""
        if self._waiting or self._full_at - self._allowance > now:
            return False
        self._full_at = max(self._full_at, now) + self._interval
        return True

    def join(self, waiter: Waiter, now: float) -> None:
        """Go to the end of the line; `CallTimeoutError` when the turn would come after the waiter's deadline."""
        due = self._due(sum(not other.gone for other in self._waiting))
        if not due <= waiter.deadline:
            raise _too_long(due - now, waiter.deadline - now)
        self._waiting.append(waiter)

    def turn(self, waiter: Waiter, now: float) -> float:
        """Take the slot and return 0.0 if it is the waiter's turn, else return the seconds until it may be."""
        self._drop_gone()
        if waiter.evicted:
            raise _too_long(self._due(0) - now, waiter.deadline - now)
        if self._waiting[0] is not waiter:
            return _LOOK_AGAIN
        due = self._due(0)
        if due > now:
            if due > waiter.deadline:  # the threads in front were late
                raise _too_long(due - now, waiter.deadline - now)
            return min(due - now, _LOOK_AGAIN)
        # Up to half an interval of lateness is made up for; more would show as a burst after the process was stopped.
        self._full_at = max(self._full_at, now - self._interval / 2) + self._interval
        return 0.0

    def leave(self, waiter: Waiter) -> None:
        """Leave the line, with or without a slot; the next waiter moves up."""
        waiter.gone = True
        self._drop_gone()
        if self._waiting:
            self._waiting[0].wake()

    def pause(self, until: float) -> None:
        """Give out no slot before `until`, then one per interval; remove the waiters whose deadline is too early."""
        self._full_at = max(self._full_at, until + self._allowance)
        staying: deque[Waiter] = deque()
        for waiter in self._waiting:
            if waiter.gone:
                continue
            if self._due(len(staying)) <= waiter.deadline:
                staying.append(waiter)
            else:
                waiter.evict()
        self._waiting = staying

    def forget_waiters(self) -> None:
        """Empty the line: after a fork its waiters are threads of the parent."""
        self._waiting = deque()

    def _due(self, ahead: int) -> float:
        return self._full_at - self._allowance + ahead * self._interval

    def _drop_gone(self) -> None:
        while self._waiting and self._waiting[0].gone:
            self._waiting.popleft()


class TokenBucket:
    """Let through at most `requests_per_second`, in the order of arrival. Thread-safe.

    `burst` requests may be sent together after a quiet period; the default 1 spaces all of them evenly. Raises
    `ConfigError` for an invalid rate or burst. After a fork the child has its own bucket; a pickle contains only rate
    and burst.

    >>> bucket = TokenBucket(100)
    >>> [bucket.acquire() < 1 for _ in range(3)]
    [True, True, True]
    >>> with MiniMaxClient(emulator.api_key, base_url=emulator.base_url, limiter=bucket) as other:
    ...     print(other.chat("Hello").text)
    You said: "Hello".
    """

    def __init__(
        self, requests_per_second: float, burst: int | None = None, *, clock: Callable[[], float] = CLOCK
    ) -> None:
        rate = finite_number(requests_per_second)
        if rate is None or not 1e-6 <= rate <= 1e6:
            raise ConfigError("requests_per_second must be a number from 0.000001 to 1000000, or None for no limit")
        if burst is not None and (isinstance(burst, bool) or not isinstance(burst, int) or not 1 <= burst <= 1_000_000):
            raise ConfigError("burst must be an integer from 1 to 1000000")
        self.requests_per_second = float(rate)
        self.burst = burst or 1
        self._clock = clock
        self._lock = threading.Lock()
        self._line = Line(1 / rate, self.burst)
        _buckets.add(self)

    def acquire(self, timeout: float | None = None) -> float:
        """Wait for a slot and return the seconds waited.

        Raises `CallTimeoutError` as soon as it is known that the wait will last longer than `timeout` seconds, also
        because of a `pause`. An interrupted wait takes no slot.
        """
        return self.acquire_in_line(timeout)

    def acquire_in_line(
        self, timeout: float | None, waiting: Callable[[Callable[[], None]], object] | None = None
    ) -> float:
        """Do what `acquire` does; `waiting` is called with a function that ends the wait from another thread."""
        with self._lock:
            began = self._clock()
            if self._line.take(began):
                return 0.0
        waiter = Waiter(float("inf") if timeout is None else began + timeout)
        if waiting is not None:
            waiting(waiter.evict)
        try:
            with self._lock:
                now = self._clock()
                self._line.join(waiter, now)
                wait = self._line.turn(waiter, now)
            while wait:
                waiter.gate.acquire(timeout=min(wait, WAIT_SLICE))
                with self._lock:
                    now = self._clock()
                    wait = self._line.turn(waiter, now)
            return now - began
        finally:
            waiter.gone = True  # before the lock: a signal may interrupt the wait for it, and the line must move on
            with self._lock:
                self._line.leave(waiter)

    def pause(self, seconds: float) -> None:
        """Give out no slot for `seconds`, not even to waiting threads; afterwards one per interval, no burst."""
        number = finite_number(seconds)
        if number is None or number < 0:
            raise ConfigError("pause: seconds must be a finite number of at least 0")
        with self._lock:
            self._line.pause(self._clock() + number)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.requests_per_second, self.burst)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(requests_per_second={self.requests_per_second:g}, burst={self.burst})"

    def _after_fork(self) -> None:
        self._lock = threading.Lock()
        self._line.forget_waiters()


_buckets: weakref.WeakSet[TokenBucket] = weakref.WeakSet()
_shared: weakref.WeakValueDictionary[tuple[str, bytes, float], TokenBucket] = weakref.WeakValueDictionary()
_shared_lock = threading.Lock()
_hash_key = os.urandom(32)


def shared_bucket(origin: str, credential: str, requests_per_second: float) -> TokenBucket:
    """Return this process's bucket for an origin, a credential and a rate; it exists as long as it is referenced.

    The credential is kept as a keyed hash only.
    """
    digest = hashlib.blake2b(credential.encode("utf-8", "surrogatepass"), key=_hash_key).digest()
    bucket = TokenBucket(requests_per_second)
    with _shared_lock:
        return _shared.setdefault((origin, digest, bucket.requests_per_second), bucket)


def _after_fork_in_child() -> None:
    global _shared_lock
    _shared_lock = threading.Lock()
    for bucket in _buckets:
        bucket._after_fork()


after_fork("limiters", _after_fork_in_child)


def _too_long(wait: float, left: float) -> CallTimeoutError:
    return CallTimeoutError(
        f"the rate limit leaves no slot in time: the wait would be {wait:.1f} s, {max(left, 0):.1f} s are left. "
        "Raise timeout= or requests_per_second="
    )
