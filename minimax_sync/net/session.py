"""One HTTP exchange: a session, a request built by hand, a reply or an error of this library.

The only importer of requests. `Session.request` prepares, asks the environment, follows redirects and keeps cookies
anew for every call, which is most of what a small call costs; here a request goes straight to the session's adapter.
Knows nothing of tokens, wires or retries.
"""

from __future__ import annotations

import io
import os
import re
import weakref
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from string import ascii_letters, digits
from time import monotonic
from typing import Any, cast

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import exceptions

from .. import __version__
from ..errors import CallTimeoutError, ConfigError, LlmError
from ..tracebacks import bare_os_error, causes, sealed
from .deadlines import Trace
from .failures import exchange_fault
from .pools import MAX_IDLE_CONNECTIONS, POOL_CLASSES, abandon_pools, tls_context
from .reply import FAILURES, Reply

__all__ = ["Http", "Session"]

Session = requests.Session

SMALL_BODY = 4096

_HOST = frozenset(f"{ascii_letters}{digits}._~%:[]-")  # without a user or a password
_TARGET = frozenset(map(chr, range(0x21, 0x7F))) - {"#"}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

# What a user's session may not add: its credentials are not ours to send, and the body is framed here.
_NOT_INHERITED = frozenset({"authorization", "connection", "content-length", "transfer-encoding"})

# What says that nothing was sent, of a connection that is not ours and so could not tell.
_NOT_SENT = (
    requests.ConnectTimeout,
    requests.exceptions.ProxyError,
    requests.exceptions.SSLError,
    exceptions.ConnectTimeoutError,
    exceptions.ReadTimeoutError,  # of the TLS handshake: before that of an answer the trace is asked for its limit
    exceptions.ClosedPoolError,
    exceptions.EmptyPoolError,
    ValueError,
)
_TIMEOUTS = (TimeoutError, requests.Timeout, exceptions.ReadTimeoutError)


class _Request(requests.PreparedRequest):
    """A request that is ready as it stands, with what an adapter would parse out of its URL."""

    headers: CaseInsensitiveDict[str]
    origin: str
    target: str


class _Head(requests.Response):
    """What our adapter returns: what urllib3 read, and nothing of what requests would make of it."""

    def __init__(self, raw: urllib3.HTTPResponse) -> None:
        self.status_code = raw.status
        self.headers = cast("CaseInsensitiveDict[str]", raw.headers)  # a mapping of the same kind
        self.raw = raw


