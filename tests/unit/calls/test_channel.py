"""The channel that a client and its siblings share."""

from __future__ import annotations

import threading

from support.eventually import eventually
from support.raw_server import RawServer, echo

from minimax_sync.calls.open_core import open_core
from minimax_sync.emulator import Emulator


def test_closing_it_ends_the_idle_connections_and_the_thread_of_the_login(emulator: Emulator) -> None:
    emulator.portal.bundle("plan.json")
    with RawServer(echo) as server:
        channel = open_core({"bundle": "plan.json", "auth_mode": "token_plan", "base_url": emulator.url}).channel
        assert channel.http.exchange("POST", server.url, headers={}, body=b"x", deadline=float("inf")).read() == b"x"
        before = set(threading.enumerate())
        assert channel.auth.bearer(10.0)
        (thread,) = set(threading.enumerate()) - before
        channel.close()
        assert eventually(lambda: not server.open_connections and not thread.is_alive())
