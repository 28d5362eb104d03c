"""Settings as values: what may be pickled, shown and called."""

from __future__ import annotations

import pickle

import pytest
from support.settings_world import FILE, World

from minimax_sync.errors import ConfigError
from minimax_sync.secret import Secret
from minimax_sync.settings.resolve import resolve_settings


def test_settings_are_found_again_from_their_pickled_reference(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write("config/llm.yaml", FILE)
    monkeypatch.chdir(world.cwd)
    monkeypatch.setenv("MINIMAX_API_KEY", "sk-canary")
    settings = resolve_settings(
        arguments={"model": "m", "requests_per_second": None, "group_id": "1"}, provider="minimax"
    )
    pickled = pickle.dumps(settings.reference())
    assert b"canary" not in pickled
    again = resolve_settings(**pickle.loads(pickled))
    assert again == settings
    assert again.api_key.value == Secret("sk-canary")


@pytest.mark.parametrize(
    "arguments",
    [{"api_key": "sk-canary"}, {"limiter": "redis://:canary@host/0"}, {"bundle": "redis://host/0/N?password=canary"}],
)
def test_A51_a_secret_in_the_code_is_never_part_of_a_reference(arguments: dict[str, str], world: World) -> None:
    world.environ["MINIMAX_API_KEY"] = "k"
    settings = world.resolve(arguments)
    assert "canary" not in repr(settings)
    with pytest.raises(ConfigError, match=f"^argument {next(iter(arguments))}: .* cannot be pickled; put it into"):
        settings.reference()
    with pytest.raises(ConfigError):
        pickle.dumps(settings)


def test_rows_show_a_key_masked(world: World) -> None:
    world.environ["MINIMAX_API_KEY"] = "sk-cp-0123456789abcdefghijKLMNOP"
    rows = {name: (text, source) for name, text, source in world.resolve().rows()}
    assert rows["api_key"] == ("sk-c…MNOP", "environment variable MINIMAX_API_KEY")
    assert rows["chat_path"] == ("none", "default")
    assert rows["base_url"] == ("https://api.minimax.io/anthropic", "default for a plan key")
