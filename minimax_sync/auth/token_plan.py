"""`TokenPlan`, a user's handle on a Token Plan login, and the table of the credentials that handles share.

All users of one bundle in one process share one `Credential`. A forked child starts over: new locks, no thread, no
pending refresh.
"""

from __future__ import annotations

import os
import threading
import weakref
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ..errors import BundleError
from ..net.forks import after_fork
from ..net.trust import Verify
from ..secret import Secret, StoreUrl
from ..settings.checks import check_bundle, check_text
from ..settings.places import absolute
from . import Listener
from .background import Lease
from .bundle import DEFAULT_REGION
from .clock import Clock, SystemClock
from .file_store import FileStore
from .portal import Route, portal_route
from .redis_store import RedisStore
from .requests_auth import authorize
from .single_flight import Credential
from .status import BundleStatus, describe
from .token_endpoint import TokenEndpoint

Prepared = TypeVar("Prepared")  # requests.PreparedRequest

Place = Path | StoreUrl


def bundle_place(bundle: str | os.PathLike[str]) -> Place:
    """Return `bundle` as a path or the URL of a store. Raises ConfigError if it is neither."""
    checked = check_bundle(bundle, "bundle")
    return checked if isinstance(checked, StoreUrl) else Path(checked)


def open_store(place: Place, clock: Clock) -> FileStore | RedisStore:
    """Return the store of the bundle at `place`. Nothing is read or connected yet."""
    return RedisStore(place, clock) if isinstance(place, StoreUrl) else FileStore(place, clock)


class TokenPlan:
    """A Token Plan login in a file, or in Redis at redis://host:6379/0/NAME, kept fresh.

    `base_url` is set by hand by the user: tokens may go to its origin although it is not MiniMax's. All instances of
    one bundle in a process share their tokens. `verify` and `proxy`, as of `MiniMaxClient`, are for the requests to the
    portal; those that were given last for a bundle are used. Thread-safe. Pickles by path or URL; a URL with a password
    is refused.

    Serves other libraries too: as `auth=` of requests, and `plan.bearer` as `openai.OpenAI(api_key=plan.bearer)`.

    >>> pair = emulator.portal.bundle("plan.json")
    >>> plan = TokenPlan("plan.json", base_url=emulator.url)
    >>> with MiniMaxClient(auth=plan, base_url=emulator.anthropic_base_url) as other:
    ...     print(other.chat("Hello").text)
    You said: "Hello".
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        base_url: str | None = None,
        verify: Verify = True,
        proxy: str | None = None,
    ) -> None:
        proxy = None if proxy is None else StoreUrl(proxy)  # a traceback may show locals
        place = bundle_place(path)
        self._place = place if isinstance(place, StoreUrl) else absolute(place, "bundle")
        base_url = None if base_url is None else check_text(base_url, "argument base_url")
        self._base_url = base_url
        self._route = portal_route(verify, proxy)
        self._credential = _shared(self._place, base_url, self._route)

    def bearer(self, timeout: float | None = None) -> str:
        """Return an access token, refreshed if it is due.

        While the old token is valid only the caller that begins the refresh waits, 3 s at most. `timeout` (seconds)
        ends the wait, not the refresh. Raises CredentialInvalidError if the login is dead or missing, BundleError if
        the file cannot be read or written, ServerError or TransportError if the token endpoint fails and the old token
        has expired, and CallTimeoutError.
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

    def __call__(self, request: Prepared) -> Prepared:
        """Authorize a request of the requests library: `requests.post(url, json=..., auth=plan)`.

        The bearer is set for MiniMax's own https hosts, and for the origin of `base_url`; other requests are left
        unchanged. An HTTP 401 leads to one forced refresh and one retry. Raises what `bearer` raises.
        """
        authorize(request, self, self._base_url)
        return request

    @property
    def path(self) -> Path:
        """The bundle's file. A bundle in Redis has a URL instead: see `status().path`."""
        return Path(self._credential.store.name)

    @property
    def region(self) -> str:
        """The origin of the portal that the login belongs to. Raises BundleError if the bundle cannot be read."""
        found = self.status()
        if found.state == "unreadable":
            raise BundleError(found.problem)
        return found.region or DEFAULT_REGION

    def status(self) -> BundleStatus:
        """Return the state of the login; uses neither network nor lock, and raises nothing."""
        return describe(self._credential.store, self._credential.refresh, self._credential.time())

    def watch(self) -> Lease:
        """Keep the login fresh in the background from the first `bearer` on, while the lease is open and alive."""
        lease = self._credential.thread.lease()
        if self._credential.refresh.current is not None:
            self._credential.thread.wake()
        return lease

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` after every refresh of this login in this process. It is held weakly: keep a reference."""
        self._credential.subscribe(listener)

    def __repr__(self) -> str:
        return f"TokenPlan({self._credential.store.name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        route = self._route
        return partial(TokenPlan, base_url=self._base_url, verify=route.verify, proxy=route.proxy), (self._place,)


_credentials: weakref.WeakValueDictionary[tuple[Any, ...], Credential] = weakref.WeakValueDictionary()
_mutex = threading.Lock()


def _shared(place: Place, base_url: str | None, route: Route) -> Credential:
    key = _identity(place)
    with _mutex:
        credential = _credentials.get(key)
        if credential is None:
            clock = SystemClock()
            endpoint = TokenEndpoint(clock.time)
            credential = Credential(open_store(place, clock), endpoint, clock)
            _credentials[key] = credential
        credential.reload_first = True  # a new handle gets what the file holds now
        if base_url is not None:
            credential.endpoint.trusted_origins.add(base_url)
        if route != Route():
            credential.endpoint.route = route
        return credential


def _identity(place: Place) -> tuple[Any, ...]:
    """Return a key that is the same for all paths of one bundle: two spellings of a path, or two mounts."""
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


after_fork("credentials", _start_over_in_child)
