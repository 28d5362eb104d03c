"""What the refresh protocol needs of its environment: a store with a lock, and a token endpoint.

A file and a Redis key are stores; the simulation implements another.
"""

from __future__ import annotations

from datetime import datetime
from types import TracebackType
from typing import Protocol, runtime_checkable

import msgspec

from ..errors import CredentialInvalidError, TransportError
from ..secret import Secret
from .bundle import Bundle, Snapshot
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
        ...


@runtime_checkable
class Lock(Protocol):
    """A held lock of a store. The death of its process releases it, at once or after a time."""

    def release(self) -> None:
        """Release it. Raises nothing."""
        ...


@runtime_checkable
class Rewrite(Protocol):
    """A prepared replacement of the stored bundle. Leaving the `with` releases what was not used."""

    def __enter__(self) -> Rewrite: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    @property
    def rescued(self) -> bool:
        """True if a pair that could not be stored is kept where `Store.recover` finds it."""
        ...

    def commit(self, bundle: Bundle) -> Snapshot | None:
        """Store `bundle` and return what the store holds then: another login wins, None means it was removed.

        Raises BundleError if it cannot be stored; the intent record stays in that case.
        """
        ...

    def discard_intent(self) -> None:
        """Remove the intent record: nothing was spent."""
        ...


@runtime_checkable
class Store(Protocol):
    """The place of a bundle. All methods but `read`, `modified_at` and `try_lock` need the lock."""

    @property
    def name(self) -> str:
        """The path or URL, for messages."""
        ...

    def read(self) -> Snapshot | None:
        """Return the bundle, or None if there is none. Raises BundleError if it cannot be read."""
        ...

    def modified_at(self) -> float | None:
        """Return when the bundle was last written, as Unix time, or None if unknown."""
        ...

    def try_lock(self) -> Lock | None:
        """Take the lock, or return None if it is held elsewhere; never waits. Raises BundleError if it cannot lock."""
        ...

    def recover(self, snapshot: Snapshot | None) -> Snapshot | None:
        """Complete a rewrite whose writer was killed after the answer came, and return the bundle as it is then."""
        ...

    def intent(self, snapshot: Snapshot) -> Intent | None:
        """Return the record of a process that sent this bundle's refresh token and stored no answer."""
        ...

    def prepare(self, snapshot: Snapshot, intent: Intent | None) -> Rewrite:
        """Prepare everything that storing a successor needs, and write an intent record unless `intent` is one.

        Raises BundleError if a successor could not be stored.
        """
        ...
