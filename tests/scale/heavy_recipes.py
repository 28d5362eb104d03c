"""The recipes whose libraries are too heavy for every run of the tests. `scripts/recipes` runs them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.recipes import answers_of, expected, place
from support.redis_server import RedisServer

from minimax_sync.emulator import Emulator


@pytest.mark.parametrize("name", ["spark_map_in_pandas.py", "ray_actors.py"])
def test_a_heavy_library(
    emulator: Emulator, server: RedisServer, own_world: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")  # the machine's own name may lead nowhere
    assert answers_of(place(name, server, own_world)) == expected()
