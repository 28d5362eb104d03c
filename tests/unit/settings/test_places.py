"""The user's own directory: where it is, and that what is nearer wins."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.settings_world import World

from minimax_sync.errors import ConfigError
from minimax_sync.secret import Secret
from minimax_sync.settings.places import located, user_directory

BUNDLE = "minimax_token_plan.json"
KEY_FILE = "minimax_code_plan_key.txt"


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path / "project")
    world.cwd.mkdir()
    world.environ["HOME"] = str(tmp_path / "home")
    world.environ["XDG_CONFIG_HOME"] = ""
    return world


@pytest.fixture
def user(world: World) -> Path:
    """Make the user's own directory."""
    path = user_directory(world.environ)
    path.mkdir(parents=True)
    return path


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {"HOME": "/h"}, "/h/.config/minimax-sync"),
        ("linux", {"HOME": "/h", "XDG_CONFIG_HOME": "/x"}, "/x/minimax-sync"),
        ("linux", {"HOME": "/h", "XDG_CONFIG_HOME": "relative"}, "/h/.config/minimax-sync"),
        ("linux", {"HOME": "/h", "XDG_CONFIG_HOME": ""}, "/h/.config/minimax-sync"),
        ("darwin", {"HOME": "/h", "XDG_CONFIG_HOME": "/x"}, "/h/Library/Application Support/minimax-sync"),
        ("win32", {"APPDATA": "/a"}, "/a/minimax-sync"),
    ],
)
def test_the_directory_follows_the_convention_of_the_system(
    platform: str, environ: dict[str, str], expected: str
) -> None:
    assert user_directory(environ, platform) == Path(expected)


STEPS: list[tuple[str, str, bool]] = [
    ("argument", "argument api_key", False),
    ("near bundle", "there is the Token Plan bundle '{near}'", False),
    ("MINIMAX_CODE_PLAN_KEY", "environment variable MINIMAX_CODE_PLAN_KEY", True),
    ("MINIMAX_CODING_API_KEY", "environment variable MINIMAX_CODING_API_KEY", True),
    ("near key file", "./secrets/minimax_code_plan_key.txt", True),
    ("near llm.yaml", "config/llm.yaml:2 providers.minimax.api_key", False),
    ("MINIMAX_API_KEY", "environment variable MINIMAX_API_KEY", False),
    ("user bundle", "there is the Token Plan bundle '{user}/minimax_token_plan.json'", False),
    ("user key file", "{user}/minimax_code_plan_key.txt", True),
    ("user llm.yaml", "{user}/llm.yaml:1 providers.minimax.api_key", False),
]
"""The places of a credential in their order, the source that settings name, and whether a key there is of a plan."""


def place_all_from(first: int, world: World, user: Path, blank: str | None = None) -> dict[str, Any]:
    """Put a credential in each place from `first` on, and a `blank` key in those before; return the arguments."""
    files = {
        "near bundle": (world.cwd / "secrets" / BUNDLE, "{}"),
        "near key file": (world.cwd / "secrets" / KEY_FILE, "{}\n"),
        "near llm.yaml": (world.cwd / "config/llm.yaml", "\nproviders: {{minimax: {{api_key: '{}'}}}}"),
        "user bundle": (user / BUNDLE, "{}"),
        "user key file": (user / KEY_FILE, "{}\n"),
        "user llm.yaml": (user / "llm.yaml", "providers: {{minimax: {{api_key: '{}'}}}}"),
    }
    arguments: dict[str, Any] = {}
    for index, (name, *_) in enumerate(STEPS):
        key = f"key-{index}" if index >= first else blank
        if key is None or ("bundle" in name and index < first):
            continue
        if name in files:
            path, text = files[name]
            path.parent.mkdir(exist_ok=True)
            path.write_text(text.format(key))
        elif name == "argument":
            arguments["api_key"] = key
        else:
            world.environ[name] = key
    return arguments


@pytest.mark.parametrize("blank", [None, "", "  "])
@pytest.mark.parametrize("first", range(len(STEPS)))
def test_the_nearest_credential_that_is_not_blank_is_used(
    first: int, blank: str | None, world: World, user: Path
) -> None:
    settings = world.resolve(place_all_from(first, world, user, blank))
    name, source, is_plan = STEPS[first]
    source = source.format(near=world.cwd / "secrets" / BUNDLE, user=user)
    if "bundle" in name:
        assert (settings.auth_mode.value, settings.auth_mode.source) == ("token_plan", source)
        assert settings.api_key.value is None
    else:
        assert (settings.auth_mode.value, settings.api_key.source) == ("static", source)
        assert (settings.api_key.value, settings.plan_key) == (Secret(f"key-{first}"), is_plan)


@pytest.mark.parametrize("first", [7, 8, 9])
def test_an_asked_mode_looks_in_both_directories(first: int, world: World, user: Path) -> None:
    place_all_from(first, world, user)
    world.environ["MINIMAX_AUTH_MODE"] = "static"
    assert world.resolve().api_key.value == Secret(f"key-{max(first, 8)}")
    world.environ["MINIMAX_AUTH_MODE"] = "token_plan"
    if first == 7:
        assert world.resolve().bundle.value == str(user / BUNDLE)
    else:
        with pytest.raises(ConfigError, match=r"token_plan, but there is no Token Plan bundle '.*' or '.*'; run"):
            world.resolve()


