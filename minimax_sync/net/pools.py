"""The pool of connections to one origin, the TLS contexts they share, and what a fork leaves of both.

Owns the reuse of connections: which is taken, which is trusted, and the one case in which a request is sent twice.
Knows nothing of requests or of the errors that users see.
"""

from __future__ import annotations

import os
import queue
import ssl
import threading
from collections import deque
from contextlib import suppress
from time import monotonic
from typing import Any, cast

from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool, PoolManager
from urllib3.util.ssl_ import create_urllib3_context

from .connections import Connection, SecureConnection, abandon
from .deadlines import MAX_HEAD, Trace

MAX_IDLE_CONNECTIONS = 256
MAX_IDLE_TIME = 30.0
"""Seconds after which an unused connection is not trusted any more: load balancers drop theirs after about 60."""


class Pool(HTTPConnectionPool):
    """The connections to one origin; its `urlopen` takes a Trace as timeout and retries nothing but what is below.

    The idle ones stand in a deque, whose operations are atomic: a lock that another thread holds during a fork would
    stay locked in the child.
    """

    ConnectionCls = Connection

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["maxsize"] = 1  # of urllib3's own queue: not used here, yet filled with None to its size
        super().__init__(*args, **kwargs)
        self._idle: deque[Connection] | None = deque()

    def urlopen(
        self, method: str, url: str, body: Any = None, headers: Any = None, *_: Any, timeout: Any = None, **__: Any
    ) -> Any:
        """Exchange a request for an answer. A reused connection that gives no byte of one is replaced, once."""
        trace: Trace = timeout
        trace.tracked, trace.sent = True, False
        connection = self._take_idle()
        if connection is not None:
            try:
                return self._exchange(connection, trace, method, url, body, headers)
            except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
                if trace.answered:
                    raise
            trace.sent, trace.head_left = False, MAX_HEAD
            self._drop_idle()
        return self._exchange(cast(Connection, self._new_conn()), trace, method, url, body, headers)

    def _exchange(
        self, connection: Connection, trace: Trace, method: str, url: str, body: Any, headers: Any
    ) -> HTTPResponse:
        connection.begin(trace)
        try:
            if connection.is_closed:
                if self.proxy is None:
                    connection.connect()
                else:
                    self._prepare_proxy(connection)
            connection.ask(method, url, body, headers)
            return connection.answer(method, self)
        except BaseException:
            connection.close()
            raise

    def _take_idle(self) -> Connection | None:
        oldest = monotonic() - MAX_IDLE_TIME
        while self._idle:
            with suppress(IndexError):  # another thread was faster
                connection = self._idle.pop()
                if connection.idle_since > oldest and connection.is_connected:
                    return connection
                connection.close()
        return None

    def _drop_idle(self) -> None:
        while (connection := self._take_idle()) is not None:
            connection.close()

    def _put_conn(self, conn: Any) -> None:
        """Take a connection back from an answer that was read, or failed."""
        connection: Connection = conn
        connection.trace.hold(None)
        idle = self._idle
        if connection.is_closed:
            return
        if idle is None or len(idle) >= MAX_IDLE_CONNECTIONS:
            connection.close()
        else:
            connection.idle_since = monotonic()
            idle.append(connection)
            self._drop_stale(idle)

    def _drop_stale(self, idle: deque[Connection]) -> None:
        """Close what a burst left behind: the longest unused stand leftmost and would never be taken."""
        oldest = monotonic() - MAX_IDLE_TIME
        with suppress(IndexError):  # another thread was faster
            while idle[0].idle_since <= oldest:
                idle.popleft().close()

    def close(self) -> None:
        super().close()
        self._drop_idle()
        self._idle = None


class SecurePool(Pool, HTTPSConnectionPool):
    """The same over TLS."""

    scheme = "https"
    ConnectionCls = SecureConnection


POOL_CLASSES: dict[str, type[HTTPConnectionPool]] = {"http": Pool, "https": SecurePool}

_contexts: dict[str, ssl.SSLContext] = {}
_contexts_lock = threading.Lock()


def tls_context(authorities: str) -> ssl.SSLContext:
    """Return the process's one context that trusts the CA file or directory `authorities`; loading one takes 50 ms."""
    with _contexts_lock:
        context = _contexts.get(authorities)
        if context is None:
            context = create_urllib3_context()
            if os.path.isdir(authorities):
                context.load_verify_locations(capath=authorities)
            else:
                context.load_verify_locations(cafile=authorities)
            _contexts[authorities] = context
        return context


def abandon_pools(*managers: PoolManager) -> None:
    """Abandon what idles in pools that a fork brought along, and their locks, whose holders may not be here."""
    for manager in managers:
        manager.pools.lock = threading.RLock()
        for key in manager.pools.keys():  # noqa: SIM118  # it refuses to be iterated
            idle = manager.pools[key].pool
            if idle is not None:
                for connection in filter(None, idle.queue):
                    abandon(connection.sock)
                queue.Queue.__init__(idle, idle.maxsize)


def _renew_contexts() -> None:
    global _contexts_lock
    _contexts_lock = threading.Lock()
    _contexts.clear()  # OpenSSL's own locks may be held as well


os.register_at_fork(after_in_child=_renew_contexts)
