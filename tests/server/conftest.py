"""The real llama.cpp, started once for all tests here, with a model whose output is scripted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.llama_server import open_client
from support.scripted_model import write_model

from minimax_sync import MiniMaxClient
from minimax_sync.emulator import Emulator


@pytest.fixture(scope="session")
def llama_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the scripted model. Return the server's address."""
    folder = tmp_path_factory.mktemp("llama")
    model = folder / "scripted.gguf"
    write_model(model)
    with (folder / "log.txt").open("wb") as log:
        command = [sys.executable, "-m", "support.llama_server", str(model)]
        root = Path(__file__).parents[1]
        with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log) as server:
            assert server.stdout is not None
            assert server.stdin is not None
            address = server.stdout.readline().decode().strip()
            assert address.startswith("http://127.0.0.1:"), (folder / "log.txt").read_text()
            yield address
            server.stdin.close()
            server.wait(timeout=30)


@pytest.fixture(params=["openai_compat", "anthropic_messages"])
def flavor(request: pytest.FixtureRequest) -> str:
    """Each wire in turn."""
    return str(request.param)


@pytest.fixture
def client(llama_url: str, flavor: str) -> Iterator[MiniMaxClient]:
    """Return a client of the server on the wire."""
    with open_client(llama_url, flavor) as client:
        yield client


@pytest.fixture
def proxy(llama_url: str, tmp_path: Path) -> Iterator[Emulator]:
    """Stand between a client and the server, with a journal of the requests."""
    with Emulator(record=tmp_path / "recorded", upstream=llama_url) as recorder:
        yield recorder


@pytest.fixture
def observed(proxy: Emulator, flavor: str) -> Iterator[MiniMaxClient]:
    """Return a client of the server whose requests the proxy's journal shows."""
    with open_client(proxy.url, flavor) as client:
        yield client
