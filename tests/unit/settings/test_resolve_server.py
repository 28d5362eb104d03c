"""A project's `llm.yaml` does not decide to which server the user's own login is sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.settings_world import World

from minimax_sync.errors import ConfigError

BUNDLE = '{"access_token": "at", "refresh_token": "rt", "expires_at": "2026-05-01T12:00:00Z"}'


@pytest.fixture
def user(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the user's directory, with a login."""
    home = tmp_path_factory.mktemp("home")
    world.environ["XDG_CONFIG_HOME"] = str(home)
    world.environ["HOME"] = str(home)
    world.environ["APPDATA"] = str(home)
    from minimax_sync.settings.places import user_directory

    folder = user_directory(world.environ)
    folder.mkdir(parents=True)
    (folder / "minimax_token_plan.json").write_text(BUNDLE)
    return folder


def test_a_server_that_only_the_project_names_is_refused_for_the_users_login(world: World, user: Path) -> None:
    world.config("{base_url: https://other.example/anthropic}")
    settings = world.resolve()
    assert settings.auth_mode.value == "token_plan"
    with pytest.raises(ConfigError) as caught:
        settings.check_server()
    message = str(caught.value)
    assert message.startswith("config/llm.yaml:2 providers.minimax.base_url: other.example is not one of MiniMax's")
    assert str(user / "minimax_token_plan.json") in message
    assert "MINIMAX_BASE_URL=https://other.example/anthropic" in message
    assert "`minimax-sync login`" in message


@pytest.mark.parametrize("value", ["false", "config/llm.yaml"])
def test_certificates_that_only_the_project_names_are_refused_for_the_users_login(
    world: World, user: Path, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.cwd)
    world.config(f"{{verify: {value}}}")
    with pytest.raises(ConfigError, match=r"^config/llm.yaml:2 providers.minimax.verify: .*MINIMAX_VERIFY="):
        world.resolve().check_server()


@pytest.mark.parametrize(
    "provider", ["{}", "{base_url: https://api.minimax.cn}", "{verify: true}", "{proxy: http://proxy.example:3128}"]
)
def test_what_leads_to_minimax_is_the_projects_to_decide(world: World, user: Path, provider: str) -> None:
    world.config(provider)
    world.resolve().check_server()


def test_the_argument_the_environment_and_the_users_own_file_decide(world: World, user: Path) -> None:
    url = "https://other.example"
    world.config(f"{{base_url: {url}, verify: false}}")
    world.environ["MINIMAX_VERIFY"] = "true"
    world.resolve({"base_url": url}).check_server()
    world.environ["MINIMAX_BASE_URL"] = url
    world.resolve().check_server()
    del world.environ["MINIMAX_BASE_URL"]
    (world.cwd / "config/llm.yaml").unlink()
    (user / "llm.yaml").write_text(f"providers:\n  minimax: {{base_url: {url}, verify: false}}\n")
    assert world.resolve().base_url.value == url
    world.resolve().check_server()


def test_a_file_that_was_named_decides(world: World, user: Path) -> None:
    world.config("{base_url: https://other.example, verify: false}")
    world.resolve(path=world.cwd / "config/llm.yaml").check_server()
    world.environ["MINIMAX_CONFIG"] = "config/llm.yaml"
    world.resolve().check_server()


@pytest.mark.parametrize("named", ["argument", "file", "environment"])
def test_the_users_login_is_recognised_however_it_is_named(world: World, user: Path, named: str) -> None:
    bundle = str(user / "minimax_token_plan.json")
    auth = f", auth: {{bundle: '{bundle}'}}" if named == "file" else ""
    world.config(f"{{base_url: https://other.example{auth}}}")
    if named == "environment":
        world.environ["MINIMAX_BUNDLE"] = bundle
    settings = world.resolve({"bundle": bundle} if named == "argument" else {})
    with pytest.raises(ConfigError, match="is your own"):
        settings.check_server()


@pytest.mark.posix
def test_a_symlink_of_the_project_to_the_users_login_is_the_users_login(world: World, user: Path) -> None:
    (world.cwd / "secrets").mkdir()
    (world.cwd / "secrets/minimax_token_plan.json").symlink_to(user / "minimax_token_plan.json")
    world.config("{base_url: https://other.example}")
    with pytest.raises(ConfigError, match="is your own"):
        world.resolve().check_server()


def test_a_login_and_a_key_of_the_project_go_where_the_project_sends_them(world: World, user: Path) -> None:
    world.config("{base_url: https://other.example, verify: false}")
    world.resolve({"api_key": "k"}).check_server()
    world.write("secrets/minimax_token_plan.json", BUNDLE)
    settings = world.resolve()
    settings.check_server()
    assert settings.base_url_by_hand == "https://other.example"
