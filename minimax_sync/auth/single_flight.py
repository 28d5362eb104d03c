"""The single flight of a bundle: all its users in one process share the token in memory, one refresh, one thread.

`TokenPlan.bearer` returns a fresh token without using this module. A caller that finds the token due joins the one
pending refresh, which runs in the bundle's own thread by the rules of `protocol`; the others wait for it, or use a
token that is still valid. Thread-safe: only the holder of the mutex and the pending refresh touch `Refresh`.
"""

from __future__ import annotations

import copy
import functools
import inspect
import logging
import random
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Literal

from ..errors import CallTimeoutError, CredentialInvalidError, LlmError, ServerError
from ..net.interrupts import SHORTEST_WAIT, WAIT_SLICE
from ..secret import Secret
from . import Listener, Refreshed
from .background import MAX_WAIT, Lease, Refresher, closing
from .clock import Clock
from .instants import LONG_PAST
from .interfaces import Store
from .protocol import Outcome, Refresh
from .token_endpoint import TokenEndpoint

_log = logging.getLogger("minimax_sync.auth")

PATIENCE = 3.0  # seconds that the caller that began a refresh waits for it while the old token is still valid
_MAX_EARLY = 5.0  # seconds; the thread begins up to so much early, at random, so that processes do not meet
_RETRY_BUSY = 1.0
_RETRY_STORE = 5.0
_MAX_ROUNDS = 3


class PendingRefresh:
    """One refresh in progress, and its result. Waiting threads are released one after another, in order of arrival.

    An Event would wake them all at once to compete for the interpreter: the slowest of 64 took a millisecond longer.
    """

    def __init__(self) -> None:
        self.finished = False
        self.outcome = ""
        self.error: LlmError | None = None
        self._waiting: list[None] = []
        self._gate: SimpleQueue[None] = SimpleQueue()

    def wait(self, timeout: float) -> bool:
        """Wait for the end, at most `timeout` seconds; return True if it has finished."""
        deadline = time.monotonic() + timeout
        self._waiting.append(None)
        while not self.finished and (left := deadline - time.monotonic()) > 0:
            with suppress(Empty):
                self._gate.get(timeout=min(max(left, SHORTEST_WAIT), WAIT_SLICE))
        return self.finished

    def finish(self) -> None:
        """Release all threads that wait now or later."""
        self.finished = True
        for _ in self._waiting:  # a thread that arrives now is either in the list or sees that it has finished
            self._gate.put(None)


