"""The one daemon thread of a bundle: it runs the refreshes that callers ask for, and those that fall due by themselves.

A refresh runs here and not in its caller's thread, so that a caller's timeout or Ctrl-C ends the waiting and not the
refresh, whose answer must not be lost. The thread starts when there is something to do, lives while anybody holds a
lease or a job is left, survives any exception, and is not inherited by a forked child. At the interpreter's exit a job
that has begun is waited for, because a daemon thread would end between the answer and the disk.

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

_log = logging.getLogger("minimax_sync.auth")

SLICE = 30.0  # seconds; monotonic waits stand still while a laptop sleeps, so none is longer
_SHORTEST = 0.02
EXIT_WAIT = 30.0  # seconds; a POST with all that is sent again

Job = Callable[[], None]


class Lease:
    """Keeps the background thread alive until it is closed or garbage-collected."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._end = weakref.finalize(self, ended)
        self._end.atexit = False

    @property
    def held(self) -> bool:
        """Whether it is still open."""
        return self._end.alive

    def close(self) -> None:
        """Let the thread end if nobody else needs it."""
        self._end()


class Refresher:
    """Runs jobs one after another; while it is leased, also `tick`, which returns the seconds until the next one."""

    def __init__(self, tick: Callable[[], float]) -> None:
        self._tick = tick
        self._leases: weakref.WeakSet[Lease] = weakref.WeakSet()
        self.reset()
        _refreshers.add(self)

    def reset(self) -> None:
        """Forget the thread and its locks: this process was forked, and they stayed behind."""
        self._inbox: SimpleQueue[Job | None] = SimpleQueue()
        self._mutex = threading.Lock()
        self._thread: threading.Thread | None = None
        self._idle = threading.Event()
        self._idle.set()

    def lease(self) -> Lease:
        """Keep the thread alive, once it runs, until the lease is closed or gone."""
        lease = Lease(self._nudge)
        self._leases.add(lease)
        return lease

    def submit(self, job: Job) -> bool:
        """Run `job` in the thread; False when no thread can be had, so that the caller has to run it."""
        return not _closing.is_set() and self._start(job)

    def wake(self) -> None:
        """Start the thread if it is leased and does not run."""
        if self._thread is None and self._leased() and not _closing.is_set():
            self._start(None)

    def is_current(self) -> bool:
        """Tell whether the caller runs in this thread."""
        return threading.current_thread() is self._thread

    def linger(self) -> None:
        """Wait for the thread's end if nobody leases it: a fork right after a refresh should find no thread."""
        thread = self._thread
        if thread is not None and not self._leased() and not self.is_current():
            thread.join(0.1)

    def wait_until_idle(self, timeout: float) -> None:
        """Wait for the job at hand."""
        self._idle.wait(timeout)

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
                self._thread = threading.Thread(target=self._live, name="minimax-sync refresh", daemon=True)
                self._thread.start()
            except BaseException as error:
                self._thread, self._inbox = None, SimpleQueue()
                if isinstance(error, RuntimeError):  # no more threads, or the interpreter shuts down (3.12 and later)
                    return False
                raise
            return True

    def _leased(self) -> bool:
        return any(lease.held for lease in self._leases)

    def _live(self) -> None:
        wait = 0.0
        while self._thread is threading.current_thread():
            try:
                job = self._inbox.get(timeout=wait) if wait else self._inbox.get_nowait()
            except Empty:
                job = None
            self._idle.clear()
            wait = self._once(job)
            with self._mutex:
                if not self._inbox.empty():
                    continue
                if not self._leased() or _closing.is_set():
                    self._thread = None
                self._idle.set()

    def _once(self, job: Job | None) -> float:
        try:
            if job is not None:
                job()
            return min(max(self._tick(), _SHORTEST), SLICE) if self._leased() and not _closing.is_set() else 0.0
        except Exception as error:
            # By type alone: a message may quote what was at work.
            _log.error("the refresh thread met an unexpected %s and goes on", type(error).__name__)
            return SLICE


_refreshers: weakref.WeakSet[Refresher] = weakref.WeakSet()
_closing = threading.Event()


def closing() -> bool:
    """Tell whether the interpreter shuts down: nothing that nobody waits for is begun any more."""
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
except RuntimeError:  # imported while the interpreter shuts down already
    _closing.set()
