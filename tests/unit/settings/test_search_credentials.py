"""Which credential is used, and where it is found: a key, a Token Plan's bundle, or an object of the user's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.settings_world import World, assert_hidden

from minimax_sync.errors import ConfigError
from minimax_sync.settings.table import DEFAULT_AUTH_MODE

KEY_FILE = "secrets/minimax_code_plan_key.txt"
BUNDLE = "secrets/minimax_token_plan.json"


def test_no_key_at_all_is_an_error_that_lists_every_place_in_order(world: World) -> None:
    with pytest.raises(ConfigError) as caught:
        world.resolve()
    message = str(caught.value)
    places = [
        "minimax-sync login",
        "argument",
        "environment variable MINIMAX_CODE_PLAN_KEY",
        "environment variable MINIMAX_CODING_API_KEY",
        "./secrets/minimax_code_plan_key.txt",
        "config/llm.yaml providers.minimax.api_key (there is no such file)",
        "environment variable MINIMAX_API_KEY",
        "minimax-sync/minimax_code_plan_key.txt",
        "minimax-sync/llm.yaml providers.minimax.api_key (there is no such file)",
        "there is no Token Plan bundle",
        "secrets/minimax_token_plan.json'",
    ]
    found = [message.find(place) for place in places]
    assert -1 not in found
    assert found == sorted(found)
    assert len(message.splitlines()) == 10


def test_the_list_of_places_knows_that_the_file_was_read(world: World) -> None:
    world.config("{model: M}")
    with pytest.raises(ConfigError, match=r"config/llm\.yaml providers\.minimax\.api_key\n  environment"):
        world.resolve()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("argument api_key", b"bytes"),
        ("argument api_key", "sk canary"),
        ("environment variable MINIMAX_CODE_PLAN_KEY", "sk canary"),
        ("./secrets/minimax_code_plan_key.txt", "sk\ncanary"),
        ("config/llm.yaml:2 providers.minimax.api_key", "sk-canary-é"),
        ("environment variable MINIMAX_API_KEY", "sk-canary\x7f"),
    ],
)
def test_a_bad_key_is_named_by_its_place_and_shown_nowhere(place: str, value: Any, world: World) -> None:
    arguments: dict[str, Any] = {}
    if place.startswith("argument"):
        arguments["api_key"] = value
    elif place.startswith("environment"):
        world.environ[place.split()[-1]] = value
    elif place.startswith("."):
        world.write(KEY_FILE, value)
    else:
        world.config(f"{{api_key: '{value}'}}")
    with pytest.raises(ConfigError) as caught:
        world.resolve(arguments)
    assert str(caught.value).startswith(f"{place}: ")
    assert_hidden(caught.value)


def test_an_unreadable_key_file_is_an_error_and_no_reason_to_look_further(world: World) -> None:
    (world.cwd / KEY_FILE).mkdir(parents=True)
    world.environ["MINIMAX_API_KEY"] = "sk-1"
    with pytest.raises(ConfigError, match=r"^\./secrets/minimax_code_plan_key\.txt cannot be read: Is a directory"):
        world.resolve()


def test_a_key_file_that_is_not_text_is_an_error_without_its_bytes(world: World) -> None:
    world.write(KEY_FILE).write_bytes(b"canary\xff")
    with pytest.raises(ConfigError, match=r"^\./secrets/minimax_code_plan_key\.txt cannot be read: it is not UTF-8"):
        world.resolve()


def test_a_bundle_that_is_there_names_the_server(world: World) -> None:
    world.write(BUNDLE, "rubbish: only that it is there counts")
    world.environ["MINIMAX_CODE_PLAN_KEY"] = "k"
    settings = world.resolve()
    assert settings.base_url.value is None
    assert settings.bundle.value == str(world.cwd / BUNDLE)
    assert settings.endpoint("https://api.minimaxi.com/anthropic").chat_url == (
        "https://api.minimaxi.com/anthropic/v1/messages"
    )


def test_A39_a_bundle_that_cannot_even_be_looked_at_is_no_reason_to_take_a_paid_key(world: World) -> None:
    (world.cwd / "loop").symlink_to("loop")
    world.environ["MINIMAX_API_KEY"] = "sk-paid"
    assert world.resolve({"bundle": "loop"}).auth_mode.value == "token_plan"
    assert world.resolve({"bundle": "loop/deeper"}).auth_mode.value == "token_plan"
    assert world.resolve({"bundle": "x" * 300}).auth_mode.value == "token_plan"


def test_a_bundle_that_is_not_used_needs_no_good_keys(world: World) -> None:
    world.write(BUNDLE)
    world.environ["MINIMAX_API_KEY"] = "a broken key"
    assert world.resolve().auth_mode.value == "token_plan"


@pytest.mark.parametrize("mode", ["static", "token_plan"])
@pytest.mark.parametrize("by", ["argument", "environment", "file"])
def test_an_explicit_mode_outranks_what_is_there(mode: str, by: str, world: World) -> None:
    world.write(BUNDLE)
    world.environ["MINIMAX_API_KEY"] = "sk-1"
    if by == "file":
        world.config(f"{{auth: {{mode: {mode}}}}}")
    if by == "environment":
        world.environ["MINIMAX_AUTH_MODE"] = mode
    settings = world.resolve({"auth_mode": mode} if by == "argument" else {"auth_mode": DEFAULT_AUTH_MODE})
    assert settings.auth_mode.value == mode
    sources = {
        "argument": "argument auth_mode",
        "environment": "environment variable MINIMAX_AUTH_MODE",
        "file": "config/llm.yaml:2 providers.minimax.auth.mode",
    }
    assert settings.auth_mode.source == sources[by]


def test_an_explicit_auto_outranks_the_file(world: World) -> None:
    world.config("{auth: {mode: static}, api_key: k}")
    world.write(BUNDLE)
    assert world.resolve({"auth_mode": "auto"}).auth_mode.value == "token_plan"
    assert world.resolve().auth_mode.value == "static"


def test_a_key_as_argument_outranks_the_files_mode_but_contradicts_the_arguments(world: World) -> None:
    world.config("{auth: {mode: token_plan}}")
    assert world.resolve({"api_key": "k"}).auth_mode.value == "static"
    with pytest.raises(ConfigError, match="api_key and auth_mode='token_plan': give only one"):
        world.resolve({"api_key": "k", "auth_mode": "token_plan"})


def test_token_plan_without_a_bundle_names_the_login_command(world: World) -> None:
    with pytest.raises(ConfigError, match=r"^argument auth_mode: token_plan, but there is no .*minimax-sync login"):
        world.resolve({"auth_mode": "token_plan"})


def test_static_without_a_key_does_not_fall_back_to_the_bundle(world: World) -> None:
    world.write(BUNDLE)
    with pytest.raises(ConfigError, match=r"auth mode is static: argument auth_mode$"):
        world.resolve({"auth_mode": "static"})


@pytest.mark.parametrize("mode", ["", "Static", "oauth", 1])
def test_an_unknown_mode_lists_the_known(mode: Any, world: World) -> None:
    world.environ["MINIMAX_API_KEY"] = "k"
    if mode == "":
        assert world.resolve({"auth_mode": mode}).auth_mode.value == "static"
    else:
        with pytest.raises(ConfigError, match=r"^argument auth_mode: must be one of static, token_plan, auto"):
            world.resolve({"auth_mode": mode})


def test_a_bundle_in_a_store_is_not_looked_up_and_hides_its_password(world: World) -> None:
    world.environ["MINIMAX_API_KEY"] = "sk-paid"
    settings = world.resolve({"bundle": "redis://:canary@host:6379/0/NAME"})
    assert settings.auth_mode.value == "token_plan"
    assert settings.bundle.value == "redis://:canary@host:6379/0/NAME"
    assert "canary" not in repr(settings)
    assert "canary" not in str(list(settings.rows()))


def test_a_bundle_path_is_made_absolute_and_knows_the_home(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(world.cwd / "home"))
    world.config("{auth: {bundle: ~/b.json}, api_key: k}")
    assert world.resolve().bundle.value == str(world.cwd / "home/b.json")
    assert world.resolve({"bundle": Path("x/b.json")}).bundle.value == str(world.cwd / "x/b.json")


class Bearer:
    def bearer(self) -> str:
        return "t"

    def force_refresh(self, rejected: str) -> str:
        return rejected


def test_an_auth_object_needs_no_credential_and_no_other(world: World) -> None:
    auth = Bearer()
    settings = world.resolve({"auth": auth})
    assert (settings.auth_mode.value, settings.auth_mode.source) == ("custom", "argument auth")
    assert settings.auth.value is auth
    assert settings.base_url.value is None
    assert settings.endpoint().chat_url == "https://api.minimax.io/v1/text/chatcompletion_v2"
    with pytest.raises(ConfigError, match="api_key and auth: give only one"):
        world.resolve({"auth": auth, "api_key": "k"})
    with pytest.raises(ConfigError, match=r"^argument auth: must have a bearer\(\) method"):
        world.resolve({"auth": "token"})