class _Adapter(HTTPAdapter):
    """An adapter over our own pools. Its `send` is requests', so that the `responses` library can stand in for it."""

    _pools: dict[str, Any]

    def __init__(self) -> None:
        super().__init__(pool_maxsize=MAX_IDLE_CONNECTIONS)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOL_CLASSES
        self._pools = {}

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = POOL_CLASSES
        return manager

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> tuple[Any, Any]:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] == "http":
            return host, {}
        authorities = verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH
        with suppress(OSError):
            return host, {"ssl_context": tls_context(authorities)}
        raise ConfigError(f"REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE: no certificates can be loaded from {authorities}")

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:
        pool = self._pools.get(request.origin)
        if pool is None:
            pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
            self._pools[request.origin] = pool
        return pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Do nothing: the pool was made with its TLS context."""

    def request_url(self, request: Any, proxies: Any) -> str:
        target: str = request.target
        return target

    def build_response(self, req: Any, resp: Any) -> requests.Response:
        return super().build_response(req, resp) if resp.connection is None else _Head(resp)

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()
        super().close()


class Http:
    """Exchanges over one session: pooled connections per origin, shared by threads, made anew after a fork.

    Without a session of the user's, the certificate authorities and a proxy for https are taken from the environment,
    once per origin; netrc is not read, cookies are not kept and http is never proxied. A user's session keeps its
    adapters, proxies, verify, cert and headers, but neither its auth nor its cookies are sent.
    """

    def __init__(self, session: requests.Session | None = None) -> None:
        self._owns_session = session is None
        self._session = _new_session() if session is None else session
        self._settings: dict[object, Any] = {}
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
        idle_timeout: float = 120.0,
        connect_timeout: float = 10.0,
    ) -> Reply:
        """Send one request and return its answer as soon as the head is in. A redirect is an answer like any other.

        `deadline` is the monotonic instant by which all must be over, the body included; `idle_timeout` is the longest
        silence, `connect_timeout` the longest time for connecting, in seconds. The system alone bounds the time for
        finding the host's address.

        Raises ConfigError for a URL, header or CA file that cannot be used; CallTimeoutError; AmbiguousResultError when
        the connection is lost before the answer; ResponseFormatError when that is not HTTP; else TransportError. When
        nothing was sent and trying again makes sense, the error's `budget` is "server".
        """
        request = self._build(method, url, headers, body)
        trace = Trace(deadline, idle_timeout, connect_timeout)
        if deadline <= monotonic():
            raise CallTimeoutError("the call's timeout passed before anything was sent", sent=False, budget="server")
        try:
            adapter = self._session.get_adapter(url)
            response = adapter.send(request, timeout=cast(Any, trace), **self._settings_of(request.origin))
        except FAILURES as error:
            fault, cause = _fault(error, trace, request.origin), bare_os_error(error)
        else:
            return _reply(response, trace)
        raise fault from cause

    def close(self) -> None:
        """Close the idle connections; those in use close when they fall free. A user's session is left as it is."""
        if self._owns_session:
            self._session.close()

    def _build(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> _Request:
        request = _Request()
        request.method, request.url, request.body = method, url, body
        request.origin, host, request.target = _split(url)
        fields = {} if self._owns_session else self._inherited_headers()
        fields["Host"] = host
        fields["User-Agent"] = f"minimax-sync/{__version__}"
        fields["Accept-Encoding"] = "identity"  # packing a stream's few bytes per event costs more than it saves
        fields.update(headers)
        if body is not None:
            fields["Content-Length"] = str(len(body))
        for name, value in fields.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise ConfigError(f"the header {name!r} holds a character that HTTP does not allow")
        request.headers = CaseInsensitiveDict(fields)
        return request

    def _inherited_headers(self) -> dict[str, str]:
        return {
            name: value.decode("latin-1") if isinstance(value, bytes) else value
            for name, value in self._session.headers.items()
            if value is not None and name.lower() not in _NOT_INHERITED
        }

    def _settings_of(self, origin: str) -> Any:
        """Return what `send` takes beside the request. Asking the environment is two fifths of a small call."""
        session = self._session
        key = (origin, session.trust_env, session.verify, session.cert, tuple(session.proxies.items()))
        settings = self._settings.get(key)
        if settings is None:
            settings = session.merge_environment_settings(origin, {}, True, None, None)
            if session.verify is not True:  # requests lets the environment outrank what was chosen in the code
                settings["verify"] = session.verify
            if self._owns_session and origin.startswith("http:"):
                settings["proxies"] = {}
            self._settings[key] = settings
        return settings

    def _start_anew_after_fork(self) -> None:
        for adapter in self._session.adapters.values():
            if isinstance(adapter, HTTPAdapter):
                abandon_pools(adapter.poolmanager, *adapter.proxy_manager.values())
                copy = cast(Any, adapter)
                copy.__setstate__(copy.__getstate__())


_instances: weakref.WeakSet[Http] = weakref.WeakSet()


def _start_anew_after_fork() -> None:
    for instance in list(_instances):
        instance._start_anew_after_fork()


os.register_at_fork(after_in_child=_start_anew_after_fork)


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


def _new_session() -> requests.Session:
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = _Adapter()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _reply(response: requests.Response, trace: Trace) -> Reply:
    raw = response.raw
    if not isinstance(raw, urllib3.HTTPResponse):  # of an adapter that is not requests'
        raw = urllib3.HTTPResponse(io.BytesIO(response.content or b""), preload_content=False)
    reply = Reply(response.status_code, response.headers, raw, trace)
    if 300 <= reply.status < 400 and (raw.length_remaining is None or raw.length_remaining > SMALL_BODY):
        reply.drop()
    return reply


def _fault(error: Exception, trace: Trace, origin: str) -> LlmError:
    chain = list(causes(error))
    sent = not any(isinstance(cause, _NOT_SENT) for cause in chain) if trace.sent is None else trace.sent
    timed_out = any(isinstance(cause, _TIMEOUTS) for cause in chain)
    return exchange_fault(error, sent=sent, timed_out=trace.describe_timeout() if timed_out else None, origin=origin)
