"""Detection of stand-ins for the network: mocks, recorders, instrumentation.

They replace methods or classes of requests, urllib3 or http.client, which our own connections do not use. Knows none of
them by name. If requests was never imported, it was not replaced; it is imported only where an import hook may wait
for it.
"""

from __future__ import annotations

import http.client
import sys
from operator import is_
from types import FunctionType
from typing import Any

import urllib3.connection
import urllib3.connectionpool
import urllib3.poolmanager

State = tuple[object, ...]

_HOMES = {
    "http.client",
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.poolmanager",
    "requests.sessions",
    "requests.adapters",
}

_INDIFFERENT = ("_frozen_importlib", "_distutils_hack", "_virtualenv", "__editable__", "six")
"""The beginnings of the modules of finders that patch no library: Python's own, and those of package managers."""

_finders: list[Any] = []
"""The finders of `sys.meta_path` when they were last looked at."""

_last: tuple[State, bool] = ((), False)
"""The last state, and whether it is the libraries' own: one tuple, so that threads see both or neither."""


def _state() -> State:
    """Return the current values of everything that may be replaced, always in the same order."""
    low, pool, secure = http.client.HTTPConnection, urllib3.connectionpool.HTTPConnectionPool, urllib3.connection
    state: State = (
        low,
        low.request,
        low.putrequest,
        low.endheaders,
        low.getresponse,
        low.connect,
        secure.HTTPConnection,
        secure.HTTPConnection.request,
        secure.HTTPConnection.getresponse,
        secure.HTTPConnection.connect,
        secure.HTTPSConnection,
        secure.HTTPSConnection.connect,
        pool,
        pool.urlopen,
        pool._make_request,
        pool.ConnectionCls,
        urllib3.connectionpool.HTTPSConnectionPool.ConnectionCls,
        urllib3.poolmanager.PoolManager.urlopen,
    )
    requests: Any = sys.modules.get("requests")
    if not hasattr(requests, "Session"):  # another thread may be importing it
        return state
    session, adapter = requests.sessions.Session, requests.adapters.HTTPAdapter
    return (
        *state,
        session,
        session.request,
        session.send,
        session.get_adapter,
        session.prepare_request,
        adapter,
        adapter.send,
        requests.Session,
    )


def replaced() -> State | None:
    """Return the current state if a stand-in is part of it, else None; the same object while it does not change."""
    global _last
    if "requests" not in sys.modules and sys.meta_path != _finders:
        _load_requests_if_awaited()
    state, (last, is_genuine) = _state(), _last
    if len(state) != len(last) or not all(map(is_, state, last)):
        last, is_genuine = _last = state, all(map(_is_genuine, state))
    return None if is_genuine else last


def _load_requests_if_awaited() -> None:
    """Import requests if `sys.meta_path` has a finder that may be the import hook of an instrumentation.

    It is not asked, because a hook for a module inside requests would import requests without its patch.
    """
    global _finders
    finders = list(sys.meta_path or ())  # None while the interpreter shuts down
    if not all(str(getattr(finder, "__module__", "")).startswith(_INDIFFERENT) for finder in finders):
        from . import stock as stock
    _finders = finders


def _is_genuine(entry: object) -> bool:
    """Return whether a library defined `entry` itself. A wrapper may copy names, but has other globals."""
    if type(entry) is FunctionType:
        module = entry.__globals__.get("__name__")
        return module == entry.__module__ and entry.__module__ in _HOMES and not hasattr(entry, "__wrapped__")
    return type(entry) is type and entry.__module__ in _HOMES
