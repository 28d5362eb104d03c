"""What a user holds of a Token Plan login. All that one bundle's users in one process share is a `Credential`.

A forked child starts over: new locks, no thread, no flight.
"""

from __future__ import annotations

import os
import threading
import weakref
from pathlib import Path
from typing import Any

from ..errors import BundleError
from ..secret import Secret, StoreUrl
from .background import Lease
from .bundle import DEFAULT_REGION
from .clock import SystemClock
from .single_flight import Credential, Listener
from .status import BundleStatus, describe
from .stores import Place, bundle_place, open_store
from .token_endpoint import TokenEndpoint


class TokenPlan:
    """A Token Plan login in a file, or in Redis at redis://host:6379/0/NAME, kept fresh.

    `base_url` is an origin that the user set by hand: tokens may go there although it is not MiniMax's. All instances
    of one bundle in a process share their tokens. Thread-safe; pickles by path or URL, and refuses when the URL has a
    password.
    """

    def __init__(self, path: str | os.PathLike[str], *, base_url: str | None = None) -> None:
        place = bundle_place(path)
        self._place = place if isinstance(place, StoreUrl) else place.absolute()
        self._base_url = base_url
        self._credential = _shared(self._place, base_url)

    def bearer(self, timeout: float | None = None) -> str:
        """Return an access token, refreshed when it is due.

        While the old token is valid nobody waits but the one who begins the refresh, and that one 3 s at most.
        `timeout` (seconds) ends the waiting, not the refresh. Raises CredentialInvalidError when the login is dead or
        missing, BundleError when the file cannot be read or written, ServerError or TransportError when the token
        endpoint fails and the old token has run out, and CallTimeoutError.
        """
        credential = self._credential
        current = credential.refresh.current
        if current is not None and credential.time() < current.fresh_until and not credential.reload_first:
            return current.token
        return credential.obtain(timeout)

    def force_refresh(self, rejected: str, timeout: float | None = None) -> str:
        """Return another token than `rejected`, which the service answered with a 401; raises what `bearer` raises.

        Refreshes only if `rejected` is still the current token.
        """
        rejected_token, rejected = Secret(rejected), ""
        return self._credential.obtain(timeout, rejected_token)

    @property
    def path(self) -> Path:
        """The bundle's file; of one in Redis only its name."""
        return Path(self._credential.store.name)

    @property
    def region(self) -> str:
        """The portal's origin that the login belongs to, from the bundle; BundleError when it cannot be read."""
        found = self.status()
        if found.state == "unreadable":
            raise BundleError(found.problem)
        return found.region or DEFAULT_REGION

    def status(self) -> BundleStatus:
        """Describe the login without the network, the lock or an exception."""
        return describe(self._credential.store, self._credential.refresh, self._credential.time())

    def watch(self) -> Lease:
        """Keep the login fresh in the background, from the first `bearer` on, while the lease is held and open."""
        lease = self._credential.thread.lease()
        if self._credential.refresh.current is not None:
            self._credential.thread.wake()
        return lease

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` after every refresh of this login in this process; it is held weakly, so keep it."""
        self._credential.subscribe(listener)

    def __repr__(self) -> str:
        return f"TokenPlan({self._credential.store.name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self._place, self._base_url)


def _rebuild(place: Place, base_url: str | None) -> TokenPlan:
    return TokenPlan(place, base_url=base_url)


_credentials: weakref.WeakValueDictionary[tuple[Any, ...], Credential] = weakref.WeakValueDictionary()
_mutex = threading.Lock()


def _shared(place: Place, base_url: str | None) -> Credential:
    key = _identity(place)
    with _mutex:
        credential = _credentials.get(key)
        if credential is None:
            clock = SystemClock()
            endpoint = TokenEndpoint(clock.time)
            credential = Credential(open_store(place, clock), endpoint, clock)
            _credentials[key] = credential
        credential.reload_first = True  # whoever opens a bundle gets what is in the file now
        if base_url is not None:
            credential.endpoint.trusted_origins.add(base_url)
        return credential


def _identity(place: Place) -> tuple[Any, ...]:
    """Tell one bundle from another: a file by its directory, so that two spellings of a path and two mounts meet."""
    if isinstance(place, StoreUrl):
        return (str(place),)
    real = Path(os.path.realpath(place))
    try:
        directory = real.parent.stat()
    except OSError:
        return (real,)
    return real, directory.st_dev, directory.st_ino


def _start_over_in_child() -> None:
    global _mutex
    _mutex = threading.Lock()
    for credential in list(_credentials.values()):
        credential.reset()


os.register_at_fork(after_in_child=_start_over_in_child)
