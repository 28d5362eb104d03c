"""An executor of daemon threads: what a loop left behind in them does not hold up the end of the program.

`ThreadPoolExecutor` would: the interpreter waits for its threads, and a call may last minutes. Knows nothing of calls.
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
    """At most `size` threads, started as work comes. For one submitting thread."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._count = 0
        self._work: SimpleQueue[_Work | None] = SimpleQueue()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue a call."""
        future: Future[T] = Future()
        self._work.put((future, lambda: fn(*args, **kwargs)))
        if self._count < self._size:
            self._count += 1
            threading.Thread(target=_serve, args=(self._work,), name="minimax-map", daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the threads end after what is queued; never waits. Cancel the futures to make it soon."""
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
        del work, future, call  # an idle thread holds no answer
