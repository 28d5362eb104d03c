"""`login` and `logout`, with somebody who confirms the code in a browser."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.cli import Run
from support.login_lab import small_portal, write_expired_bundle
from support.raw_server import Certificate, RawServer

from minimax_sync.emulator import Emulator

BUNDLE = Path("secrets/minimax_token_plan.json")


@pytest.fixture(autouse=True)
def quick_portal(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody be logged in who does not confirm, and no browser of this machine be opened."""
    emulator.portal.interval_ms = 20
    emulator.portal.auto_approve = False
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "MINIMAX_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set up a browser that opens the page, as a person would, and notes its address."""
    note = tmp_path / "opened"
    script = tmp_path / "browser"
    script.write_text(
        f"#!{sys.executable}\nimport sys, urllib.request\n"
        f"open({str(note)!r}, 'a').write(sys.argv[1])\nurllib.request.urlopen(sys.argv[1]).close()\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{script} %s")
    monkeypatch.setattr("webbrowser._tryorder", None)  # it asks for $BROWSER once in a process
    return note


def test_a_login_shows_the_code_opens_the_page_and_writes_the_bundle(
    run: Run, emulator: Emulator, browser: Path
) -> None:
    emulator.portal.notification_message = "Welcome.\x1b[2J"
    status, out, err = run("login")
    assert (status, err) == (0, "")
    bundle = json.loads(BUNDLE.read_text())
    assert emulator.portal.accepts(bundle["access_token"])
    assert BUNDLE.stat().st_mode & 0o777 == 0o600
    url = browser.read_text()
    code = url.partition("user_code=")[2].partition("&")[0]
    assert f"Open    {url}\nConfirm {code}\n" in out
    assert "Welcome.[2J" in out.replace(" [2J", "[2J")
    assert "\x1b" not in out
    assert str(BUNDLE) in out
    assert "minimax-sync status --check" in out
    assert bundle["access_token"] not in out
    assert bundle["refresh_token"] not in out


def test_after_a_login_everything_uses_it(run: Run, browser: Path) -> None:
    assert run("login").status == 0
    assert run("chat", "hi") == (0, 'You said: "hi".\n', "")
    assert "credential   the Token Plan login" in run("status").out


def test_a_bundle_elsewhere_comes_with_what_to_write_into_llm_yaml(run: Run, browser: Path) -> None:
    status, out, _ = run("login", "--bundle", "mine.json")
    assert status == 0
    assert Path("mine.json").exists()
    assert not BUNDLE.exists()
    assert "providers.minimax.auth.bundle: " in out


