"""Every recipe for a library that spreads work runs as it stands, against the emulator and a real Redis.

Those whose libraries weigh hundreds of megabytes (Spark, Ray) run by `scripts/recipes`, which installs them.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.recipes import answers_of, expected, place
from support.redis_server import RedisServer

from minimax_sync.emulator import Emulator


@pytest.mark.parametrize("start_method", ["spawn", "fork"])
def test_multiprocessing(emulator: Emulator, server: RedisServer, own_world: Path, start_method: str) -> None:
    assert answers_of(place("multiprocessing_map.py", server, own_world), start_method) == expected(2)


@pytest.mark.parametrize("name", ["loky_map.py", "joblib_parallel.py"])
def test_processes_of_a_library(emulator: Emulator, server: RedisServer, own_world: Path, name: str) -> None:
    assert answers_of(place(name, server, own_world)) == expected()


def test_celery(emulator: Emulator, server: RedisServer, own_world: Path) -> None:
    recipe = place("celery_task.py", server, own_world)
    with celery_worker(own_world):
        assert answers_of(recipe) == expected()


@contextmanager
def celery_worker(folder: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "celery", "-A", "celery_task", "worker", "-c", "2", "--without-gossip"]
    worker = subprocess.Popen(
        [*command, "--without-mingle"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(30)
