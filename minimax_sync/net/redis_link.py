"""A connection to one Redis server that runs Lua scripts, each an atomic step. The only importer of `redis`.

Contains the syntax of the URL, connections that work after a fork, and error messages without a secret. Knows nothing
of what the scripts are for. Needs Redis 5 or newer: scripts read the server's clock and then write.
"""

from __future__ import annotations

import hashlib
import os
import re
import weakref
from collections.abc import Sequence
from typing import Any

from ..errors import ConfigError
from ..secret import StoreUrl

_PATH = re.compile(r"(?P<link>rediss?://[^/?#]+(/(?P<db>\d+)?)?)(/(?P<name>[^/?#]+))?(?P<query>\?[^#]*)?")
_CONNECT = 2.0  # seconds; also the longest wait for an answer: every script takes microseconds
_CONNECTIONS = 8  # per process: plenty for such scripts, and a thousand processes stay below the 10,000 of a Redis
_TURN = 10.0  # seconds to wait for a free connection; the order is random, so under load a thread may wait long
_CODE = re.compile(r"[A-Z]{3,20}")
_NOT_ALLOWED = re.compile("ACL failure|user executing the script")  # the text of a NOPERM inside a script
_REASONS = {
    "AuthenticationError": "it refuses the user or the password",
    "AuthenticationWrongNumberOfArgsError": "it refuses the user or the password",
    "BusyLoadingError": "it is still loading its data",
    "ConnectionError": "no connection",
    "NoPermissionError": "its user may not do this (NOPERM)",
    "OutOfMemoryError": "it is out of memory (OOM)",
    "ReadOnlyError": "it is a read-only replica (READONLY)",
    "TimeoutError": "no answer in time",
}


_PASSING = {_REASONS[name] for name in ("BusyLoadingError", "ConnectionError", "TimeoutError")}


class RedisFailureError(Exception):
    """A script could not be run, or its answer was lost. The message is a clause without a secret.

    `passing`: the cause is probably temporary.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.passing = reason in _PASSING


def split_store_url(url: str, source: str) -> tuple[StoreUrl, str]:
    """Split ``redis://host:6379/0/NAME`` into the URL of its Redis and NAME, "" when there is none.

    Raises ConfigError naming `source` and no part of the URL.
    """
    is_text = isinstance(url, str)
    if is_text and url.startswith("unix://"):
        return StoreUrl(url), ""
    found = _PATH.fullmatch(url) if is_text else None
    if found is None:
        del url  # it may hold a password, and a traceback may show locals
        raise ConfigError(f"{source}: must be like redis://host:6379/0, or redis://host:6379/0/NAME for a bundle")
    return StoreUrl(found["link"] + (found["query"] or "")), found["name"] or ""


class RedisLink:
    """A connection pool to one Redis. Thread-safe; connects with the first script, and again in a forked child."""

    def __init__(self, url: StoreUrl, source: str) -> None:
        self.url = url
        self._source = source
        self._pid = -1
        self._connect()

    def run(self, script: str, keys: Sequence[str], arguments: Sequence[str | bytes | int | float] = ()) -> Any:
        """Run a Lua script and return its answer, texts as bytes. Raises RedisFailureError if that fails.

        If a connection breaks before the answer, the script is sent once more, so it may run twice.
        """
        if self._pid != os.getpid():
            self._connect()
        digest = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
        try:
            try:
                return self._client.evalsha(digest, len(keys), *keys, *arguments)
            except self._unknown_script:
                return self._client.eval(script, len(keys), *keys, *arguments)
        except self._error as error:
            reason = _reason(error)
        del arguments  # they may be a login, and a traceback may show locals
        raise RedisFailureError(reason)

    def _connect(self) -> None:
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError:
            raise ConfigError(
                f'{self._source}: a redis:// URL needs the package redis: pip install "minimax-sync[redis]"'
            ) from None
        self._error, self._unknown_script = redis.RedisError, redis.exceptions.NoScriptError
        try:
            pool = redis.BlockingConnectionPool.from_url(
                str(self.url),
                max_connections=_CONNECTIONS,
                timeout=_TURN,
                socket_connect_timeout=_CONNECT,
                socket_timeout=_CONNECT,
                socket_keepalive=True,
                retry=Retry(NoBackoff(), 1),
            )
        except ValueError:  # it quotes the URL
            fault = f"{self._source}: not a valid Redis URL"
        else:
            # Explicit, because a socket that is closed by the garbage collector causes a ResourceWarning.
            weakref.finalize(self, pool.disconnect)
            self._client: Any = redis.Redis(connection_pool=pool)
            self._pid = os.getpid()
            return
        raise ConfigError(fault)

    def __repr__(self) -> str:
        return f"<redis {self.url.masked()}>"


def _reason(error: Exception) -> str:
    """Return the reason of an error as a clause; of its text only the code is shown."""
    for kind in type(error).__mro__:
        if kind.__name__ in _REASONS:
            return _REASONS[kind.__name__]
    if _NOT_ALLOWED.search(str(error)):
        return _REASONS["NoPermissionError"]
    code = str(error).partition(" ")[0]
    return f"it answers {code}" if _CODE.fullmatch(code) else f"it fails with {type(error).__name__}"
