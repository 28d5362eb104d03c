"""`Http`: one HTTP exchange, from a request's parts to a reply or an error of this library.

There are two ways to send. The first is our own pools: reading the environment, following redirects and keeping cookies
for every call is most of what requests costs. The second is a requests session, if it is the user's, or if a stand-in
replaces the network. Knows nothing of tokens, wires or retries.
"""

from __future__ import annotations

import re
import time
import weakref
from collections.abc import Callable, Mapping
from functools import lru_cache
from string import ascii_letters, digits
from typing import TYPE_CHECKING, Any

from urllib3 import HTTPResponse, exceptions

from .. import __version__
from ..errors import CallTimeoutError, ConfigError, LlmError
from ..tracebacks import bare_os_error, causes, sealed
from .deadlines import Deadlines
from .failures import exchange_fault
from .forks import after_fork, renew_if_forked
from .pools import Pool, open_pool
from .proxies import label, proxy_for
from .reply import FAILURES, Reply
from .stand_ins import replaced
from .trust import Verify

if TYPE_CHECKING:
    from requests import Session

    from .stock import SessionSender

__all__ = ["Http", "Session"]

SMALL_BODY = 4096

_HOST = frozenset(f"{ascii_letters}{digits}._~%:[]-")  # without a user or a password
_TARGET = frozenset(map(chr, range(0x21, 0x7F))) - {"#"}
_HEADER_NAME = frozenset(f"{ascii_letters}{digits}!#$%&'*+-.^_`|~")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

_AGENT = f"minimax-sync/{__version__}"


def __getattr__(name: str) -> Any:
    """Load requests for a program that resolves annotations; a call needs it only for what `stock` is for."""
    if name == "Session":
        from . import stock

        return stock.Session
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Http:
    """Exchanges over pooled connections, one pool for each origin: shared by threads, renewed after a fork.

    Without a `session` of the user's, netrc is not read, cookies are not kept, and http goes through no proxy of the
    environment. `verify` names the certificate authorities (True: REQUESTS_CA_BUNDLE, else the system's store and
    certifi's); `proxy` is the URL of a proxy for all hosts except loopback, instead of the environment's. Both are
    resolved once for each origin.

    A user's session is used as it is, through its own `send`: adapters, auth, hooks, cookies, params, headers, proxies,
    verify and cert apply. Only the Authorization of a request is always the one given to `exchange`.
    """

    def __init__(self, session: Session | None = None, *, verify: Verify = True, proxy: str | None = None) -> None:
        self._session = session
        self._verify = verify
        self._proxy = proxy
        self._pools: dict[str, tuple[Pool | None, str | None]] = {}
        self._sender = None if session is None else self._make_sender()
        _instances.add(self)

    @sealed
    def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        deadline: float,
        idle_timeout: float = 300.0,
        first_byte_timeout: float | None = None,
        connect_timeout: float = 10.0,
        connected: Callable[[Callable[[], None]], None] | None = None,
    ) -> Reply:
        """Send one request and return its answer as soon as the head has arrived. Redirects are not followed.

        `deadline` is the monotonic instant by which everything must have ended, the body included; `idle_timeout` is
        the longest silence, `first_byte_timeout` the longest before the first byte of the head and of the body (by
        default `idle_timeout`; `math.inf` leaves it to the deadline), `connect_timeout` the longest time for
        connecting, in seconds. The time for the DNS lookup is limited only by the system. `connected` gets a function
        that ends the exchange before its head has arrived, from any thread.

        Raises ConfigError for a URL, header or CA file that cannot be used; CallTimeoutError; AmbiguousResultError when
        the connection is lost before the answer; ResponseFormatError when the answer is not HTTP; else TransportError.
        When nothing was sent and trying again makes sense, the error's `budget` is "server".
        """
        renew_if_forked()
        origin, host, target = _split(url)
        fields = _checked({"Host": host, "User-Agent": _AGENT, "Accept-Encoding": "identity"}, headers, body)
        limits = Deadlines(deadline, idle_timeout, connect_timeout, first_byte_timeout)
        if connected is not None:
            connected(limits.end)
        if deadline <= time.monotonic():
            raise CallTimeoutError("the call's timeout passed before anything was sent", sent=False, budget="server")
        try:
            state = replaced() if self._session is None else None
            pool, proxy = self._route(origin)
            if pool is not None and state is None:
                raw = pool.exchange(method, target, fields, body, limits)
                return _reply(raw.status, raw.headers, raw, limits)
            return self._send_through_session(method, url, fields, body, limits, proxy, state)
        except FAILURES as error:
            fault, cause = self._fault(error, limits, url, origin), bare_os_error(error)
        raise fault from cause

    def close(self) -> None:
        """Close the idle connections; those in use close when they become free. A user's session is left as it is."""
        pools, self._pools = self._pools, {}
        for pool, _ in list(pools.values()):  # another thread may be adding one
            if pool is not None:
                pool.close()
        if self._sender is not None:
            self._sender.close()

    def _route(self, origin: str) -> tuple[Pool | None, str | None]:
        """Return our pool for an origin, or None if only a session can send, and the proxy for it."""
        if self._session is not None:
            return None, None
        route = self._pools.get(origin)
        if route is None:
            proxy = proxy_for(origin, self._proxy)
            is_ours = proxy is None or (proxy.lower().startswith("http") and origin.startswith("https:"))
            route = self._pools.setdefault(origin, (open_pool(origin, proxy, self._verify) if is_ours else None, proxy))
        return route

    def _send_through_session(
        self,
        method: str,
        url: str,
        fields: dict[str, str],
        body: bytes | None,
        limits: Deadlines,
        proxy: str | None,
        state: object,
    ) -> Reply:
        from .stock import raw_answer

        fields.pop("Host", None)  # requests derives it from the URL
        sender = self._sender = self._sender or self._make_sender()
        response = sender.send(method, url, fields, body, limits, proxy=proxy, state=state)
        return _reply(response.status_code, response.headers, raw_answer(response), limits)

    def _make_sender(self) -> SessionSender:
        from .stock import SessionSender

        return SessionSender(self._session, self._verify, self._proxy)

    def _fault(self, error: Exception, limits: Deadlines, url: str, origin: str) -> LlmError:
        timed_out = any(isinstance(cause, (TimeoutError, exceptions.ReadTimeoutError)) for cause in causes(error))
        sent, mismatch = bool(limits.sent), None
        proxy = self._pools.get(origin, (None, None))[1]
        if self._sender is not None and not limits.tracked:
            from . import stock

            sent, mismatch = stock.was_sent(error, limits), stock.mismatch_of_mock(error)
            timed_out = timed_out or stock.is_timeout(error)
            proxy = proxy or self._sender.proxy_of(url)
        return exchange_fault(
            error,
            sent=sent,
            timed_out=limits.describe_timeout() if timed_out else None,
            origin=origin,
            proxy=label(proxy) if proxy else None,
            mismatch=mismatch,
        )

    def _renew_after_fork(self) -> None:
        self._pools = {}
        if self._sender is not None:
            self._sender.renew_after_fork()


