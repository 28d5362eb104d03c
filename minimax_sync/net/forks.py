"""After-fork resets of the whole package, in one fixed order.

A module registers what a forked child must renew, and the place in the order. `renew_if_forked` runs the resets where
a fork ran no Python hooks (uWSGI's, a C library's `fork()`); every call begins with it. On systems without fork both
do nothing. Knows no module that registers here.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

ORDER = ("sockets", "TLS contexts", "sessions", "limiters", "quota alerts", "lock files", "credentials")
"""Sockets first, so that no later reset can use one; resets that start threads or open files last."""

_resets: list[tuple[int, Callable[[], None]]] = []
_pid = os.getpid()
_locks: dict[int, threading.Lock] = {}
"""One per process id, so that a child never waits for a thread of its parent."""


def after_fork(what: str, reset: Callable[[], None]) -> None:
    """Register `reset` to run in every forked child; `what` is its place in `ORDER`."""
    _resets.append((ORDER.index(what), reset))
    _resets.sort(key=lambda entry: entry[0])


def renew_if_forked() -> None:
    """Run the resets if this process is a fork whose Python hooks did not run. Other threads wait for their end."""
    pid = os.getpid()
    if pid != _pid:
        with _locks.setdefault(pid, threading.Lock()):
            if pid != _pid:
                _run()


def _run() -> None:
    global _pid
    for _, reset in _resets:
        reset()
    _pid = os.getpid()


if sys.platform != "win32" and hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_run)
