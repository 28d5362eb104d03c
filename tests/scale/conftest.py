"""What all of these tests share: a Redis and an emulator, and an environment in which worker processes find the key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.redis_server import RedisServer

from minimax_sync.emulator import Emulator


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as running:
        yield running


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator() as running:
        monkeypatch.setenv("MINIMAX_API_KEY", running.api_key)
        monkeypatch.setenv("MINIMAX_BASE_URL", running.base_url)
        yield running
