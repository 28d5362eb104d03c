"""The protocol of one refresh, and what one process knows about one bundle.

Two facts shape it. A refresh token works once: whoever sends one that was used already may lose the whole login. And
others refresh the same bundle: threads, processes, a person who logs in again. So nobody sends without the store's lock
and a second look at the store inside it, nothing is sent that could not be stored, and what the store holds wins.

Knows no file, socket or thread: the store, the endpoint and the clock are interfaces, and a simulation drives this very
code through every interleaving. Not thread-safe: one thread at a time, which `token_plan` sees to.
"""

from __future__ import annotations

import copy
import logging
import random
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Literal, NamedTuple

from ..errors import (
    BundleError,
    CallTimeoutError,
    CredentialInvalidError,
    LlmError,
    ResponseFormatError,
    ServerError,
    TransportError,
)
from ..secret import HIDDEN, Secret
from .backoff import Backoff
from .bundle import Bundle, Snapshot
from .clock import Clock
from .intent import Intent
from .interfaces import LOCK_WAIT, POST_TIMEOUT, AnswerLostError, Endpoint, Grant, Lock, RefusedError, Rewrite, Store

_log = logging.getLogger("minimax_sync.auth")

RESEND_WITHIN = 10.0  # seconds after an answer was lost; portals forgive a reuse within seconds, never after minutes
_RESEND_PAUSES = (0.0, 1.0)
SPACING = 30.0  # seconds between two refreshes that no 401 asked for: a wall clock that jumps must not start a storm
_POLL = (0.01, 0.03)
_TRANSIENT = (ServerError, TransportError, ResponseFormatError)

Word = Literal["refreshed", "adopted", "waiting"]


class Held(NamedTuple):
    """The token in memory. `fresh_until` and `expires` are Unix times; -inf once the service has rejected it."""

    token: str
    fresh_until: float
    expires: float
    generation: str
    bundle: Bundle

    def __repr__(self) -> str:
        return f"Held({HIDDEN}, fresh_until={self.fresh_until}, expires={self.expires})"


class Unsaved(NamedTuple):
    """A pair that was received and could not be stored. `replaces` is the fingerprint of the pair that was spent."""

    replaces: str
    bundle: Bundle


class StoppedError(Exception):
    """The interpreter shuts down, and nothing was sent yet."""


