"""The fixture as a user's own test finds it: installed, and free where it is not asked for."""

from __future__ import annotations

from pathlib import Path

from support.run_python import run

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


def test_a_users_test_finds_the_fixture(tmp_path: Path) -> None:
    file = tmp_path / "test_users.py"
    file.write_text(USERS_TEST)
    assert "3 passed" in run("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", file, cwd=tmp_path)
