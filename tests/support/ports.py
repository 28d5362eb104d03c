"""Ports of loopback that nothing listens on: for servers of other programs, and for connections to be refused."""

from __future__ import annotations

import contextlib
import random
import socket


def unused_port() -> int:
    """Return a port below those that a system assigns, so that no test that runs at the same time is given it."""
    while True:
        port = random.randrange(10_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