class Credential:
    """One bundle's tokens in this process. Thread-safe."""

    def __init__(self, store: Store, endpoint: TokenEndpoint, clock: Clock) -> None:
        self.store = store
        self.endpoint = endpoint
        self.refresh = Refresh(store, endpoint, clock)
        self.time = clock.time
        self.thread = Refresher(self._tick)
        self._listeners: list[Callable[[], Listener | None]] = []
        self._early: tuple[str, float] = ("", 0.0)
        self.reset()

    def reset(self) -> None:
        """Start over in a forked child: new locks, no thread, no pending refresh."""
        self._mutex = threading.Lock()
        self._pending: PendingRefresh | None = None
        self.reload_first = True
        """True if the next `bearer` must read the store, and start the thread, although the token is fresh."""
        self._storing: Lease | None = None
        self.refresh.start_over_in_child()
        self.thread.reset()

    def obtain(self, timeout: float | None, rejected: Secret | None = None) -> str:
        """Return a token that can be sent, other than `rejected`. See `TokenPlan.bearer`."""
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        for _ in range(_MAX_ROUNDS):
            pending, began = self._join(rejected)
            if pending is not None and (began or not self.refresh.valid(rejected)):
                self._wait(pending, began, deadline, rejected)
                if pending.error is not None and not self.refresh.valid(rejected):
                    raise copy.copy(pending.error)
            current = self.refresh.current
            if current is not None and (pending is None or self.refresh.valid(rejected)):
                return current.token
            if pending is not None and began and pending.outcome == "refreshed":
                break  # the portal granted the rejected token again: another refresh would only spend the next one
        raise CredentialInvalidError("the service rejects every token of the Token Plan login. Run minimax-sync login")

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` after every refresh, as long as something else references it."""
        reference: Callable[[], Listener | None]
        reference = weakref.WeakMethod(listener) if inspect.ismethod(listener) else weakref.ref(listener)
        self._listeners = [known for known in self._listeners if known() is not None] + [reference]

    def _join(self, rejected: Secret | None) -> tuple[PendingRefresh | None, bool]:
        """Return the pending refresh, and True if it was begun here. Return None if the token in memory can be used."""
        if self.refresh.valid(rejected) and (rejected is not None or self._mutex.locked()):
            return None, False
        pending, runs = None, False
        try:
            with self._mutex:
                self.reload_first = False
                if self._pending is not None:
                    return self._pending, False
                if not self._needs_refresh(rejected):
                    self.thread.wake()
                    return None, False
                pending = self._pending = PendingRefresh()
                runs = self.thread.submit(functools.partial(self._run, pending))
            if not runs:
                self._run(pending)
        except BaseException:  # Ctrl-C: no other thread may wait for a refresh that never began
            if pending is not None and not runs:
                self._finish(pending)
            raise
        return pending, True

    def _needs_refresh(self, rejected: Secret | None) -> bool:
        """Read the store, and return True if a refresh has to begin. Raises the error in which it would end."""
        try:
            self.refresh.reload()
            if rejected is not None:
                self.refresh.reject(rejected)
            if not self.refresh.due():
                return False
            self.refresh.raise_if_blocked()
        except LlmError:
            if not self.refresh.valid(rejected):
                raise
            return False
        return True

    def _wait(self, pending: PendingRefresh, began: bool, deadline: float, rejected: Secret | None) -> None:
        patience = PATIENCE if began and self.refresh.valid(rejected) else threading.TIMEOUT_MAX
        timeout = max(0.0, min(patience, deadline - time.monotonic()))
        if not pending.wait(timeout) and not self.refresh.valid(rejected):
            raise CallTimeoutError("the Token Plan login was not refreshed within the call's timeout")
        if began and pending.finished:
            self.thread.join_if_unused()

    def _run(self, pending: PendingRefresh, early: float = 0.0) -> None:
        if pending.finished:  # abandoned before it began, by Ctrl-C in its caller
            return
        began = time.monotonic()
        current = self.refresh.current
        forced = current is not None and current.rejected
        outcome: Outcome | Literal["failed"] = "failed"
        try:
            pending.outcome = outcome = self.refresh.run(early, lambda: self.thread.is_current() and closing())
        except LlmError as error:
            pending.error = error
            _log.warning("the Token Plan login could not be refreshed: %s", error)
        except Exception as error:
            pending.error = ServerError(f"the refresh of the Token Plan login failed with {type(error).__name__}")
            _log.error("%s", pending.error)
        finally:
            self._finish(pending)
        self._keep_storing()
        if outcome != "waiting":
            current = self.refresh.current
            expires_at = current.bundle.expires_at if current else LONG_PAST
            seconds = time.monotonic() - began
            if outcome != "failed":
                by = "" if outcome == "refreshed" else " by another process"
                _log.info("the Token Plan login was refreshed%s after %.2f s; valid until %s", by, seconds, expires_at)
            self._notify(Refreshed(outcome, expires_at, seconds, forced))

    def _keep_storing(self) -> None:
        """Keep the thread running while a new pair has still to be stored, also without any other lease."""
        if not self.refresh.unsaved:
            self._storing = None
        elif self._storing is None:
            self._storing = self.thread.lease()
            self.thread.wake()

    def _finish(self, pending: PendingRefresh) -> None:
        if self._pending is pending:
            self._pending = None
        pending.finish()

    def _notify(self, refreshed: Refreshed) -> None:
        for reference in self._listeners:
            listener = reference()
            try:
                if listener is not None:
                    listener(refreshed)
            except Exception as error:
                _log.error("a listener to refreshes raised %s", type(error).__name__)

    def _tick(self) -> float:
        """Refresh a token that is due, adopt a newer one; return the seconds until the next tick (wall clock)."""
        early = self._seconds_early()
        with self._mutex:
            if self._pending is not None:
                return _RETRY_BUSY
            try:
                self.refresh.reload()
                self.refresh.store_unsaved()
                self._keep_storing()
                if not self.refresh.due(early):
                    return self._until_due()
                self.refresh.raise_if_blocked()
            except LlmError:
                return self._after_failure()
            pending = self._pending = PendingRefresh()
        self._run(pending, early)
        if pending.error is not None:
            return self._after_failure()
        return _RETRY_BUSY if self.refresh.due(early) else self._until_due()

    def _seconds_early(self) -> float:
        """Return how early the thread begins: chosen at random, once per token."""
        current = self.refresh.current
        if current is None:
            return 0.0
        if self._early[0] != current.generation:
            self._early = current.generation, random.uniform(0.0, min(_MAX_EARLY, current.bundle.margin / 12))
        return self._early[1]

    def _until_due(self) -> float:
        current = self.refresh.current
        if current is None or self.refresh.unsaved:
            return _RETRY_STORE
        return max(0.0, current.fresh_until - self._seconds_early() - self.time()) or _RETRY_BUSY

    def _after_failure(self) -> float:
        if self.refresh.dead:
            return MAX_WAIT
        return self.refresh.backoff.left or (_RETRY_STORE if self.refresh.unsaved else MAX_WAIT)
