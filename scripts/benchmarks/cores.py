"""Client and server on different cores, the first and the last, where the system lets a process choose."""

from __future__ import annotations

import os

_SERVERS = "BENCH_SERVER_CORE"  # in the environment, for the processes that a pinned one starts inherit its core


def pin_client() -> None:
    """Keep this process, and what it starts, on the first core."""
    if hasattr(os, "sched_setaffinity"):
        cores = os.sched_getaffinity(0)
        os.environ[_SERVERS] = str(max(cores))
        os.sched_setaffinity(0, {min(cores)})


def pin_server() -> None:
    """Keep this process, started by a pinned client, on the last core."""
    if _SERVERS in os.environ:
        os.sched_setaffinity(0, {int(os.environ[_SERVERS])})
