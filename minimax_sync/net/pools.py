"""The pools of connections, one for each origin, directly or through a proxy.

Contains the decisions which idle connection is reused, how long it is trusted, and in which one case a request is sent
twice. Knows neither the requests library nor the errors that users see.
"""

from __future__ import annotations

import logging
import queue
import ssl
import sys
import time
from collections import deque
from contextlib import suppress
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool, PoolManager, ProxyManager, make_headers

from .connections import SOCKET_OPTIONS, Connection, SecureConnection, open_sockets
from .deadlines import MAX_HEAD, Deadlines
from .trust import Verify, tls_context

if sys.platform != "win32":
    import resource

_log = logging.getLogger("minimax_sync.net")

MAX_IDLE_CONNECTIONS = 10
MAX_IDLE_TIME = 30.0
"""Seconds after which an idle connection is not reused: load balancers close theirs after about 60."""

_FEW_IDLE = 2
_DESCRIPTORS_PER_IDLE = 16


class _NoQueue:
    """Replaces urllib3's queue of idle connections, whose lock could stay locked in a forked child."""

    def __init__(self, maxsize: int) -> None:
        self.maxsize = maxsize

    def put(self, item: object, block: bool = True) -> None:
        """Keep nothing."""

    def get(self, block: bool = True, timeout: float | None = None) -> object:
        raise queue.Empty


class Pool(HTTPConnectionPool):
    """The connections to one origin; retries only in the case that `exchange` describes.

    The idle ones are kept in a deque, whose operations are atomic: a lock that another thread holds during a fork would
    stay locked in the child.
    """

    ConnectionCls = Connection
    QueueCls = cast(Any, _NoQueue)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle: deque[Connection] | None = deque()

    def exchange(
        self, method: str, target: str, headers: dict[str, str], body: bytes | None, limits: Deadlines
    ) -> HTTPResponse:
        """Send a request and read the head of its answer. A reused connection that gives no byte is replaced, once."""
        limits.tracked, limits.sent = True, False
        connection = self._take_idle()
        if connection is not None:
            try:
                return self._exchange_on(connection, method, target, headers, body, limits)
            except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
                if limits.answered:
                    raise
            _log.debug("the server has closed the idle connections to %s", self.host)
            limits.sent, limits.head_left, limits.waits_for_answer = False, MAX_HEAD, False
            self._close_idle()
        connection = cast(Connection, self._new_conn())
        return self._exchange_on(connection, method, target, headers, body, limits)

    def _exchange_on(
        self,
        connection: Connection,
        method: str,
        target: str,
        headers: dict[str, str],
        body: bytes | None,
        limits: Deadlines,
    ) -> HTTPResponse:
        connection.begin(limits)
        try:
            if connection.is_closed:
                self._connect(connection)
            connection.send_request(method, target, headers, body)
            return connection.receive_head(method, self)
        except BaseException:
            connection.close()
            raise

    def _connect(self, connection: Connection) -> None:
        began = time.monotonic()
        if self.proxy is None:
            connection.connect()
            way = ""
        else:
            self._prepare_proxy(connection)
            way = f" through the proxy {self.proxy.host}:{self.proxy.port}"
        _log.debug("connected to %s:%s%s in %.3f s", self.host, self.port, way, time.monotonic() - began)

    def _take_idle(self) -> Connection | None:
        oldest = time.monotonic() - MAX_IDLE_TIME
        while self._idle:
            with suppress(IndexError):  # another thread was faster
                connection = self._idle.pop()
                if connection.idle_since > oldest and connection.is_connected:
                    return connection
                connection.close()
        return None

    def _close_idle(self) -> None:
        while (connection := self._take_idle()) is not None:
            connection.close()

    def _put_conn(self, conn: Any) -> None:
        """Take a connection back after its answer was read or failed."""
        connection: Connection = conn
        connection.limits.hold(None)
        idle = self._idle
        if connection.is_closed:
            return
        if idle is None:
            connection.close()
        else:
            connection.idle_since = time.monotonic()
            idle.append(connection)
            self._trim(idle)

    def _trim(self, idle: deque[Connection]) -> None:
        """Close surplus connections after a burst, the longest unused first: they are leftmost and would not be taken.

        During a burst as many may be idle as are busy, so that it does not reconnect again and again.
        """
        oldest = time.monotonic() - MAX_IDLE_TIME
        with suppress(IndexError):  # another thread was faster
            while idle[0].idle_since <= oldest:
                idle.popleft().close()
            if len(idle) > _FEW_IDLE:
                allowed = _allowed_idle()
                while len(idle) > max(allowed, open_sockets() - len(idle)):
                    idle.popleft().close()

    def close(self) -> None:
        super().close()
        self._close_idle()
        self._idle = None


class SecurePool(Pool, HTTPSConnectionPool):
    """The same over TLS."""

    scheme = "https"
    ConnectionCls = SecureConnection


_POOL_CLASSES: dict[str, type[HTTPConnectionPool]] = {"http": Pool, "https": SecurePool}


def _allowed_idle() -> int:
    """Return how many connections may stay idle: few if the process may open few files."""
    if sys.platform != "win32":
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if limit != resource.RLIM_INFINITY:
            return max(_FEW_IDLE, min(MAX_IDLE_CONNECTIONS, limit // _DESCRIPTORS_PER_IDLE))
    return MAX_IDLE_CONNECTIONS


def open_pool(origin: str, proxy: str | None, verify: Verify) -> Pool:
    """Make the pool for `origin`, reached through `proxy` (an http or https URL) if there is one.

    Raises ConfigError when the certificate authorities cannot be loaded, ValueError for a proxy that is not a URL.
    """
    options: dict[str, Any] = {"socket_options": SOCKET_OPTIONS}
    if origin.startswith("https:"):
        options["ssl_context"] = tls_context(verify)
    manager: PoolManager
    if proxy is None:
        manager = PoolManager(**options)
    else:
        manager = ProxyManager(
            proxy, proxy_headers=_proxy_headers(proxy), proxy_ssl_context=tls_context(verify), **options
        )
    manager.pool_classes_by_scheme = _POOL_CLASSES
    return cast(Pool, manager.connection_from_url(origin))


def _proxy_headers(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return dict(make_headers(proxy_basic_auth=credentials))