def test_a_named_bundle_is_the_only_login_that_counts(world: World, user: Path) -> None:
    (user / BUNDLE).touch()
    world.environ |= {"MINIMAX_BUNDLE": "other.json", "MINIMAX_API_KEY": "k"}
    settings = world.resolve()
    assert (settings.auth_mode.value, settings.bundle.value) == ("static", str(world.cwd / "other.json"))


def test_both_files_count_for_each_setting_and_the_nearer_wins(world: World, user: Path) -> None:
    (user / "llm.yaml").write_text(
        "providers: {minimax: {model: theirs, timeout: 60, auth: {bundle: mine.json}}}\nretry: {max_attempts: 9}"
    )
    world.config("{model: here, api_key: k}")
    settings = world.resolve()
    assert (settings.model.value, settings.timeout.value) == ("here", 60.0)
    assert settings.timeout.source == f"{user}/llm.yaml:1 providers.minimax.timeout"
    assert settings.retry.value.rate_limit_attempts == 9
    assert settings.user_bundle == str(user / "mine.json")


def test_a_file_that_was_named_is_the_only_one(world: World, user: Path) -> None:
    (user / "llm.yaml").write_text("providers: {minimax: {timeout: 60}}")
    world.write("mine.yaml", "providers: {minimax: {api_key: k}}")
    assert world.resolve(path="mine.yaml").timeout.source == "default"


def test_placeholders_and_agents_of_the_users_file_belong_to_its_directory(world: World, user: Path) -> None:
    (user / "llm.yaml").write_text("providers: {other: {api_key: '${file:key.txt}'}}")
    (user / "key.txt").write_text("sk-file")
    (user / "agents.d").mkdir()
    (user / "agents.d/a.yaml").write_text("agents: [{id: ana, model: {provider: other, model: theirs}}]")
    settings = world.resolve(agent="ana")
    assert (settings.provider.value, settings.model.value) == ("other", "theirs")
    assert settings.api_key.value == Secret("sk-file")
    world.write("config/agents.d/a.yaml", "agents: [{id: ana, model: {model: here}}, {id: bo}]")
    assert world.resolve({"api_key": "k"}, agent="ana").model.value == "here"
    with pytest.raises(ConfigError, match=r"^argument agent: no agent 'eve'; known: ana, bo, ana$"):
        world.resolve(agent="eve")


def test_the_users_group_id_comes_after_that_of_the_working_directory(world: World, user: Path) -> None:
    (user / "minimax_group_id.txt").write_text("1\n")
    assert world.resolve({"api_key": "k"}).group_id.source == f"{user}/minimax_group_id.txt"
    world.write("secrets/minimax_group_id.txt", "2\n")
    assert world.resolve({"api_key": "k"}).group_id.value == "2"


def test_secrets_that_cannot_be_looked_at_do_not_stop_an_explicit_key(world: World) -> None:
    (world.cwd / "secrets").symlink_to("secrets")
    (world.cwd / "config").symlink_to("config")
    settings = world.resolve({"api_key": "k"})
    assert (settings.auth_mode.value, settings.group_id.value) == ("static", None)


def test_secrets_that_cannot_be_looked_at_never_lead_to_a_later_key(world: World) -> None:
    (world.cwd / "secrets").symlink_to("secrets")
    world.environ["MINIMAX_API_KEY"] = "sk-paid"
    for mode in ("auto", "static"):
        world.environ["MINIMAX_AUTH_MODE"] = mode
        with pytest.raises(ConfigError, match=r"^\./secrets/minimax_\w+\.txt cannot be read: Too many levels"):
            world.resolve()


def test_a_user_directory_that_cannot_be_looked_at_counts_as_absent(world: World, user: Path) -> None:
    user.rmdir()
    user.symlink_to(user)
    with pytest.raises(ConfigError, match=r"^no MiniMax credential"):
        world.resolve()


def test_a_deleted_working_directory_is_no_error_with_a_key_or_a_login_of_the_user(tmp_path: Path) -> None:
    code = """
import os, sys
from minimax_sync import MiniMaxClient
os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")
MiniMaxClient("k").close()
os.environ["MINIMAX_API_KEY"] = "k"
MiniMaxClient().close()
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=dict(os.environ))


def test_a_relative_path_in_a_deleted_working_directory_is_an_error_with_its_cure(tmp_path: Path) -> None:
    code = """
import os
from minimax_sync import ConfigError, MiniMaxClient, TokenPlan
os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")
for use in (lambda: TokenPlan("login.json"), lambda: list(MiniMaxClient("k").map(["hi"], checkpoint="answers.jsonl"))):
    try:
        use()
    except ConfigError as error:
        assert str(error).endswith("the working directory does not exist any more; give an absolute path"), error
    else:
        raise AssertionError("accepted")
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=dict(os.environ))


def test_places_of_the_user_lie_in_the_users_directory() -> None:
    assert located("user:a.txt", Path("/cwd"), Path("/user")) == Path("/user/a.txt")
    assert located("./a.txt", Path("/cwd"), Path("/user")) == Path("/cwd/a.txt")
