"""The table of settings: every row has its places, in the order that holds for all."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.settings_world import World

import minimax_sync
from minimax_sync import MiniMaxClient
from minimax_sync.errors import ConfigError
from minimax_sync.pacing.retry import RetryPolicy
from minimax_sync.secret import Secret
from minimax_sync.settings.settings import Settings
from minimax_sync.settings.table import BY_NAME, ENVIRONMENT, SETTINGS, Setting

VALUES: dict[str, tuple[Any, Any]] = {
    "api_key": (Secret("sk-1"), Secret("sk-2")),
    "auth_mode": ("static", "auto"),
    "bundle": ("/one.json", "/two.json"),
    "client_id": ("one", "two"),
    "scope": ("one two", "three"),
    "grant": ("device_code", "user_code"),
    "group_id": ("017", "018"),
    "base_url": ("https://one.example", "https://two.example"),
    "api_flavor": ("openai_compat", "anthropic_messages"),
    "chat_path": ("/one", "/two"),
    "model": ("one", "two"),
    "timeout": (1.5, 2.0),
    "connect_timeout": (1.5, 2.0),
    "idle_timeout": (1.5, 2.0),
    "requests_per_second": (1.5, None),
    "burst": (1, 2),
    "limiter": ("redis://one/0", "redis://two/0"),
    "quota_alert_threshold": (1, 2),
    "quota_budget": (1, 2),
    "background_refresh": (False, True),
    "verify": (False, True),
    "proxy": ("http://one:1", "http://two:2"),
    "retry.rate_limit_attempts": (7, 8),
    "retry.server_attempts": (1, 2),
    "retry.initial_backoff_ms": (1.5, 2),
    "retry.max_backoff_ms": (1.5, 2),
    "retry.backoff_multiplier": (1.5, 2),
    "retry.resend_ambiguous": (True, False),
}
"""Two good values of each scalar setting."""

SCALARS = [setting for setting in SETTINGS if setting.read is not None]


def text_of(value: Any) -> str:
    return value.reveal() if isinstance(value, Secret) else str(value)


def write_file(world: World, setting: Setting, value: Any) -> None:
    parsed: Any = value.reveal() if isinstance(value, Secret) else value
    for key in reversed(setting.key.split(".")):
        parsed = {key: parsed}
    is_of_retry = setting.key.startswith("retry.")
    world.write("config/llm.yaml", yaml.safe_dump(parsed if is_of_retry else {"providers": {"minimax": parsed}}))


def found(settings: Settings, name: str) -> tuple[Any, str]:
    if name.startswith("retry."):
        field = name.removeprefix("retry.")
        return getattr(settings.retry.value, field), settings.retry_sources[field]
    return getattr(settings, name).value, getattr(settings, name).source


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.environ["MINIMAX_API_KEY"] = "sk-of-the-environment"
    return world


def test_every_scalar_setting_has_an_environment_variable_and_a_key_in_the_file() -> None:
    assert {setting.name for setting in SCALARS} == VALUES.keys()
    for setting in SCALARS:
        assert setting.variables, setting.name
        assert "file" in setting.looked_at, setting.name
        if setting.name not in ("api_key", "retry.rate_limit_attempts"):
            assert setting.variables == (f"MINIMAX_{setting.name.upper().replace('.', '_')}",)


@pytest.mark.parametrize("setting", [row for row in SCALARS if row.name != "auth_mode"], ids=lambda row: row.name)
def test_argument_then_environment_then_file_then_default(setting: Setting, world: World) -> None:
    name, variable, (one, two) = setting.name, setting.variables[0], VALUES[setting.name]
    if name != "api_key":
        assert found(world.resolve(), name)[1] == "default"
    write_file(world, setting, one)
    value, source = found(world.resolve(), name)
    assert value == one
    assert source.startswith("config/llm.yaml:")
    assert source.endswith(setting.key)
    world.environ[variable] = f" '{text_of(two)}' "
    assert found(world.resolve(), name) == (two, f"environment variable {variable}")
    if "argument" in setting.looked_at:
        assert found(world.resolve({name: one}), name) == (one, f"argument {name}")
    world.environ[variable] = " "
    assert found(world.resolve(), name)[1].startswith("config/llm.yaml:")


@pytest.mark.parametrize("setting", SCALARS, ids=lambda setting: setting.name)
def test_a_placeholder_that_was_not_expanded_is_an_error_that_names_its_place(setting: Setting, world: World) -> None:
    variable = setting.variables[0]
    world.environ[variable] = "${SOMETHING}"
    with pytest.raises(ConfigError, match=rf"^environment variable {variable}: it is a placeholder like \$\{{NAME\}}"):
        world.resolve()


def test_every_setting_has_an_attribute_and_a_row_in_the_status(world: World) -> None:
    rows = {name for name, _, _ in world.resolve().rows()}
    assert rows == {setting.name for setting in SETTINGS} - {"retry"} | {"provider"}


def test_the_signature_of_the_client_shows_the_defaults_of_the_table() -> None:
    parameters = inspect.signature(MiniMaxClient).parameters
    for setting in SETTINGS:
        if setting.name in parameters:
            assert parameters[setting.name].default is setting.default, setting.name
    assert parameters["timeout"].default == 1200.0
    assert parameters["idle_timeout"].default == 300.0
    assert str(parameters["background_refresh"]) == "background_refresh: 'bool' = True"
    assert str(parameters["timeout"]) == "timeout: 'float' = 1200.0"


def test_the_defaults_are_plain_values(world: World) -> None:
    settings = world.resolve()
    for setting in SETTINGS:
        if setting.default is not None and setting.name not in ("auth_mode", "retry"):
            value = getattr(settings, setting.name).value
            assert value == setting.default
            assert type(value) in (str, float, bool)
    assert settings.retry.value == RetryPolicy()


def test_a_flag_that_is_true_leaves_the_choice_to_the_file_and_false_outranks_it(world: World) -> None:
    write_file(world, BY_NAME["background_refresh"], False)
    assert world.resolve({"background_refresh": True}).background_refresh.value is False
    write_file(world, BY_NAME["background_refresh"], True)
    assert world.resolve({"background_refresh": False}).background_refresh.value is False


def test_an_unknown_argument_is_an_error_that_names_the_nearest(world: World) -> None:
    with pytest.raises(ConfigError, match=r"^unknown argument time_out; did you mean timeout\?$"):
        world.resolve({"time_out": 5})


def test_the_environment_section_names_each_variable_once() -> None:
    names = [name for name, _ in ENVIRONMENT]
    assert len(names) == len(set(names))
    assert all(meaning for _, meaning in ENVIRONMENT)


def row_of_the_guide(setting: Setting) -> str:
    """Return the row that the table in the guide must have."""
    argument, field = f"{setting.name}=", setting.name.removeprefix("retry.")
    default = setting.default_value
    if setting.name in ("client_id", "scope", "grant"):
        argument = f"login({argument})"
    if field != setting.name:
        argument, default = f"RetryPolicy({field}=)", getattr(RetryPolicy(), field)
    key = setting.key if "file" in setting.looked_at else None
    cells = [
        f"``{argument}``",
        ", ".join(f"``{name}``" for name in setting.variables) or "–",
        f"``{key}``" if key else "–",
        "–" if default is None else f"``{str(default).lower() if isinstance(default, bool) else default}``",
        setting.help,
    ]
    return "   * - " + "\n     - ".join(cells) + "\n"


def test_the_guide_has_a_row_for_each_setting_and_no_other() -> None:
    page = (Path(minimax_sync.__file__).parent / "guide" / "settings.rst").read_text("utf-8")
    rows = [row_of_the_guide(setting) for setting in SETTINGS if setting.name != "retry"]
    assert page.endswith("".join(rows))
    assert page.count("   * - ") == len(rows) + 1


def test_every_variable_follows_the_rule_for_its_name() -> None:
    for setting in SETTINGS:
        if setting.variables and setting.name not in ("api_key",):
            assert setting.variable in setting.variables
