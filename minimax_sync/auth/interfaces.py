"""What a refresh needs of the world, as interfaces: a store with a lock, and a token endpoint.

A file and a Redis key are stores; so is the simulation's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from types import TracebackType

    from .bundle import Bundle, Snapshot
    from .intent import Intent
    from .token_endpoint import Grant

LOCK_WAIT = 40.0  # seconds; longer than anybody holds the lock: a POST with all that is sent again, and the store


class Lock(Protocol):
    """The store's lock, held. Leaving the `with` releases it."""

    def __enter__(self) -> object: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


class Rewrite(Protocol):
    """All that storing a successor needs, made beforehand. Leaving the `with` gives back what was not used."""

    def __enter__(self) -> Rewrite: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def commit(self, bundle: Bundle) -> Snapshot | None:
        """Store `bundle` and return what the store holds now: another login wins, None means it was removed.

        Raises BundleError when it cannot be stored; then the note stays.
        """
        ...

    def forget(self) -> None:
        """Take back the note that the token was about to be sent: nothing was spent."""
        ...


class Store(Protocol):
    """Where a bundle is kept. All but `read` and `try_lock` need the lock."""

    @property
    def name(self) -> str:
        """What to call it in messages."""
        ...

    def read(self) -> Snapshot | None:
        """Return the bundle, None when there is none; BundleError when it cannot be read."""
        ...

    def modified_at(self) -> float | None:
        """Return when the bundle was last written, as Unix time; None when that is not known."""
        ...

    def try_lock(self) -> Lock | None:
        """Take the lock, None while somebody else has it, BundleError when that is impossible. Never waits."""
        ...

    def recover(self, snapshot: Snapshot | None) -> Snapshot | None:
        """Complete a rewrite whose writer was killed after the answer came; return the bundle as it is now."""
        ...

    def intent(self, snapshot: Snapshot) -> Intent | None:
        """Return the note of somebody who sent this bundle's refresh token and stored no answer."""
        ...

    def prepare(self, snapshot: Snapshot, intent: Intent | None) -> Rewrite:
        """Make all that storing a successor needs, and leave the note unless `intent` is there already.

        Raises BundleError when it could not be stored.
        """
        ...


class Endpoint(Protocol):
    """The token endpoint. See `grant.TokenEndpoint` for what it raises."""

    def refresh(self, bundle: Bundle, deadline: float) -> Grant:
        """Spend the bundle's refresh token; `deadline` is on the monotonic clock."""
        ...
