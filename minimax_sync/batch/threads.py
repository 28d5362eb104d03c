"""An executor whose threads may be daemons, so that calls in flight do not delay the end of the program.

`ThreadPoolExecutor` would: the interpreter waits for its threads, and a call may take minutes. Nor can it be used, or
even imported, once the interpreter is shutting down. Knows nothing of calls.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_Work = tuple["Future[Any]", Callable[[], Any]]


class WorkerThreads(Executor):
    """At most `size` threads, started as work is submitted, by one thread."""

    def __init__(self, size: int, name: str, *, daemon: bool) -> None:
        self._size = size
        self._name, self._daemon = name, daemon
        self._count = 0
        self._work: SimpleQueue[_Work | None] = SimpleQueue()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue a call, or run it in this thread if no thread can be started."""
        future: Future[T] = Future()
        if self._count < self._size:
            self._start()
        if self._count:
            self._work.put((future, lambda: fn(*args, **kwargs)))
        else:
            future.set_result(fn(*args, **kwargs))
        return future

    def _start(self) -> None:
        self._count += 1
        try:
            threading.Thread(target=_serve, args=(self._work,), name=self._name, daemon=self._daemon).start()
        except RuntimeError:  # no more threads; Python 3.12.0 to 3.12.2 start none in an atexit handler
            self._count -= 1

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the threads after the calls that are queued; never waits. Cancel the futures to end them sooner."""
        for _ in range(self._count):
            self._work.put(None)


def _serve(queue: SimpleQueue[_Work | None]) -> None:
    while (work := queue.get()) is not None:
        future, call = work
        if future.set_running_or_notify_cancel():
            try:
                result = call()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)
                del result
        del work, future, call  # so that an idle thread keeps no answer alive
