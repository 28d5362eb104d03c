"""One redis-server for the tests that leave it running; each finds it empty and has a key of its own for a bundle."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.redis_bundle import expired_plan
from support.redis_server import RedisServer

from minimax_sync.auth import TokenPlan
from minimax_sync.emulator import Emulator


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def server(common: RedisServer) -> RedisServer:
    common.key = f"plan-{secrets.token_hex(4)}"
    with common.client() as client:
        client.flushall()
    return common


@pytest.fixture
def url(server: RedisServer) -> str:
    return server.url


@pytest.fixture
def plan(emulator: Emulator, server: RedisServer) -> TokenPlan:
    """Return a login in `server` whose access token has expired."""
    return expired_plan(emulator, server)


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that the test may kill and restart; it forgets everything."""
    with RedisServer(tmp_path) as running:
        yield running
