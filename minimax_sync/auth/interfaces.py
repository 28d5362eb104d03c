"""What the refresh protocol needs of its environment: a store with a lock, and a token endpoint.

A file and a Redis key are stores; the simulation implements another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol, runtime_checkable

import msgspec

from ..errors import CallTimeoutError, CredentialInvalidError, TransportError
from ..secret import Secret
from .bundle import Bundle, Snapshot
from .clock import Clock
from .intent import Intent

POST_TIMEOUT = 15.0  # seconds for one request to the portal, redirect and body included
LOCK_WAIT = 40.0  # seconds; longer than any holder keeps the lock: a POST, its repetitions, and the write


class Grant(msgspec.Struct, frozen=True):
    """New tokens. `refresh_token` is None if the portal sent none: the old one stays valid."""

    access_token: Secret
    refresh_token: Secret | None
    expires_at: datetime


class RefusedError(CredentialInvalidError):
    """The refresh token is dead: used, revoked or expired."""


class AnswerLostError(TransportError):
    """The request was sent and no answer came: the refresh token may have been used."""


@runtime_checkable
class Endpoint(Protocol):
    """The token endpoint."""

    def refresh(self, bundle: Bundle, deadline: float) -> Grant:
        """Spend the bundle's refresh token; `deadline` is on the monotonic clock.

        Raises RefusedError, AnswerLostError, or another LlmError if the token was not spent.
        """


@runtime_checkable
class Lock(Protocol):
    """A held lock of a store. The death of its process releases it, at once or after a time."""

    def release(self) -> None:
        """Release it. Raises nothing."""


@runtime_checkable
class Rewrite(Protocol):
    """A prepared replacement of the stored bundle."""

    @property
    def rescued(self) -> bool:
        """True if a pair that could not be stored is kept where `Store.recover` finds it."""

    def commit(self, bundle: Bundle) -> Snapshot | None:
        """Replace the bundle by `bundle` and return what the store holds then.

        That is another login if one was put there in the meantime, and None if the bundle was removed: neither is
        overwritten. Raises BundleError if it cannot be stored; the intent record stays in that case.
        """

    def discard_intent(self) -> None:
        """Remove the intent record: nothing was spent."""

    def close(self) -> None:
        """Release what was not used."""


@runtime_checkable
class Store(Protocol):
    """The place of a bundle. All methods but `read`, `modified_at` and `try_lock` need the lock."""

    @property
    def name(self) -> str:
        """The path or URL, for messages."""

    def read(self) -> Snapshot | None:
        """Return the bundle, or None if there is none. Raises BundleError if it cannot be read."""

    def modified_at(self) -> float | None:
        """Return when the bundle was last written, as Unix time, or None if unknown."""

    def try_lock(self) -> Lock | None:
        """Take the lock, or return None if it is held elsewhere; never waits. Raises BundleError if it cannot lock."""

    def recover(self, snapshot: Snapshot | None) -> Snapshot | None:
        """Complete a rewrite whose writer was killed after the answer came, and return the bundle as it is then."""

    def intent(self, snapshot: Snapshot) -> Intent | None:
        """Return the record of a process that sent this bundle's refresh token and stored no answer."""

    def prepare(self, snapshot: Snapshot, intent: Intent | None) -> Rewrite:
        """Prepare everything that storing a successor needs, and write an intent record unless `intent` is one.

        Raises BundleError if a successor could not be stored.
        """


_LOCK_POLL = 0.02


@contextmanager
def locked(store: Store, clock: Clock) -> Iterator[None]:
    """Hold the lock of `store`. Wait for it at most `LOCK_WAIT` seconds, then raise CallTimeoutError."""
    deadline = clock.monotonic() + LOCK_WAIT
    while (lock := store.try_lock()) is None:
        if clock.monotonic() >= deadline:
            raise CallTimeoutError(f"another process has held the lock of {store.name} for {LOCK_WAIT:.0f} s")
        clock.sleep(_LOCK_POLL)
    try:
        yield
    finally:
        lock.release()
