"""Which of its places a setting comes from."""

from __future__ import annotations

import os
from typing import Any

import pytest
from support.run_python import run_python
from support.settings_world import FILE, World

from minimax_sync.errors import ConfigError
from minimax_sync.pacing.retry import DEFAULT_RETRY, RetryPolicy
from minimax_sync.settings.table import DEFAULT_AUTH_MODE, DEFAULT_MODEL, DEFAULT_RATE


@pytest.mark.parametrize(
    ("first", "source"),
    [
        (0, "argument group_id"),
        (1, "environment variable MINIMAX_GROUP_ID"),
        (2, "./secrets/minimax_group_id.txt"),
        (3, "config/llm.yaml:2 providers.minimax.group_id"),
        (4, "default"),
    ],
)
def test_the_group_id_has_its_order_of_places(first: int, source: str, world: World) -> None:
    arguments = {"api_key": "k", "group_id": "017" if first == 0 else " "}
    world.environ["MINIMAX_GROUP_ID"] = "017" if first == 1 else ""
    world.write("secrets/minimax_group_id.txt", "017\n" if first == 2 else "\n")
    world.config("{group_id: 017}" if first == 3 else "{group_id: }")
    found = world.resolve(arguments).group_id
    assert (found.value, found.source) == (None if first == 4 else "017", source)


@pytest.mark.parametrize("bad", ["a b", "a\nb", "ä"])
def test_a_group_id_that_fits_no_header_is_an_error(bad: str, world: World) -> None:
    with pytest.raises(ConfigError, match=r"^argument group_id: a group id is printable ASCII"):
        world.resolve({"api_key": "k", "group_id": bad})


def test_a_base_url_of_the_file_counts_as_set_by_hand(world: World) -> None:
    world.config("{base_url: https://three.example}")
    assert world.resolve({"api_key": "k", "base_url": ""}).base_url_by_hand == "https://three.example"


@pytest.mark.parametrize(
    ("environ", "arguments", "base_url"),
    [
        ({"MINIMAX_CODE_PLAN_KEY": "sk-api-1"}, {}, "https://api.minimax.io/anthropic"),
        ({"MINIMAX_CODING_API_KEY": "sk-api-1"}, {}, "https://api.minimax.io/anthropic"),
        ({"MINIMAX_API_KEY": "sk-cp-1"}, {}, "https://api.minimax.io/anthropic"),
        ({}, {"api_key": " sk-cp-1"}, "https://api.minimax.io/anthropic"),
        ({"MINIMAX_API_KEY": "sk-api-1"}, {}, "https://api.minimax.io"),
        ({}, {"api_key": "eyJ"}, "https://api.minimax.io"),
    ],
)
def test_without_a_base_url_the_kind_of_key_chooses(
    environ: dict[str, str], arguments: dict[str, str], base_url: str, world: World
) -> None:
    world.environ |= environ
    settings = world.resolve(arguments)
    assert settings.base_url.value == base_url
    assert settings.base_url_by_hand is None
    assert settings.endpoint().chat_url.startswith(f"{base_url.removesuffix('/anthropic')}/")
    assert settings.endpoint().flavor == ("anthropic_messages" if "anthropic" in base_url else "openai_compat")


def test_a_plan_key_in_the_key_file_chooses_the_anthropic_wire(world: World) -> None:
    world.write("secrets/minimax_code_plan_key.txt", "sk-any")
    assert world.resolve().endpoint().chat_url == "https://api.minimax.io/anthropic/v1/messages"


def test_an_arguments_default_never_hides_the_file_but_an_equal_value_does(world: World) -> None:
    world.write("config/llm.yaml", FILE)
    world.environ["MINIMAX_API_KEY"] = "sk-1"
    defaults = {
        "model": DEFAULT_MODEL,
        "auth_mode": DEFAULT_AUTH_MODE,
        "requests_per_second": DEFAULT_RATE,
        "retry": DEFAULT_RETRY,
        "base_url": None,
        "chat_path": None,
    }
    settings = world.resolve(defaults)
    assert (settings.model.value, settings.requests_per_second.value) == ("MiniMax-M2.7", 5.0)
    assert settings.retry.value.rate_limit_attempts == 7
    given = world.resolve({"model": "MiniMax-M2.5", "requests_per_second": 2.0, "retry": RetryPolicy()})
    assert (given.model.value, given.requests_per_second.value) == ("MiniMax-M2.5", 2.0)
    assert (given.retry.value, given.retry.source) == (RetryPolicy(), "argument retry")


BAD_ARGUMENTS: dict[str, list[Any]] = {
    "requests_per_second": [0, -1, float("nan"), float("inf"), True, "2", 1e9],
    "quota_alert_threshold": [-1, 1.5, True, "5", float("nan"), float("inf")],
    "quota_budget": [0, 0.5, []],
    "retry": [5, {"max_attempts": 5}],
    "model": [5, "a\nb"],
    "bundle": [5, b"x", "a\0b", "http://h/b.json"],
    "limiter": [5, "memcached://h", "redis://", "redis://h /0"],
    "base_url": [5, "api.minimax.io"],
    "chat_path": [5, "/a b"],
    "api_flavor": [5, "grpc"],
}


@pytest.mark.parametrize(("name", "bad"), [(name, bad) for name, values in BAD_ARGUMENTS.items() for bad in values])
def test_a_bad_argument_is_an_error_that_names_it(name: str, bad: Any, world: World) -> None:
    with pytest.raises(ConfigError, match=rf"argument {name}: "):
        world.resolve({"api_key": "k", name: bad})


def test_a_static_key_without_a_file_loads_no_yaml_parser(world: World) -> None:
    code = (
        "import sys; from minimax_sync.settings.resolve import resolve_settings;"
        "resolve_settings(arguments={}); print('yaml' in sys.modules, 'requests' in sys.modules)"
    )
    environ = {**os.environ, "MINIMAX_API_KEY": "k"}
    assert run_python(code, cwd=world.cwd, env=environ) == "False False"


def test_the_attempts_of_a_call_have_the_variable_of_their_name_and_that_of_their_key(world: World) -> None:
    world.environ["MINIMAX_RETRY_MAX_ATTEMPTS"] = "7"
    assert world.resolve({"api_key": "k"}).retry.value.rate_limit_attempts == 7
    world.environ["MINIMAX_RETRY_RATE_LIMIT_ATTEMPTS"] = "9"
    assert world.resolve({"api_key": "k"}).retry.value.rate_limit_attempts == 9
