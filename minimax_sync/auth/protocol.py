"""The refresh protocol: the steps of one refresh, and the state that one process keeps of one bundle.

Two facts shape it. A refresh token works once: sending a used one may revoke the whole login. And others refresh the
same bundle: threads, processes, a person who logs in again. So a token is sent only under the store's lock and after
reading the store again inside it, nothing is sent if the answer could not be stored, and the content of the store takes
precedence.

Knows no file, socket or thread: the store, the endpoint and the clock are interfaces, and a simulation runs this code
through every interleaving. Not thread-safe: `single_flight` lets one thread at a time use it.
"""

from __future__ import annotations

import copy
import logging
import random
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timezone
from typing import Literal

import msgspec

from ..errors import (
    BundleError,
    CallTimeoutError,
    CredentialInvalidError,
    LlmError,
    ResponseFormatError,
    ServerError,
    TransportError,
)
from ..secret import Secret
from .backoff import Backoff
from .bundle import Bundle, HeldToken, Snapshot
from .clock import Clock
from .intent import Intent
from .interfaces import LOCK_WAIT, AnswerLostError, Endpoint, Grant, Lock, RefusedError, Rewrite, Store
from .spending import RESEND_WITHIN, spend

_log = logging.getLogger("minimax_sync.auth")

MIN_SPACING = 30.0  # seconds between two refreshes that no 401 asked for: a jumping wall clock must not start a storm
_LOCK_POLL = (0.01, 0.03)
_TRANSIENT = (ServerError, TransportError, ResponseFormatError)

Outcome = Literal["refreshed", "adopted", "waiting"]


class Unsaved(msgspec.Struct, frozen=True):
    """A new pair of tokens that could not be stored yet. `replaces` is the fingerprint of the pair that was spent.

    `rescued`: other processes find it beside the store, and would not send the spent token.
    """

    replaces: str
    bundle: Bundle
    rescued: bool = False


