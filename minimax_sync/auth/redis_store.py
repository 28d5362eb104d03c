"""The bundle in Redis: the same text as in a file, under the same protocol, for processes on many hosts.

The lock is a lease that Redis ends by itself: a process that is killed keeps the others waiting for at most 30 s. It is
looked at again, and begun anew, in the very step that leaves the note before the POST, so that a process which was
stopped in between does not send; and what is stored replaces only the generation that was read. The newest text that
this process knows is put back when Redis has lost it. Knows no network but Redis, and decides nothing about refreshing.
"""

from __future__ import annotations

import hashlib
import logging
import os
import random
import secrets
import socket
from types import TracebackType
from typing import Any, NamedTuple

from ..errors import BundleError, CallTimeoutError, ConfigError, TransportError
from ..net.redis_link import RedisFailureError, RedisLink, split_store_url
from ..secret import Secret, StoreUrl
from . import redis_scripts as steps
from .bundle import Bundle, Snapshot, parse_bundle
from .clock import Clock, SystemClock
from .intent import Intent, parse_intent
from .interfaces import LOCK_WAIT

_log = logging.getLogger("minimax_sync.auth")

_POLL = (0.1, 0.3)  # seconds; a thousand waiting processes are then 5000 steps a second, a tenth of what Redis bears
_AGAIN = (0.1, 0.3, 0.6)  # seconds; Redis restarts within one
_MERGES = 3
_JUST_AFTER = 0.001  # seconds; later than what could not be replaced, earlier than any login since


class Remembered(NamedTuple):
    """The newest text that this process knows, and when it was stored; `text` None: it was removed."""

    stored_at: float
    text: Secret | None


class RemoteIntent(Intent):
    """A note whose writer may be on another host, which its `temp` names."""

    __slots__ = ()

    def describe(self) -> str:
        return f"{super().describe()} on {self.temp}"


class RedisStore:
    """A bundle in Redis. Thread-safe; every method is one atomic step there, or a BundleError."""

    def __init__(self, url: StoreUrl, clock: Clock | None = None) -> None:
        link, key = split_store_url(url, "bundle")
        if not key:
            raise ConfigError(
                f"bundle: {link.masked()} names no bundle: its URL ends with a database and a name, as "
                "redis://host:6379/0/NAME"
            )
        self.name = url.masked()
        self._link = RedisLink(link, "bundle")
        self._keys = key, f"{key}:state"
        self._clock = clock or SystemClock()
        self._remembered = Remembered(0.0, None)
        self._told = 0.0

    def read(self) -> Snapshot | None:
        """Return the newest bundle that is known; None when there is none."""
        text, stored_at, *_ = self._run("read", steps.READ)
        remembered = self._remembered
        if float(stored_at) < remembered.stored_at and remembered.text is not None:
            self._put_back()
            text = remembered.text.reveal().encode()
        found = _snapshot(text)
        if isinstance(found, str):
            raise BundleError(
                f"cannot read the Token Plan bundle {self.name}: {found}. It is left as it is; "
                "restore it, or run minimax-sync login to replace it"
            )
        self._remember(float(stored_at), text)
        return found

    def modified_at(self) -> float | None:
        """Return when the bundle was last stored, by the clock of Redis; None when that is not known."""
        try:
            return float(self._run("read", steps.READ)[1]) or None
        except BundleError:
            return None

    def try_lock(self) -> RedisLease | None:
        """Take the lease, or return None while somebody else has it, after a moment: so many may be waiting."""
        lease = RedisLease(self)
        remembered = self._remembered
        answer = self._run("lock", steps.LOCK, lease.id, remembered.stored_at if remembered.text else 0)
        if answer == 1:
            self._lease = lease
            return lease
        if answer == -1:
            self._put_back()
        self._clock.sleep(random.uniform(*_POLL))
        return None

    def recover(self, snapshot: Snapshot | None) -> Snapshot | None:
        """Return the bundle as it is: a step in Redis leaves nothing half done."""
        return snapshot

    def intent(self, snapshot: Snapshot) -> Intent | None:
        """Return the note of a refresh of this very bundle that was begun and not finished."""
        text, age = self._run("read", steps.READ)[2:]
        note = parse_intent(text or b"")
        if note is None or note.fingerprint != snapshot.bundle.fingerprint:
            return None
        return RemoteIntent(note.fingerprint, note.pid, self._clock.time() - float(age), note.temp)

    def prepare(self, snapshot: Snapshot, intent: Intent | None = None) -> RedisRewrite:
        """Find out whether a successor could be stored, and leave a note unless `intent`, an earlier one, is there.

        Raises BundleError when it could not, and TransportError when the lease has run out.
        """
        note = Intent(snapshot.bundle.fingerprint, os.getpid(), self._clock.time(), socket.gethostname())
        if not self._run("store", steps.PREPARE, self._lease.id, "" if intent else note.to_json()):
            raise TransportError(f"this process was stopped so long that it lost the lease of {self.name}")
        return RedisRewrite(self, snapshot, self._lease.id if intent is None else "")

    def save(self, bundle: Bundle) -> None:
        """Store a new login over whatever is there."""
        with self._locked():
            self._run("store", steps.SAVE, bundle.to_json())

    def remove(self) -> bool:
        """Remove the bundle; False when there was none."""
        if self.read() is None:
            return False
        with self._locked():
            self._run("remove", steps.REMOVE)
        return True

    def check_writable(self) -> None:
        """Raise BundleError when a login could not be stored."""
        self._run("store", steps.PROBE)

    def replace(self, generation: str, bundle: Bundle) -> Snapshot | str | None:
        """Store `bundle` in the place of a generation; return what is there then: another login, or None, stays.

        When that fails `bundle` is remembered, and put where it belongs as soon as Redis lets us.
        """
        text, before = bundle.to_json(), self._remembered.stored_at
        try:
            stored_at, *found = self._run("store", steps.COMMIT, text, generation, before)
        except BundleError:
            self._remember(before + _JUST_AFTER, text)
            raise
        if stored_at is None:
            return _snapshot(found[0]) if found else None
        self._remember(float(stored_at), text)
        return _snapshot(text)

    def step(self, what: str, script: str, lease: str) -> None:
        """Undo something that would end by itself; a failure is only logged."""
        try:
            self._run(what, script, lease)
        except BundleError as error:
            _log.info("%s", error)

    def _remember(self, stored_at: float, text: bytes | None) -> None:
        if stored_at >= self._remembered.stored_at:  # a status that read long ago changes nothing
            self._remembered = Remembered(stored_at, None if text is None else Secret(text.decode()))

    def _put_back(self) -> None:
        stored_at, text = self._remembered
        try:
            self._run("store", steps.PUT_BACK, text.reveal() if text else "", stored_at)
        except BundleError as error:
            if self._told != stored_at:
                self._told = stored_at
                _log.error("%s; its tokens are in memory only", error)
        else:
            _log.warning("Redis had lost the Token Plan bundle %s; it is stored again", self.name)

    def _locked(self) -> RedisLease:
        deadline = self._clock.monotonic() + LOCK_WAIT
        while (lease := self.try_lock()) is None:
            if self._clock.monotonic() >= deadline:
                raise CallTimeoutError(f"another process has held the lock of {self.name} for {LOCK_WAIT:.0f} s")
        return lease

    def _run(self, what: str, script: str, *arguments: str | bytes | float) -> Any:
        for pause in (*_AGAIN, None):
            try:
                return self._link.run(script, self._keys, arguments)
            except RedisFailureError as failure:
                problem = str(failure)
                if pause is None or not failure.passing:
                    break
            self._clock.sleep(pause)
        del arguments  # they may be a login, and a traceback may show locals
        raise BundleError(f"cannot {what} the Token Plan bundle {self.name}: Redis: {problem}")


class RedisLease:
    """The lock on one bundle, for as long as Redis grants it."""

    def __init__(self, store: RedisStore) -> None:
        self.id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(8)}"
        self._store = store

    def __enter__(self) -> RedisLease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._store.step("unlock", steps.RELEASE, self.id)


class RedisRewrite:
    """One rewrite of the bundle, known to be possible. `lease` is whose note was left, "" when none was."""

    def __init__(self, store: RedisStore, seen: Snapshot, lease: str) -> None:
        self._store, self._seen, self._lease = store, seen, lease

    def commit(self, bundle: Bundle) -> Snapshot | None:
        """Put `bundle` in the place of what was seen and return what the store holds now.

        That is another login if somebody has put one there, None if somebody has removed it: neither is overwritten.
        """
        seen = self._seen
        for _ in range(_MERGES):
            found = self._store.replace(seen.generation, bundle)
            if found is None:
                break
            if isinstance(found, str):
                raise BundleError(f"cannot store the Token Plan bundle {self._store.name}: {found}")
            if found.bundle.fingerprint != seen.bundle.fingerprint:
                return found
            bundle, seen = bundle.merged_into(found.bundle), found  # somebody edited it
        return None

    def discard_intent(self) -> None:
        """Take back the note: nothing was spent."""
        if self._lease:
            self._store.step("unlock", steps.FORGET, self._lease)

    def __enter__(self) -> RedisRewrite:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Do nothing: nothing was made beforehand."""


def _snapshot(text: bytes | None) -> Snapshot | str | None:
    """Read a text; its generation is one that Redis can tell as well, so SHA-1."""
    if text is None:
        return None
    bundle = parse_bundle(text)
    generation = hashlib.sha1(text, usedforsecurity=False).hexdigest()
    return bundle if isinstance(bundle, str) else Snapshot(bundle, generation)
