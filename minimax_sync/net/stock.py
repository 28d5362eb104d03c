"""Sending through a `requests.Session` and stock adapters: the user's session, or one that a stand-in can intercept.

The only importer of requests, loaded when it is needed: for `session=`, under a mock, recorder or instrumentation, for
SOCKS, and for plain http through a proxy. Slower than our own pools; the guarantees hold as far as a stock connection
reports what happened.
"""

from __future__ import annotations

import functools
import http.client
import io
import os
import queue
import ssl
import threading
from typing import Any, cast

import requests
import urllib3
from requests import Session as Session
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth
from requests.utils import default_user_agent, get_environ_proxies, select_proxy
from urllib3 import exceptions

from ..errors import ConfigError
from ..tracebacks import causes
from .connections import SOCKET_OPTIONS, abandon
from .deadlines import Deadlines
from .trust import Verify, tls_context

# On a stock connection, which does not report what was sent, these show that nothing was.
_NOT_SENT = (
    requests.ConnectTimeout,
    requests.exceptions.ProxyError,
    requests.exceptions.SSLError,
    exceptions.ConnectTimeoutError,
    exceptions.ReadTimeoutError,  # of the TLS handshake: before that of an answer `read_timeout` is read
    exceptions.ClosedPoolError,
    exceptions.EmptyPoolError,
    ValueError,
)


class _Adapter(HTTPAdapter):
    """requests' adapter with our socket options and trust."""

    def __init__(self, verify: Verify) -> None:
        self._verify = verify
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, socket_options=SOCKET_OPTIONS, **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        if proxy.lower().startswith("https:"):
            kwargs["proxy_ssl_context"] = tls_context(self._verify)
        return super().proxy_manager_for(proxy, socket_options=SOCKET_OPTIONS, **kwargs)

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> tuple[Any, Any]:
        host, _ = super().build_connection_pool_key_attributes(request, True, cert)
        return host, {"ssl_context": tls_context(self._verify)} if host["scheme"] == "https" else {}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Do nothing: the pool was made with its TLS context."""


class _Authorization(AuthBase):
    """Run the session's own auth, if any, on a request that has our Authorization, and then set that again.

    So an auth object can sign or extend the request, but neither it nor netrc replaces the bearer.
    """

    def __init__(self, auth: Any, value: str | None) -> None:
        self._auth = HTTPBasicAuth(*auth) if isinstance(auth, tuple) and len(auth) == 2 else auth
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._auth:
            request = self._auth(request)
        if self._value is not None:
            request.headers["Authorization"] = self._value
        return request


class _Watch:
    """Two response hooks, before and behind those of the session."""

    def __init__(self) -> None:
        self.response: requests.Response | None = None
        self.location: str | None = None

    def before(self, response: requests.Response, **_: Any) -> None:
        """Keep the answer: a hook may raise."""
        self.response = response

    def behind(self, response: requests.Response, **_: Any) -> None:
        """Hide the Location of a redirect: `Session.send` would read the whole body in order to resolve it."""
        if response.is_redirect:
            self.location = response.headers.pop("location")


class SessionSender:
    """Sends through the given session, or through one of its own. As thread-safe as requests' session."""

    def __init__(self, session: requests.Session | None, verify: Verify, proxy: str | None) -> None:
        if session is not None and isinstance(verify, ssl.SSLContext):
            raise ConfigError("verify: a context cannot be combined with session=; mount an adapter that uses it")
        self._given = session
        self._own: requests.Session | None = None
        self._own_state: object = None
        self._verify = verify
        self._proxy = proxy

    def send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes | None,
        limits: Deadlines,
        *,
        proxy: str | None,
        state: object,
    ) -> requests.Response:
        """Send a request and return its answer, the body unread.

        A reused connection that gives no byte of an answer is replaced, once.
        `state` is what `stand_ins.replaced` returned: connections made under another state are not used.
        """
        session = self._given or self._own_session(state)
        if self._given is not None:
            headers = self._of_users_session(session, headers)
        options = self._options(session, proxy)
        request = functools.partial(_request, session, method, url, headers, body, limits, options)
        try:
            return request()
        except requests.ConnectionError as error:
            if not limits.reused or not _gave_no_byte(error, limits):
                raise
        return request()

    def proxy_of(self, url: str) -> str | None:
        """Return the proxy that the user's session has for a URL."""
        if self._given is None:
            return None
        merged = self._given.merge_environment_settings(url, {}, True, None, None)
        return select_proxy(url, merged["proxies"])

    def close(self) -> None:
        """Close the idle connections of our own session. The user's session is left as it is."""
        if self._own is not None:
            self._own.close()

    def renew_after_fork(self) -> None:
        """Abandon the connections of both sessions, and their locks, which threads of the parent may hold."""
        for session in filter(None, (self._given, self._own)):
            cast(Any, session.cookies)._cookies_lock = threading.RLock()
            for adapter in session.adapters.values():
                if isinstance(adapter, HTTPAdapter):
                    _abandon_pools(adapter.poolmanager, *adapter.proxy_manager.values())
                    copy = cast(Any, adapter)
                    copy.__setstate__(copy.__getstate__())

    def _own_session(self, state: object) -> requests.Session:
        if self._own is None or self._own_state is not state:
            self.close()
            session = requests.Session()
            session.trust_env = False  # no netrc; this library finds the environment's proxy and authorities itself
            session.mount("https://", _Adapter(self._verify))
            session.mount("http://", _Adapter(self._verify))
            self._own, self._own_state = session, state
        return self._own

    def _of_users_session(self, session: requests.Session, headers: dict[str, str]) -> dict[str, str]:
        chosen = session.headers.get("User-Agent")
        if chosen and chosen != default_user_agent() and headers["User-Agent"].startswith("minimax-sync/"):
            return {name: value for name, value in headers.items() if name != "User-Agent"}
        return headers

    def _options(self, session: requests.Session, proxy: str | None) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if proxy is not None:
            options["proxies"] = {"http": proxy, "https": proxy}
        if self._given is not None and self._verify is not True:
            options["verify"] = self._verify if isinstance(self._verify, bool) else os.fspath(cast(str, self._verify))
        elif session.verify is not True:  # in requests the environment overrides what was set in the code
            options["verify"] = session.verify
        return options