@pytest.mark.parametrize("option", ["--base-url", "--region"])
def test_the_portal_is_the_one_of_the_base_url_or_of_the_regions_url(
    run: Run, emulator: Emulator, browser: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.delenv("MINIMAX_BASE_URL")
    status, out, _ = run("login", option, emulator.anthropic_base_url)
    assert status == 0
    assert f"Logged in at {emulator.url}." in out


def test_without_a_browser_the_page_is_only_named(
    emulator: Emulator, browser: Path, program: Callable[..., subprocess.Popen[str]]
) -> None:
    process = program("login", "--no-browser")
    assert process.stdout is not None
    opened, confirmed = process.stdout.readline(), process.stdout.readline()
    assert opened.startswith(f"Open    {emulator.url}/oauth-authorize?user_code=")
    assert not browser.exists()
    emulator.portal.approve(confirmed.removeprefix("Confirm ").strip())
    assert process.wait(10) == 0
    assert BUNDLE.exists()


def test_ctrl_c_leaves_nothing_behind(emulator: Emulator, program: Callable[..., subprocess.Popen[str]]) -> None:
    process = program("login")
    deadline = time.monotonic() + 10
    while len(emulator.journal) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (130, "")
    assert not BUNDLE.parent.exists()


def test_a_refused_login_is_an_error_and_leaves_nothing_behind(run: Run, emulator: Emulator) -> None:
    emulator.portal.fault(status=400, body={"base_resp": {"status_code": 1, "status_msg": "no such client"}})
    status, _, err = run("login")
    assert status == 1
    assert "no such client" in err
    assert not BUNDLE.parent.exists()


def test_logout_removes_the_bundle_once(run: Run, emulator: Emulator) -> None:
    emulator.portal.bundle(BUNDLE)
    status, out, _ = run("logout")
    assert status == 0
    assert out.startswith("Removed the login")
    assert not BUNDLE.exists()
    status, out, _ = run("logout")
    assert status == 0
    assert out.startswith("There is no login at")


def test_the_password_of_a_bundle_in_redis_is_not_shown(run: Run) -> None:
    status, out, err = run("logout", "--bundle", "redis://:hunter22@127.0.0.1:1/0/plan")
    assert status == 1
    assert "redis://****@127.0.0.1:1/0/plan" in err
    assert "hunter22" not in out + err


USER_BUNDLE = Path("../home/minimax-sync/minimax_token_plan.json")


def test_a_login_of_the_user_serves_in_every_directory(run: Run, emulator: Emulator, browser: Path) -> None:
    assert run("login", "--user").status == 0
    assert USER_BUNDLE.stat().st_mode & 0o777 == 0o600
    assert not BUNDLE.exists()
    for folder in ("one", "two"):
        Path(folder).mkdir()
        os.chdir(folder)
        out = run("status", "--base-url", emulator.anthropic_base_url).out
        assert re.search(rf"^path +{os.environ['HOME']}/minimax-sync/{USER_BUNDLE.name}$", out, re.MULTILINE)
        assert re.search(r"^\./secrets/minimax_token_plan\.json +not there$", out, re.MULTILINE)
        assert re.search(r"/home/minimax-sync/minimax_token_plan\.json +there$", out, re.MULTILINE)
        os.chdir("..")


def test_a_login_of_the_directory_comes_before_that_of_the_user(run: Run, emulator: Emulator, browser: Path) -> None:
    emulator.portal.bundle(BUNDLE)
    status, out, _ = run("login", "--user")
    assert status == 0
    assert f"In this directory the login {Path.cwd() / BUNDLE} is used instead." in out
    assert json.loads(USER_BUNDLE.read_text())["access_token"] != json.loads(BUNDLE.read_text())["access_token"]
    shown = re.findall(r"^(Token Plan login.*)\npath +(.*)$", run("status").out, re.MULTILINE)
    assert shown == [
        ("Token Plan login", str(Path.cwd() / BUNDLE)),
        ("Token Plan login that is not used here", f"{os.environ['HOME']}/minimax-sync/{USER_BUNDLE.name}"),
    ]
    out = run("logout").out
    assert f"Removed the login {Path.cwd() / BUNDLE}." in out
    assert "minimax-sync logout --user removes it" in out
    assert run("logout", "--user").out == f"Removed the login {os.environ['HOME']}/minimax-sync/{USER_BUNDLE.name}.\n"
    assert not USER_BUNDLE.exists()


def test_one_login_is_named_in_one_way(run: Run) -> None:
    for command in ("login", "logout"):
        status, _, err = run(command, "--user", "--bundle", "x.json")
        assert (status, err) == (2, "minimax-sync: give --bundle or --user, not both; see `minimax-sync --help`\n")


def test_the_token_is_printed_and_nothing_else(run: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIMAX_API_KEY", "sk-api-0123456789")
    assert run("token") == (0, "sk-api-0123456789\n", "")
    pair = emulator.portal.bundle(BUNDLE, ttl=7200)
    assert run("token") == (0, f"{pair['access_token']}\n", "")


def test_a_token_that_is_due_is_refreshed_before_it_is_printed(run: Run, emulator: Emulator) -> None:
    pair = emulator.portal.bundle(BUNDLE, ttl=30)
    status, out, err = run("token")
    assert (status, err) == (0, "")
    assert out.strip() != pair["access_token"]
    assert emulator.portal.accepts(out.strip())


def test_without_a_credential_the_token_is_an_error_of_one_line(run: Run) -> None:
    status, out, err = run("token")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("minimax-sync: no MiniMax credential")


def test_login_and_token_trust_the_certificates_of_the_settings(
    run: Run, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer(small_portal, certificate) as server:
        monkeypatch.setenv("MINIMAX_BASE_URL", server.url)
        assert "certificate" in run("login", "--no-browser").err
        monkeypatch.setenv("MINIMAX_VERIFY", certificate.file)
        assert run("login", "--no-browser").status == 0
        assert run("token").out == "at-2\n"
        write_expired_bundle(BUNDLE, server.url)
        assert run("token").out == "at-2\n"


@pytest.mark.parametrize("command", [("login", "--user", "--no-browser"), ("token",), ("status",), ("chat", "Hello")])
def test_a_project_does_not_send_the_users_login_to_its_own_server(
    run: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    emulator.portal.auto_approve = True
    assert run("login", "--user", "--no-browser").status == 0
    seen = len(emulator.journal)
    monkeypatch.delenv("MINIMAX_BASE_URL")
    Path("config").mkdir(exist_ok=True)
    Path("config/llm.yaml").write_text(f"providers:\n  minimax:\n    base_url: {emulator.anthropic_base_url}\n")
    status, _, err = run(*command)
    assert status == 1
    assert "config/llm.yaml:3 providers.minimax.base_url: 127.0.0.1 is not one of MiniMax's hosts" in err
    assert f"MINIMAX_BASE_URL={emulator.anthropic_base_url}" in err
    assert len(emulator.journal) == seen
    assert run("login", "--user", "--no-browser", "--region", emulator.url).status == 0
    monkeypatch.setenv("MINIMAX_BASE_URL", emulator.anthropic_base_url)
    assert run(*command).status == 0
    monkeypatch.delenv("MINIMAX_BASE_URL")
    assert run("login", "--no-browser").status == 0
    assert run("token").status == 0
    assert run("logout", "--user").status == 0
