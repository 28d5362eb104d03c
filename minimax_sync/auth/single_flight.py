"""What all users of one bundle in one process share: the token in memory, one flight, one thread.

A fresh token is handed out without any of it (`TokenPlan.bearer`). Whoever finds it due is let to the one flight,
which runs in the bundle's own thread by the protocol of `refresh`; the others wait for it, or go on with a token that
is still valid. Thread-safe: whatever touches `refresh` holds the mutex or is the flight.
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
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Literal, NamedTuple

from ..errors import CallTimeoutError, CredentialInvalidError, LlmError, ServerError
from ..secret import Secret
from .background import SLICE, Refresher, closing
from .clock import Clock
from .instants import LONG_PAST
from .interfaces import Store
from .protocol import Refresh, StoppedError
from .token_endpoint import TokenEndpoint

_log = logging.getLogger("minimax_sync.auth")

PATIENCE = 3.0  # seconds that the first to find a token due waits for the new one while the old one is still valid
_EARLIEST = 5.0  # seconds ahead of time that the thread may begin, at random, so that processes do not meet
_BUSY_AGAIN = 1.0
_SETTLE_AGAIN = 5.0
_ROUNDS = 3


class Refreshed(NamedTuple):
    """A refresh ended. `seconds` is what it took; `expires_at` is that of the token in memory now."""

    outcome: Literal["refreshed", "adopted", "failed"]
    expires_at: datetime
    seconds: float


Listener = Callable[[Refreshed], None]


class Flight:
    """One refresh under way, and how it ended. Those who wait leave one after another, in the order they came.

    An Event wakes them all at once, to fight for the interpreter: then the slowest of 64 took a millisecond longer.
    """

    def __init__(self) -> None:
        self.landed = False
        self.error: LlmError | None = None
        self.refreshed = False
        self.stopped = False
        self._waiting: list[None] = []
        self._gate: SimpleQueue[None] = SimpleQueue()

    def wait(self, timeout: float) -> bool:
        """Wait until it has landed, at most `timeout` seconds; tell whether it has."""
        self._waiting.append(None)
        if not self.landed:
            with suppress(Empty):
                self._gate.get(timeout=timeout)
        return self.landed

    def land(self) -> None:
        """Let go everybody who waits, or ever will."""
        self.landed = True
        for _ in self._waiting:  # who comes meanwhile is in it by now, or sees that it has landed
            self._gate.put(None)


class Credential:
    """One bundle's tokens in this process. Thread-safe."""

    def __init__(self, store: Store, endpoint: TokenEndpoint, clock: Clock) -> None:
        self.store = store
        self.endpoint = endpoint
        self.refresh = Refresh(store, endpoint, clock)
        self.time = clock.time
        self.thread = Refresher(self._tick)
        self._clock = clock
        self._listeners: list[Callable[[], Listener | None]] = []
        self._early: tuple[str, float] = ("", 0.0)
        self.reset()

    def reset(self) -> None:
        """Start over in a forked child."""
        self._mutex = threading.Lock()
        self._flight: Flight | None = None
        self.looks_first = True
        """Whether the next `bearer` looks at the store, and starts the thread, although the token is fresh."""
        self.thread.reset()

    def obtain(self, timeout: float | None, rejected: Secret | None = None) -> str:
        """Return a token that can be sent, other than `rejected`. See `TokenPlan.bearer`."""
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        for _ in range(_ROUNDS):
            flight, first = self._board(rejected)
            if flight is not None and (first or not self._usable(rejected)):
                self._ride(flight, first, deadline, rejected)
                if flight.error is not None and not self._usable(rejected):
                    raise copy.copy(flight.error)
            current = self.refresh.current
            if current is not None and (flight is None or self._usable(rejected)):
                return current.token
            if flight is not None and first and flight.refreshed:
                break  # the portal gave the rejected token again: to ask once more would only spend the next one
        raise CredentialInvalidError("the Token Plan login brings no token that is accepted. Run minimax-sync login")

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` after every refresh, for as long as somebody else holds it."""
        reference: Callable[[], Listener | None]
        reference = weakref.WeakMethod(listener) if inspect.ismethod(listener) else weakref.ref(listener)
        self._listeners = [known for known in self._listeners if known() is not None] + [reference]

    def _usable(self, rejected: Secret | None) -> bool:
        current = self.refresh.current
        return (
            current is not None
            and self._clock.time() < current.expires
            and (rejected is None or current.bundle.access_token != rejected)
        )

    def _board(self, rejected: Secret | None) -> tuple[Flight | None, bool]:
        """Return the flight to wait for and whether it was begun here; None when the token in memory is the answer."""
        if self._usable(rejected) and (rejected is not None or self._mutex.locked()):
            return None, False
        flight, flies = None, False
        try:
            with self._mutex:
                self.looks_first = False
                if self._flight is not None:
                    return self._flight, False
                if not self._wants_refresh(rejected):
                    self.thread.wake()
                    return None, False
                flight = self._flight = Flight()
                flies = self.thread.submit(functools.partial(self._fly, flight))
            if not flies:
                self._fly(flight)
        except BaseException:  # Ctrl-C: nobody may wait for a flight that never began
            if flight is not None and not flies:
                self._land(flight)
            raise
        return flight, True

    def _land(self, flight: Flight) -> None:
        if self._flight is flight:
            self._flight = None
        flight.land()

    def _wants_refresh(self, rejected: Secret | None) -> bool:
        """Look at the store, then tell whether a refresh is to begin; raise the error that it would end in."""
        try:
            self.refresh.look()
            if rejected is not None:
                self.refresh.reject(rejected)
            if not self.refresh.due():
                return False
            self.refresh.check()
        except LlmError:
            if not self._usable(rejected):
                raise
            return False
        return True

    def _ride(self, flight: Flight, first: bool, deadline: float, rejected: Secret | None) -> None:
        patience = PATIENCE if first and self._usable(rejected) else threading.TIMEOUT_MAX
        if not flight.wait(min(patience, _left(deadline))) and not self._usable(rejected):
            raise _too_late()
        if first and flight.landed:
            self.thread.linger()

    def _fly(self, flight: Flight, early: float = 0.0) -> None:
        if flight.landed:  # given up by its caller's Ctrl-C before it began
            return
        began = time.monotonic()
        outcome: Literal["refreshed", "adopted", "failed", "waiting"] = "failed"
        try:
            outcome = self.refresh.run(early, closing if self.thread.is_current() else _never)
            flight.refreshed = outcome == "refreshed"
        except StoppedError:
            flight.stopped = True
        except LlmError as error:
            flight.error = error
            _log.warning("the Token Plan login could not be refreshed: %s", error)
        except Exception as error:
            flight.error = ServerError(f"the refresh of the Token Plan login met an unexpected {type(error).__name__}")
            _log.error("%s", flight.error)
        finally:
            self._land(flight)
        if outcome != "waiting" and not flight.stopped:
            self._tell(outcome, time.monotonic() - began)

    def _tell(self, outcome: Literal["refreshed", "adopted", "failed"], seconds: float) -> None:
        current = self.refresh.current
        news = Refreshed(outcome, current.bundle.expires_at if current else LONG_PAST, seconds)
        for reference in self._listeners:
            listener = reference()
            try:
                if listener is not None:
                    listener(news)
            except Exception as error:
                _log.error("a listener to refreshes raised %s", type(error).__name__)

    def _tick(self) -> float:
        """Refresh what is due, adopt what is new; return the seconds until the next look, by the wall clock."""
        early = self._ahead()
        with self._mutex:
            if self._flight is not None:
                return _BUSY_AGAIN
            try:
                self.refresh.look()
                if self.refresh.unsaved:
                    self.refresh.settle()
                if not self.refresh.due(early):
                    return self._until_due()
                self.refresh.check()
            except LlmError:
                return self._after_failure()
            flight = self._flight = Flight()
        self._fly(flight, early)
        if flight.error is not None:
            return self._after_failure()
        return _BUSY_AGAIN if self.refresh.due(early) else self._until_due()

    def _ahead(self) -> float:
        """Choose how early to begin, once per token."""
        current = self.refresh.current
        if current is None:
            return 0.0
        if self._early[0] != current.generation:
            self._early = current.generation, random.uniform(0.0, min(_EARLIEST, current.bundle.margin / 12))
        return self._early[1]

    def _until_due(self) -> float:
        current = self.refresh.current
        if current is None or self.refresh.unsaved:
            return _SETTLE_AGAIN
        return max(0.0, current.fresh_until - self._ahead() - self._clock.time()) or _BUSY_AGAIN

    def _after_failure(self) -> float:
        return (
            SLICE
            if self.refresh.dead
            else self.refresh.backoff.left or (_SETTLE_AGAIN if self.refresh.unsaved else SLICE)
        )


def _left(deadline: float) -> float:
    return max(0.0, min(deadline - time.monotonic(), threading.TIMEOUT_MAX))


def _too_late() -> CallTimeoutError:
    return CallTimeoutError("the Token Plan login was not refreshed within the call's timeout")


def _never() -> bool:
    return False
