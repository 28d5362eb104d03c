"""The one daemon thread of a bundle: it runs the refreshes that callers submit, and those that fall due by themselves.

A refresh runs here and not in its caller's thread, so that a caller's timeout or Ctrl-C ends the wait and not the
refresh, whose answer must not be lost. The thread starts with the first job, runs while there is an open lease or a
job, survives any exception, and is not inherited by a forked child. At interpreter exit a job in progress is waited
for, because a daemon thread would end between the answer and the write.

Knows nothing of tokens: a job and a tick are callables.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Callable
from queue import Empty, SimpleQueue

from ..net.interrupts import WAIT_SLICE

_log = logging.getLogger("minimax_sync.auth")

MAX_WAIT = 30.0  # seconds; monotonic waits stand still while a laptop sleeps, so none is longer
_MIN_WAIT = 0.02
EXIT_WAIT = 30.0  # seconds; a POST with its repetitions

Job = Callable[[], None]


class Lease:
    """Keeps the background thread running until it is closed or garbage-collected."""

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._end = weakref.finalize(self, on_end)
        self._end.atexit = False

    @property
    def held(self) -> bool:
        """True until it is closed."""
        return self._end.alive

    def close(self) -> None:
        """Let the thread end unless there is another lease."""
        self._end()


class Refresher:
    """Runs jobs one after another and, while there is a lease, `tick`, which returns the seconds until the next one."""

    def __init__(self, tick: Callable[[], float]) -> None:
        self._tick = tick
        self._leases: weakref.WeakSet[Lease] = weakref.WeakSet()
        self.reset()
        _refreshers.add(self)

    def reset(self) -> None:
        """Discard the thread and its locks: after a fork they exist in the parent only."""
        self._inbox: SimpleQueue[Job | None] = SimpleQueue()
        self._mutex = threading.Lock()
        self._thread: threading.Thread | None = None
        self._idle = threading.Event()
        self._idle.set()

    def lease(self) -> Lease:
        """Return a lease that keeps the thread, once it runs, running until it is closed or collected."""
        lease = Lease(self._nudge)
        self._leases.add(lease)
        return lease

    def submit(self, job: Job) -> bool:
        """Run `job` in the thread. Return False if no thread can be started: the caller has to run it."""
        return not _closing.is_set() and self._start(job)

    def wake(self) -> None:
        """Start the thread if there is a lease and it is not running."""
        if self._thread is None and self._leased() and not _closing.is_set():
            self._start(None)

    def is_current(self) -> bool:
        """Return True if called from this thread."""
        return threading.current_thread() is self._thread

    def join_if_unused(self) -> None:
        """Wait for the thread's end if there is no lease: a fork right after a refresh should find no thread."""
        thread = self._thread
        if thread is not None and not self._leased() and not self.is_current():
            thread.join(0.1)

    def wait_until_idle(self, timeout: float) -> None:
        """Wait for the current job, at most `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not self._idle.wait(min(timeout, WAIT_SLICE)) and time.monotonic() < deadline:
            continue

    def _nudge(self) -> None:
        # SimpleQueue.put is re-entrant, so the garbage collector may call this at any point of any thread.
        self._inbox.put(None)

    def _start(self, job: Job | None) -> bool:
        with self._mutex:
            if job is not None:
                self._inbox.put(job)
            if self._thread is not None:
                return True
            try:
                self._thread = threading.Thread(target=self._loop, name="minimax-sync refresh", daemon=True)
                self._thread.start()
            except BaseException as error:
                self._thread, self._inbox = None, SimpleQueue()
                if isinstance(error, RuntimeError):  # no more threads, or the interpreter shuts down (3.12 and later)
                    return False
                raise
            return True

    def _leased(self) -> bool:
        return any(lease.held for lease in self._leases)

    def _loop(self) -> None:
        wait = 0.0
        while self._thread is threading.current_thread():
            try:
                job = self._inbox.get(timeout=wait) if wait else self._inbox.get_nowait()
            except Empty:
                job = None
            self._idle.clear()
            wait = self._run_once(job)
            with self._mutex:
                if not self._inbox.empty():
                    continue
                if not self._leased() or _closing.is_set():
                    self._thread = None
                self._idle.set()

    def _run_once(self, job: Job | None) -> float:
        try:
            if job is not None:
                job()
            return min(max(self._tick(), _MIN_WAIT), MAX_WAIT) if self._leased() and not _closing.is_set() else 0.0
        except Exception as error:
            # The type alone: a message may quote a secret.
            _log.error("the refresh thread caught an unexpected %s and continues", type(error).__name__)
            return MAX_WAIT


_refreshers: weakref.WeakSet[Refresher] = weakref.WeakSet()
_closing = threading.Event()


def closing() -> bool:
    """Return True if the interpreter is shutting down: no refresh is begun that no caller waits for."""
    return _closing.is_set()


def _wait_at_exit() -> None:
    _closing.set()
    deadline = time.monotonic() + EXIT_WAIT
    for refresher in list(_refreshers):
        refresher.wait_until_idle(max(0.0, deadline - time.monotonic()))


# threading's own hook also runs in children of multiprocessing, which end without atexit.
_register = getattr(threading, "_register_atexit", atexit.register)
try:
    _register(_wait_at_exit)
except RuntimeError:  # imported while the interpreter is shutting down
    _closing.set()
