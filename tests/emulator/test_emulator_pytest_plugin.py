"""The fixtures as a user's own test finds them: installed, and without cost where they are not used."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

USERS_TEST = """
import json, sys, urllib.request

def test_without_it():
    assert "minimax_sync.emulator.service" not in sys.modules

def test_with_it(minimax_emulator):
    minimax_emulator.answer("Hello!")
    body = json.dumps({"model": "MiniMax-M2.5", "messages": [{"role": "user", "content": "Hi"}]}).encode()
    headers = {"Authorization": f"Bearer {minimax_emulator.api_key}"}
    call = urllib.request.Request(f"{minimax_emulator.base_url}/chat/completions", body, headers)
    with urllib.request.urlopen(call) as answer:
        assert json.load(answer)["choices"][0]["message"]["content"] == "Hello!"

def test_each_test_has_its_own(minimax_emulator):
    assert minimax_emulator.journal == []
"""


PROGRAM_UNDER_TEST = """
import os, subprocess, sys
from minimax_sync import MiniMaxClient

def answer():
    with MiniMaxClient() as client:
        return client.chat("Hi").text

def test_the_program_meets_the_emulator(minimax_env):
    minimax_env.answer("Hello!")
    assert answer() == "Hello!"
    assert minimax_env.journal[-1].headers["authorization"] == f"Bearer {minimax_env.api_key}"

def test_there_is_no_pacing(minimax_env):
    for _ in range(20):
        answer()
    assert minimax_env.journal[-1].monotonic - minimax_env.journal[0].monotonic < 5

def test_a_program_of_its_own_meets_it_too(minimax_env):
    minimax_env.answer("From afar.")
    code = "from minimax_sync import MiniMaxClient; print(MiniMaxClient().chat('Hi').text)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "From afar."

def test_nothing_of_the_real_environment_is_left(minimax_env):
    assert "MINIMAX_GROUP_ID" not in os.environ
    assert "real" not in str(sorted(value for name, value in os.environ.items() if name.startswith("MINIMAX_")))

def test_the_environment_comes_back():
    assert os.environ["MINIMAX_GROUP_ID"] == "7"
"""

OTHER_FILES = """
import pytest
from minimax_sync import MiniMaxClient

FILES = [
    "providers: {minimax: {api_flavor: anthropic}}",
    "providers: {minimax: {rate_limit: {store: 'redis://127.0.0.1:9/0'}}}",
    "providers: {minimax: {auth: {mode: token_plan, bundle: nowhere.json}}}",
    "providers: {minimax: {chat_path: /elsewhere, proxy: 'http://127.0.0.1:9'}}",
    "providers: {minimax: {verify: nowhere.pem, timeout: 0.001}}",
    "providers: {minimax: {api_key: '${NOT_SET_ANYWHERE}'}}",
    "retry: {max_attempts: 0}",
    "no: such: yaml",
]

@pytest.fixture(params=FILES)
def project(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "llm.yaml").write_text(request.param)
    return tmp_path

def test_its_file_changes_nothing(project, minimax_env):
    minimax_env.answer("Hello!")
    with MiniMaxClient() as client:
        assert client.chat("Hi").text == "Hello!"
    assert minimax_env.journal[-1].path == "/v1/text/chatcompletion_v2"

def test_the_other_wire_is_one_argument_away(project, minimax_env):
    with MiniMaxClient(base_url=minimax_env.anthropic_base_url) as client:
        assert client.chat("Hi").text
    assert minimax_env.journal[-1].path == "/anthropic/v1/messages"

def test_a_file_is_read_on_request(minimax_env, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINIMAX_CONFIG", "own.yaml")
    monkeypatch.setenv("MINIMAX_BASE_URL", minimax_env.anthropic_base_url)
    (tmp_path / "own.yaml").write_text("providers: {own: {model: MiniMax-M3, api_flavor: anthropic}}")
    with MiniMaxClient.from_config(provider="own") as client:
        assert client.chat("Hi").text
    assert minimax_env.journal[-1].body["model"] == "MiniMax-M3"
"""


def test_a_users_test_finds_the_fixture(tmp_path: Path) -> None:
    assert "3 passed" in _pytest(tmp_path, USERS_TEST)


def test_a_program_under_test_finds_the_emulator_and_no_real_key_or_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MINIMAX_CODING_API_KEY", "MINIMAX_API_KEY", "MINIMAX_MODEL"):
        monkeypatch.setenv(name, "sk-real")
    monkeypatch.setenv("MINIMAX_GROUP_ID", "7")
    monkeypatch.setenv("MINIMAX_BASE_URL", "https://real.invalid")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    home = tmp_path / "home" / "minimax-sync"
    for secrets in (tmp_path / "secrets", home):
        secrets.mkdir(parents=True)
        (secrets / "minimax_code_plan_key.txt").write_text("sk-cp-real-of-a-file")
        bundle = {"access_token": "at-real", "refresh_token": "rt-real", "expires_at": "2099-01-01T00:00:00Z"}
        (secrets / "minimax_token_plan.json").write_text(json.dumps(bundle))
        (secrets / "minimax_token_plan.json").chmod(0o600)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home.parent))
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "llm.yaml").write_text(
        "providers: {minimax: {api_key: sk-real-of-a-file, base_url: 'https://real.invalid'}}\n"
    )
    assert "5 passed" in _pytest(tmp_path, PROGRAM_UNDER_TEST)


def test_no_configuration_file_comes_between_a_program_and_the_emulator(tmp_path: Path) -> None:
    assert "17 passed" in _pytest(tmp_path, OTHER_FILES)


def _pytest(folder: Path, text: str) -> str:
    (folder / "test_users.py").write_text(text)
    arguments = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "test_users.py"]
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr
