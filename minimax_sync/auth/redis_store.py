"""A bundle in Redis: `RedisStore` keeps the same text as a file, under the same protocol, for processes on many hosts.

The lock is a lease that Redis ends by itself: a killed process delays the others by at most 36 s. The step that writes
the intent record before the POST also checks and renews the lease, so that a process which was suspended in between
does not send; and a write replaces only the generation that was read. If Redis has lost its data, the newest text that
this process knows is restored. Knows no network but Redis, and decides nothing about refreshing.
"""

from __future__ import annotations

import logging
import os
import random
import secrets
import socket
from typing import Any

import msgspec

from ..errors import BundleError, ConfigError, TransportError
from ..net.redis_link import RedisFailureError, RedisLink, split_store_url
from ..secret import Secret, StoreUrl
from . import redis_scripts as scripts
from .bundle import Bundle, Snapshot, parse_snapshot, unreadable
from .clock import Clock, SystemClock
from .intent import Intent, parse_intent
from .interfaces import locked

_log = logging.getLogger("minimax_sync.auth")

_LOCK_POLL = (0.1, 0.3)  # seconds; a thousand waiting processes make 5000 steps a second, a tenth of what Redis does
_RETRY_PAUSES = (0.1, 0.3, 0.6)  # seconds; Redis restarts within one
_MAX_MERGES = 3
_JUST_AFTER = 0.001  # seconds; later than the text that could not be replaced, earlier than any login since


class Remembered(msgspec.Struct, frozen=True):
    """The newest text that this process knows, and when it was stored. `text` is None if it was removed."""

    stored_at: float
    text: Secret | None


class RemoteIntent(Intent, frozen=True):
    """An intent record whose writer may be on another host, which its `temp` names."""

    def describe(self) -> str:
        return f"{super().describe()} on {self.temp}"


class RedisStore:
    """A bundle in Redis. Thread-safe; every method is one atomic step in Redis, or raises BundleError."""

    def __init__(self, url: StoreUrl, clock: Clock | None = None) -> None:
        link, key = split_store_url(url, "bundle")
        if not key:
            raise ConfigError(
                f"bundle: {link.masked()} names no bundle: the URL must end with a database and a name, as "
                "redis://host:6379/0/NAME"
            )
        self.name = url.masked()
        self._link = RedisLink(link, "bundle")
        self._keys = key, f"{key}:state"
        self._clock = clock or SystemClock()
        self._remembered = Remembered(0.0, None)

    def read(self) -> Snapshot | None:
        """Return the newest bundle that is known, or None if there is none.

        Raises BundleError if Redis has lost it and it cannot be restored.
        """
        text, stored_at, *_ = self._run("read", scripts.READ)
        remembered = self._remembered
        if float(stored_at) < remembered.stored_at and remembered.text is not None:
            self._put_back()
            text = remembered.text.reveal().encode()
        found = None if text is None else parse_snapshot(text)
        if isinstance(found, str):
            raise unreadable(self.name, found)
        self._remember(float(stored_at), text)
        return found

    def modified_at(self) -> float | None:
        """Return when the bundle was last stored, by the clock of Redis, or None if unknown."""
        try:
            return float(self._run("read", scripts.READ)[1]) or None
        except BundleError:
            return None

    def try_lock(self) -> RedisLease | None:
        """Take the lease. Return None if it is held elsewhere, after a pause, because many processes may be waiting."""
        lease = RedisLease(self)
        remembered = self._remembered
        answer = self._run("lock", scripts.LOCK, lease.id, remembered.stored_at if remembered.text else 0)
        if answer == 1:
            self._lease = lease
            return lease
        if answer == -1:
            self._put_back()
        self._clock.sleep(random.uniform(*_LOCK_POLL))
        return None

    def recover(self, snapshot: Snapshot | None) -> Snapshot | None:
        """Return `snapshot`: a step in Redis leaves nothing incomplete."""
        return snapshot

    def intent(self, snapshot: Snapshot) -> Intent | None:
        """Return the record of an unfinished refresh of this very bundle."""
        text, age = self._run("read", scripts.READ)[2:]
        record = parse_intent(text or b"")
        if record is None or record.fingerprint != snapshot.bundle.fingerprint:
            return None
        return RemoteIntent(record.fingerprint, record.pid, self._clock.time() - float(age), record.temp)

    def prepare(self, snapshot: Snapshot, intent: Intent | None = None) -> RedisRewrite:
        """Prepare the replacement of `snapshot`. Raises TransportError too, if the lease has expired."""
        record = Intent(snapshot.bundle.fingerprint, os.getpid(), self._clock.time(), socket.gethostname())
        if not self._run("store", scripts.PREPARE, self._lease.id, "" if intent else record.to_json()):
            raise TransportError(f"this process was suspended for so long that it lost the lease of {self.name}")
        return RedisRewrite(self, snapshot, self._lease.id if intent is None else "")

    def save(self, bundle: Bundle) -> None:
        """Store a new login over any earlier one."""
        with locked(self, self._clock):
            self._run("store", scripts.SAVE, bundle.to_json())

    def remove(self) -> bool:
        """Remove the bundle. Return False if there was none."""
        if self.read() is None:
            return False
        with locked(self, self._clock):
            self._run("remove", scripts.REMOVE)
        return True

    def check_writable(self) -> None:
        """Raise BundleError if a login could not be stored."""
        self._run("store", scripts.PROBE)

    def replace(self, generation: str, bundle: Bundle) -> Snapshot | str | None:
        """Replace a generation by `bundle` and return the resulting content. Another login, or its absence, is kept.

        If that fails `bundle` is remembered, and stored as soon as Redis permits.
        """
        text, before = bundle.to_json(), self._remembered.stored_at
        try:
            stored_at, *found = self._run("store", scripts.COMMIT, text, generation, before)
        except BundleError:
            self._remember(before + _JUST_AFTER, text)
            raise
        if stored_at is None:
            return None if found[0] is None else parse_snapshot(found[0])
        self._remember(float(stored_at), text)
        return parse_snapshot(text)

    def run_or_log(self, what: str, script: str, lease: str) -> None:
        """Run a script that removes data before it expires by itself: a failure is only logged."""
        try:
            self._run(what, script, lease)
        except BundleError as error:
            _log.info("%s", error)

    def _remember(self, stored_at: float, text: bytes | None) -> None:
        if stored_at >= self._remembered.stored_at:  # the answer of an older read is ignored
            self._remembered = Remembered(stored_at, None if text is None else Secret(text.decode()))

    def _put_back(self) -> None:
        stored_at, text = self._remembered.stored_at, self._remembered.text
        self._run("store", scripts.PUT_BACK, text.reveal() if text else "", stored_at)
        _log.warning("Redis had lost the Token Plan bundle %s; it has been restored", self.name)

    def _run(self, what: str, script: str, *arguments: str | bytes | float) -> Any:
        for pause in (*_RETRY_PAUSES, None):
            try:
                return self._link.run(script, self._keys, arguments)
            except RedisFailureError as failure:
                problem = str(failure)
                if pause is None or not failure.passing:
                    break
            self._clock.sleep(pause)
        del arguments  # they may contain tokens, and a traceback may show locals
        raise BundleError(f"cannot {what} the Token Plan bundle {self.name}: Redis: {problem}")


class RedisLease:
    """The lock on one bundle, until Redis ends it."""

    def __init__(self, store: RedisStore) -> None:
        self.id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(8)}"
        self._store = store

    def release(self) -> None:
        """End the lease, if Redis has not done so."""
        self._store.run_or_log("unlock", scripts.RELEASE, self.id)


class RedisRewrite:
    """A prepared replacement of the bundle. `lease` is that of the intent record, "" if none was written."""

    rescued = False

    def __init__(self, store: RedisStore, seen: Snapshot, lease: str) -> None:
        self._store, self._seen, self._lease = store, seen, lease

    def commit(self, bundle: Bundle) -> Snapshot | None:
        """Replace `seen` by `bundle`, merged with what was edited in the meantime."""
        seen = self._seen
        for _ in range(_MAX_MERGES):
            found = self._store.replace(seen.generation, bundle)
            if found is None:
                break
            if isinstance(found, str):
                raise BundleError(f"cannot store the Token Plan bundle {self._store.name}: {found}")
            if found.bundle.fingerprint != seen.bundle.fingerprint:
                return found
            bundle, seen = bundle.merged_into(found.bundle), found  # it was edited
        return None

    def discard_intent(self) -> None:
        """Remove the intent record: nothing was spent."""
        if self._lease:
            self._store.run_or_log("unlock", scripts.FORGET, self._lease)

    def close(self) -> None:
        """Do nothing: there is nothing to release."""