_instances: weakref.WeakSet[Http] = weakref.WeakSet()


def _renew_after_fork() -> None:
    for instance in list(_instances):
        instance._renew_after_fork()


after_fork("sessions", _renew_after_fork)


@lru_cache
def _split(url: str) -> tuple[str, str, str]:
    """Return origin, host and request target of a URL."""
    scheme, _, rest = url.partition("://")
    end = min(at if (at := rest.find(mark)) >= 0 else len(rest) for mark in "/?")
    host, target = rest[:end], rest[end:]
    is_plain = host != "" and _HOST.issuperset(host) and _TARGET.issuperset(target)
    if not is_plain or scheme.lower() not in ("http", "https"):
        raise ConfigError(
            "the URL cannot be used: it must begin with http:// or https://, be plain ASCII without spaces, "
            "and hold no user, password or fragment"
        )
    return f"{scheme}://{host}".lower(), host, target if target.startswith("/") else f"/{target}"


def _checked(ours: Mapping[str, str], theirs: Mapping[str, str], body: bytes | None) -> dict[str, str]:
    """Return the header fields of a request; `theirs` replace `ours`, names compared without case."""
    fields = {name.lower(): (name, value) for name, value in (*ours.items(), *theirs.items())}
    if body is not None:
        fields["content-length"] = ("Content-Length", str(len(body)))
    for name, value in fields.values():
        if not name or not _HEADER_NAME.issuperset(name) or not _HEADER_VALUE.fullmatch(value):
            raise ConfigError(f"the header {name!r} holds a character that HTTP does not allow")
    return dict(fields.values())


def _reply(status: int, headers: Mapping[str, str], raw: HTTPResponse, limits: Deadlines) -> Reply:
    reply = Reply(status, headers, raw, limits)
    if 300 <= status < 400 and (raw.length_remaining is None or raw.length_remaining > SMALL_BODY):
        reply.drop()
    return reply