def _request(
    session: requests.Session,
    method: str,
    url: str,
    headers: dict[str, str],
    body: bytes | None,
    limits: Deadlines,
    options: dict[str, Any],
) -> requests.Response:
    watch = _Watch()
    hooks = session.hooks.get("response") or []
    try:
        response = session.request(
            method,
            url,
            headers=headers,
            data=body,
            auth=_Authorization(session.auth, headers.get("Authorization")),
            hooks={"response": [watch.before, *([hooks] if callable(hooks) else hooks), watch.behind]},
            timeout=cast(Any, limits),
            allow_redirects=False,
            stream=True,
            **options,
        )
    except BaseException:
        if watch.response is not None:
            watch.response.close()
        raise
    finally:
        watch.response = None  # its request's hooks reference this object
    if watch.location is not None:
        response.headers["Location"] = watch.location
    return response


def raw_answer(response: requests.Response) -> urllib3.HTTPResponse:
    """Return the unread body of an answer, also if an adapter or a hook has already read it."""
    raw = response.raw
    if isinstance(raw, urllib3.HTTPResponse) and getattr(response, "_content", False) is False:
        return raw
    return urllib3.HTTPResponse(io.BytesIO(response.content or b""), preload_content=False)


def was_sent(error: Exception, limits: Deadlines) -> bool:
    """Return whether the request may have reached the server."""
    if limits.sent is not None:
        return limits.sent
    return not any(isinstance(cause, _NOT_SENT) for cause in causes(error)) and mismatch_of_mock(error) is None


def is_timeout(error: Exception) -> bool:
    """Return whether requests calls `error` a timeout."""
    return isinstance(error, requests.Timeout)


def mismatch_of_mock(error: Exception) -> str | None:
    """Return the message of a mock that has no answer to the request: requests-mock raises its own class."""
    if not isinstance(error, requests.ConnectionError) or any(isinstance(value, Exception) for value in error.args):
        return None
    is_one = type(error).__module__ != "requests.exceptions" or str(error).startswith("Connection refused by Responses")
    return str(error) if is_one else None


def environment_proxy(origin: str) -> str | None:
    """Return the proxy that the environment (or the system) has for an origin, NO_PROXY respected."""
    return select_proxy(origin, get_environ_proxies(origin))


def _gave_no_byte(error: Exception, limits: Deadlines) -> bool:
    kind: type[Exception] = http.client.RemoteDisconnected if limits.sent else ConnectionError
    return any(isinstance(cause, kind) for cause in causes(error))


def _abandon_pools(*managers: urllib3.PoolManager) -> None:
    for manager in managers:
        manager.pools.lock = threading.RLock()
        for key in manager.pools.keys():  # noqa: SIM118  # it refuses to be iterated
            idle = manager.pools[key].pool
            if idle is not None:
                for connection in filter(None, idle.queue):
                    abandon(connection.sock)
                queue.Queue.__init__(idle, idle.maxsize)
