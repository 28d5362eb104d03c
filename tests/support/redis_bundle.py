"""A Token Plan bundle in a Redis, and ways to read and change it there."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from support.redis_server import RedisServer

from minimax_sync import TokenPlan
from minimax_sync.emulator import Emulator


def keep(emulator: Emulator, server: RedisServer, *, ttl: float | None = None) -> bool:
    """Put a fresh login at the key, as a person with redis-cli would: the text of the file."""
    with tempfile.TemporaryDirectory() as folder, server.client() as client:
        emulator.portal.bundle(Path(folder, "bundle.json"), ttl=ttl)
        return bool(client.set(server.key, Path(folder, "bundle.json").read_text()))


def expired_plan(emulator: Emulator, server: RedisServer, *, ttl: float = -10.0) -> TokenPlan:
    """Make a bundle whose token ends `ttl` seconds from now, and a plan on it."""
    keep(emulator, server, ttl=ttl)
    return TokenPlan(server.bundle, base_url=emulator.url)


def bundle_in(server: RedisServer) -> dict[str, Any]:
    """Read the bundle, or fail: it must be whole at every instant."""
    with server.client() as client:
        return dict(json.loads(str(client.get(server.key))))


def put(server: RedisServer, **changes: Any) -> bool:
    """Change keys of the bundle by hand."""
    text = json.dumps({**bundle_in(server), **changes})
    with server.client() as client:
        return bool(client.set(server.key, text))


def state_of(server: RedisServer) -> dict[str, str]:
    """Read what stands beside the bundle."""
    with server.client() as client:
        return {str(name): str(value) for name, value in client.hgetall(f"{server.key}:state").items()}


def lease_runs_out(server: RedisServer) -> None:
    """Let the half minute pass for which a lease lasts, and the seconds in which its holder may still store a pair."""
    with server.client() as client:
        client.hset(f"{server.key}:state", mapping={"lease": "lost", "lease_until": "1"})
