"""The pytest fixtures `minimax_emulator` and `minimax_env`. pytest loads this module itself, as an entry point.

Imports nothing but pytest, because every pytest run on this interpreter loads this module.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .service import Emulator

_HOMES = ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "APPDATA", "LOCALAPPDATA")


@pytest.fixture
def minimax_emulator() -> Iterator[Emulator]:
    """Run a MiniMax on loopback during the test, with `.base_url`, `.anthropic_base_url` and `.api_key`.

    def test_my_program(minimax_emulator):
        minimax_emulator.answer("Hello!")
        client = MiniMaxClient(minimax_emulator.api_key, base_url=minimax_emulator.base_url)
        assert client.chat("Hi").text == "Hello!"
    """
    from .service import Emulator

    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def minimax_env(
    minimax_emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Emulator:
    """Run an emulator that `MiniMaxClient()` in the program under test finds by itself, without pacing.

    The environment leads to the emulator, also that of programs that the test starts. No real key, login or setting is
    found: other `MINIMAX_` variables are removed, the home directory and the configuration file are empty ones, and
    keys and logins of the working directory are outranked.

        def test_my_program(minimax_env):
            minimax_env.answer("Hello!")
            assert my_program.main() == "Hello!"
            assert minimax_env.journal[-1].body["messages"][0]["content"] == "Hi"
    """
    for name in [name for name in os.environ if name.upper().startswith("MINIMAX_")]:
        monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("minimax_home")
    for name in _HOMES:
        monkeypatch.setenv(name, str(home))
    config = home / "llm.yaml"
    config.touch()
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost", prepend=",")
    monkeypatch.setenv("MINIMAX_API_KEY", minimax_emulator.api_key)
    monkeypatch.setenv("MINIMAX_CODE_PLAN_KEY", minimax_emulator.api_key)  # outranks key files
    monkeypatch.setenv("MINIMAX_AUTH_MODE", "static")  # outranks a login
    monkeypatch.setenv("MINIMAX_BASE_URL", minimax_emulator.base_url)
    monkeypatch.setenv("MINIMAX_REQUESTS_PER_SECOND", "none")
    monkeypatch.setenv("MINIMAX_CONFIG", str(config))  # instead of the project's, in every working directory
    return minimax_emulator