class Refresh:
    """One process's side of the protocol for one bundle.

    `current` is the token in memory, None before the store was first read. Any thread may read it at any time.
    """

    def __init__(self, store: Store, endpoint: Endpoint, clock: Clock) -> None:
        self.current: HeldToken | None = None
        self.backoff = Backoff(clock)
        self._store = store
        self._endpoint = endpoint
        self._clock = clock
        self._last_read = ""
        self._refused: dict[str, CredentialInvalidError] = {}
        self._unanswered = ""
        self._unsaved: Unsaved | None = None
        self._kept: Lock | None = None
        self._last_success: float | None = None

    # State, available without the lock

    def valid(self, rejected: Secret | None = None) -> bool:
        """Return True if the token in memory can be sent: it has not expired, and it is not one that was rejected."""
        current = self.current
        if current is None or self._clock.time() >= current.expires:
            return False
        return rejected is None or current.bundle.access_token != rejected

    def due(self, early: float = 0.0) -> bool:
        """Return True if a refresh is due now, or within `early` seconds."""
        if self.current is None or self.current.rejected:
            return True
        if self._last_success is not None and self._clock.monotonic() - self._last_success < MIN_SPACING:
            return False
        return self._clock.time() >= self.current.fresh_until - early

    def reload(self) -> None:
        """Read the store and adopt a newer token.

        Raises BundleError if it cannot be read, and CredentialInvalidError if there is no bundle and the token in
        memory is not valid any more.
        """
        snapshot = self._store.read()
        if snapshot is None:
            self._last_read = ""
            if not self.valid():
                raise self._missing()
            return
        self._adopt_newer(snapshot)

    def reject(self, token: Secret) -> None:
        """Record that the service answered `token` with a 401. Has no effect unless it is the current token."""
        current = self.current
        if current is not None and current.bundle.access_token == token:
            self.current = current.after_rejection()

    def raise_if_blocked(self) -> None:
        """Raise the error that a refresh would end in now: the login is dead, or the last failure is too recent."""
        if self.dead:
            raise copy.copy(self._refused[self._last_read])
        self.backoff.raise_if_waiting()

    @property
    def dead(self) -> bool:
        """True if the portal has refused the login that was last read from the store."""
        return self._last_read in self._refused

    def is_dead(self, bundle: Bundle) -> bool:
        """Return True if the portal has refused this bundle's refresh token."""
        return bundle.fingerprint in self._refused

    @property
    def unsaved(self) -> bool:
        """True if a new pair of tokens is in memory only and has still to be stored."""
        return self._unsaved is not None

    # Steps under the lock

    def run(self, early: float = 0.0, stop: Callable[[], bool] = lambda: False) -> Outcome:
        """Refresh the token, or adopt one that another process has stored in the meantime.

        "waiting": nothing was sent, because `stop()` was true, or because the token in memory is valid and another
        process is refreshing it or may have spent its refresh token. Raises what `TokenPlan.bearer` raises.
        """
        try:
            lock = self._acquire(early, stop)
            if lock is None:
                return "waiting" if self.due(early) else "adopted"
            try:
                outcome = self._refresh(early, stop)
            finally:
                self._release(lock)
        except _TRANSIENT as error:
            self.backoff.failed(error)
            raise
        except BundleError as error:
            if self.valid():  # with a read-only bundle not every call of the last minute may attempt a refresh
                self.backoff.failed(error)
            raise
        if outcome != "waiting":
            self.backoff.succeeded()
        return outcome

    def store_unsaved(self) -> None:
        """Try once to store a pair that could not be stored before. Raises BundleError if it still cannot be."""
        lock = self._try_lock() if self._unsaved else None
        if lock is not None:
            try:
                self._recovered()
            finally:
                self._release(lock)

    def start_over_in_child(self) -> None:
        """Give up a lock that the parent process holds."""
        self._kept = None

    def _try_lock(self) -> Lock | None:
        kept, self._kept = self._kept, None
        return kept or self._store.try_lock()

    def _release(self, lock: Lock) -> None:
        """Release the lock, or keep it if a new pair is in the memory of this process only.

        Another process that got it would find the spent refresh token and send it again. The lock shows that this
        process lives and can still store the pair: if it is killed, the lock is free.
        """
        if self._unsaved is None or self._unsaved.rescued:
            lock.release()
        else:
            self._kept = lock

    def _acquire(self, early: float, stop: Callable[[], bool]) -> Lock | None:
        """Take the lock. Return None if it is no longer needed, or held elsewhere and not worth waiting for."""
        deadline = self._clock.monotonic() + LOCK_WAIT
        while (lock := self._try_lock()) is None:
            if self.valid() or stop():
                return None
            if self._clock.monotonic() >= deadline:
                raise CallTimeoutError(
                    f"another process has held the lock of {self._store.name} for {LOCK_WAIT:.0f} s; "
                    "it is suspended, or cannot store its new tokens: end it, which releases the lock"
                )
            self._clock.sleep(random.uniform(*_LOCK_POLL))
            self.reload()
            if not self.due(early):
                return None
        return lock

    def _refresh(self, early: float, stop: Callable[[], bool]) -> Outcome:
        snapshot = self._recovered()
        if snapshot is None:
            raise self._missing()
        self._adopt_newer(snapshot)
        if not self.due(early):
            return "adopted"
        if self.dead:
            raise copy.copy(self._refused[self._last_read])
        intent = self._store.intent(snapshot)
        if stop() or (intent is not None and self.valid() and not self._may_resend(intent)):
            return "waiting"
        with closing(self._store.prepare(snapshot, intent)) as rewrite:
            try:
                grant = spend(self._endpoint, self._clock, snapshot.bundle)
            except AnswerLostError:
                self._unanswered = snapshot.bundle.fingerprint
                raise
            except RefusedError as error:
                rewrite.discard_intent()
                return self._remember_refused(snapshot, error, intent)
            except LlmError:
                rewrite.discard_intent()
                raise
            return self._store_granted(rewrite, snapshot, grant)

    def _may_resend(self, intent: Intent) -> bool:
        """Return True if a token that was sent, and whose answer was not stored, may be sent again now."""
        age = self._clock.time() - intent.at
        return 0 <= age <= RESEND_WITHIN and intent.fingerprint != self._unanswered

    def _store_granted(self, rewrite: Rewrite, snapshot: Snapshot, grant: Grant) -> Outcome:
        """Store a new pair, then publish it. From here on no error may lose it."""
        now = datetime.fromtimestamp(self._clock.time(), timezone.utc)
        bundle = snapshot.bundle.renewed(grant.access_token, grant.refresh_token, grant.expires_at, now)
        self._last_success = self._clock.monotonic()
        try:
            stored = self._commit(rewrite, Unsaved(snapshot.bundle.fingerprint, bundle))
        except BundleError as error:
            _log.error("%s; until then the new tokens are used from memory", error)
            self._publish(Snapshot(bundle, snapshot.generation))
            return "refreshed"
        self._publish(stored or Snapshot(bundle, ""))
        return "refreshed" if stored is None or stored.bundle.access_token == bundle.access_token else "adopted"

    def _remember_refused(self, snapshot: Snapshot, error: RefusedError, intent: Intent | None) -> Outcome:
        """Remember a refused token and raise, unless another pair has been stored in the meantime."""
        found = self._store.read()
        if found is not None and found.bundle.fingerprint != snapshot.bundle.fingerprint:
            self._adopt_newer(found)
            return "adopted"
        message = f"the Token Plan login in {self._store.name} has ended"
        if intent is not None:
            message += f": {intent.describe()} sent its refresh token and could not store the answer"
        refused = CredentialInvalidError(f"{message} ({error}). Run minimax-sync login", status=error.status)
        self._refused = {snapshot.bundle.fingerprint: refused}
        raise refused

    def _recovered(self) -> Snapshot | None:
        """Read the store after completing what could not be stored before, by this process or a killed one."""
        snapshot, unsaved = self._store.recover(self._store.read()), self._unsaved
        if unsaved is not None and snapshot is not None and snapshot.bundle.fingerprint == unsaved.replaces:
            with closing(self._store.prepare(snapshot, self._store.intent(snapshot))) as rewrite:
                snapshot = self._commit(rewrite, unsaved)
            if snapshot is not None:
                _log.info("the new tokens of %s are stored now", self._store.name)
                self._publish(snapshot)
        self._unsaved = None
        return snapshot

    def _commit(self, rewrite: Rewrite, unsaved: Unsaved) -> Snapshot | None:
        self._unsaved = unsaved
        try:
            stored = rewrite.commit(unsaved.bundle)
        except BundleError:
            self._unsaved = msgspec.structs.replace(unsaved, rescued=rewrite.rescued)
            raise
        self._unsaved = None
        return stored

    # The token in memory

    def _adopt_newer(self, snapshot: Snapshot) -> None:
        """Publish the bundle in the store, unless it is older than the one in memory, or less usable."""
        self._last_read = snapshot.bundle.fingerprint
        if self._unsaved is not None and self._last_read == self._unsaved.replaces:
            return
        current = self.current
        if current is not None and snapshot.generation == current.generation:
            return
        if not self.valid() or self._clock.time() < snapshot.bundle.expires_at.timestamp():
            self._publish(snapshot)

    def _publish(self, snapshot: Snapshot) -> None:
        self._last_read = snapshot.bundle.fingerprint
        before, found = self.current, HeldToken.of(snapshot)
        still_rejected = before is not None and before.rejected and before.token == found.token
        self.current = found.after_rejection() if still_rejected else found

    def _missing(self) -> CredentialInvalidError:
        return CredentialInvalidError(f"there is no Token Plan bundle at {self._store.name}: run minimax-sync login")