class Refresh:
    """One process's side of the protocol for one bundle. `current` is the token in memory, None before the first look.

    `current` may be read by any thread at any time.
    """

    def __init__(self, store: Store, endpoint: Endpoint, clock: Clock) -> None:
        self.current: Held | None = None
        self._store = store
        self._endpoint = endpoint
        self._clock = clock
        self._rejected: Secret | None = None
        self._seen = ""
        self._dead: dict[str, CredentialInvalidError] = {}
        self._doubted = ""
        self._unsaved: Unsaved | None = None
        self._last_success: float | None = None
        self.backoff = Backoff(clock)

    # What is known without the lock

    def valid(self) -> bool:
        """Tell whether the token in memory can be sent: not expired, and not rejected."""
        return self.current is not None and self._clock.time() < self.current.expires

    def due(self, early: float = 0.0) -> bool:
        """Tell whether a refresh is called for; `early` is how many seconds ahead of time."""
        if self.current is None or self._rejected is not None:
            return True
        if self._last_success is not None and self._clock.monotonic() - self._last_success < SPACING:
            return False
        return self._clock.time() >= self.current.fresh_until - early

    def look(self) -> None:
        """Read the store and adopt what is new there.

        Raises BundleError when it cannot be read, and CredentialInvalidError when there is none and the token in
        memory has ended.
        """
        snapshot = self._store.read()
        if snapshot is None:
            self._seen = ""
            if not self.valid():
                raise self._missing()
            return
        self._consider(snapshot)

    def reject(self, token: Secret) -> None:
        """Note that the service answered `token` with a 401; of no effect unless it is the current one."""
        current = self.current
        if current is not None and current.bundle.access_token == token:
            self._rejected = token
            self.current = current._replace(fresh_until=float("-inf"), expires=float("-inf"))

    def check(self) -> None:
        """Raise the error that a refresh now would end in: the login is dead, or the last failure too recent."""
        if self._seen in self._dead:
            raise copy.copy(self._dead[self._seen])
        self.backoff.check()

    @property
    def dead(self) -> bool:
        """Whether the login that was last seen in the store is known to be dead."""
        return self._seen in self._dead

    def is_dead(self, bundle: Bundle) -> bool:
        """Tell whether the endpoint has refused this bundle's refresh token."""
        return bundle.fingerprint in self._dead

    @property
    def unsaved(self) -> bool:
        """Whether a pair of tokens is in memory only and wants storing."""
        return self._unsaved is not None

    # The part that needs the lock

    def run(self, early: float = 0.0, stop: Callable[[], bool] = lambda: False) -> Word:
        """Refresh, or adopt what somebody else has stored meanwhile.

        "waiting": somebody else is at it, or the refresh token is in doubt, and the token in memory is still valid.
        Raises what `bearer` is to raise, and StoppedError once `stop()` is true and nothing was sent.
        """
        try:
            lock = self._acquire(early, stop)
            if lock is None:
                return "waiting" if self.due(early) else "adopted"
            with lock:
                word = self._refresh(early, stop)
        except _TRANSIENT as error:
            self.backoff.failed(error)
            raise
        except BundleError as error:
            if self.valid():  # a read-only bundle in its last minute must not cost every call an attempt
                self.backoff.failed(error)
            raise
        if word != "waiting":
            self.backoff.succeeded()
        return word

    def settle(self) -> None:
        """Try once to store what could not be stored; BundleError when it still cannot."""
        lock = self._store.try_lock() if self._unsaved else None
        if lock is not None:
            with lock:
                self._reunite(self._store.read())

    def _acquire(self, early: float, stop: Callable[[], bool]) -> Lock | None:
        """Take the lock; None when that has become needless, or would mean to wait with a valid token in hand."""
        deadline = self._clock.monotonic() + LOCK_WAIT
        while (lock := self._store.try_lock()) is None:
            if self.valid():
                return None
            if stop():
                raise StoppedError
            if self._clock.monotonic() >= deadline:
                raise CallTimeoutError(
                    f"another process has held the lock of {self._store.name} for {LOCK_WAIT:.0f} s; "
                    "it may be stopped: end it, the lock goes with it"
                )
            self._clock.sleep(random.uniform(*_POLL))
            self.look()
            if not self.due(early):
                return None
        return lock

    def _refresh(self, early: float, stop: Callable[[], bool]) -> Word:
        snapshot = self._reunite(self._store.recover(self._store.read()))
        if snapshot is None:
            raise self._missing()
        self._consider(snapshot)
        if not self.due(early):
            return "adopted"
        if self.dead:
            raise copy.copy(self._dead[self._seen])
        intent = self._store.intent(snapshot)
        if intent is not None and self.valid() and not self._is_prompt(intent):
            return "waiting"
        if stop():
            raise StoppedError
        with self._store.prepare(snapshot, intent) as rewrite:
            try:
                grant = self._spend(snapshot.bundle)
            except AnswerLostError:
                self._doubted = snapshot.bundle.fingerprint
                raise
            except RefusedError as error:
                rewrite.discard_intent()
                return self._bury(snapshot, error, intent)
            except LlmError:
                rewrite.discard_intent()
                raise
            return self._keep(rewrite, snapshot, grant)

    def _is_prompt(self, intent: Intent) -> bool:
        """Tell whether a token that somebody has sent without storing an answer may be sent again right now."""
        age = self._clock.time() - intent.at
        return 0 <= age <= RESEND_WITHIN and intent.fingerprint != self._doubted

    def _spend(self, bundle: Bundle) -> Grant:
        """Send the refresh token; when the answer is lost, the same again at once, twice at most, never later."""
        clock = self._clock
        lost: tuple[float, float] | None = None
        deadline = clock.monotonic() + POST_TIMEOUT
        for pause in (*_RESEND_PAUSES, None):
            try:
                return self._endpoint.refresh(bundle, deadline)
            except RefusedError:
                raise
            except LlmError as error:
                if lost is None and not isinstance(error, AnswerLostError):
                    raise
                if lost is None:
                    lost = clock.monotonic(), clock.time()
                    deadline = clock.monotonic() + RESEND_WITHIN
                failure = str(error)
            if pause is None:
                break
            clock.sleep(pause)
            # Both clocks: one stands still while a laptop sleeps, the other may be set back.
            if max(clock.monotonic() - lost[0], clock.time() - lost[1]) > RESEND_WITHIN:
                break
        raise AnswerLostError(f"{failure}; it is sent again only once the access token has run out")

    def _keep(self, rewrite: Rewrite, snapshot: Snapshot, grant: Grant) -> Word:
        """Store a new pair, then publish it. From here on nothing may lose it."""
        now = datetime.fromtimestamp(self._clock.time(), timezone.utc)
        bundle = snapshot.bundle.renewed(grant.access_token, grant.refresh_token, grant.expires_at, now)
        self._unsaved = Unsaved(snapshot.bundle.fingerprint, bundle)
        self._last_success = self._clock.monotonic()
        try:
            stored = rewrite.commit(bundle)
        except BundleError as error:
            _log.error("%s; the new tokens are used from memory meanwhile", error)
            self._publish(Snapshot(bundle, snapshot.generation))
            return "refreshed"
        self._unsaved = None
        self._publish(stored or Snapshot(bundle, ""))
        return "refreshed" if stored is None or stored.bundle.access_token == bundle.access_token else "adopted"

    def _bury(self, snapshot: Snapshot, error: RefusedError, intent: Intent | None) -> Word:
        """Remember a refused token, unless somebody has stored another pair meanwhile."""
        found = self._store.read()
        if found is not None and found.bundle.fingerprint != snapshot.bundle.fingerprint:
            self._consider(found)
            return "adopted"
        told = f"the Token Plan login in {self._store.name} has ended"
        if intent is not None:
            told += f": {intent.describe()} sent its refresh token and could not store the answer"
        buried = CredentialInvalidError(f"{told} ({error}). Run minimax-sync login", status=error.status)
        self._dead = {snapshot.bundle.fingerprint: buried}
        raise buried

    def _reunite(self, snapshot: Snapshot | None) -> Snapshot | None:
        """Store a pair that could not be stored before, if the pair that it replaces is still in the store."""
        unsaved = self._unsaved
        if unsaved is None:
            return snapshot
        if snapshot is not None and snapshot.bundle.fingerprint == unsaved.replaces:
            with self._store.prepare(snapshot, self._store.intent(snapshot)) as rewrite:
                snapshot = rewrite.commit(unsaved.bundle)
            if snapshot is not None:
                _log.info("the new tokens of %s are stored now", self._store.name)
                self._publish(snapshot)
        self._unsaved = None
        return snapshot

    # What is in memory

    def _consider(self, snapshot: Snapshot) -> None:
        """Adopt what the store holds, unless it is old news or worse than what is in memory."""
        self._seen = snapshot.bundle.fingerprint
        if self._unsaved is not None and self._seen == self._unsaved.replaces:
            return
        current = self.current
        if current is not None and snapshot.generation == current.generation:
            return
        usable = self._clock.time() < snapshot.bundle.expires_at.timestamp()
        if (usable and snapshot.bundle.access_token != self._rejected) or not self.valid():
            self._publish(snapshot)

    def _publish(self, snapshot: Snapshot) -> None:
        bundle = snapshot.bundle
        self._seen = bundle.fingerprint
        expires = bundle.expires_at.timestamp()
        self.current = Held(bundle.access_token.reveal(), expires - bundle.margin, expires, snapshot.generation, bundle)
        rejected, self._rejected = self._rejected, None
        if rejected is not None:
            self.reject(rejected)

    def _missing(self) -> CredentialInvalidError:
        return CredentialInvalidError(f"there is no Token Plan bundle at {self._store.name}: run minimax-sync login")
