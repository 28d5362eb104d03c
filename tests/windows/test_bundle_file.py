"""The bundle's file on Windows: bytes as they are, and programs that keep it open."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support.token_lab import at_once, bundle_at, edit, expired_plan, files_beside, latest_pair, workers

from minimax_sync.auth import file_access
from minimax_sync.emulator import Emulator
from minimax_sync.errors import BundleError

HOLD = "import sys; file = open(sys.argv[1]); print('open', flush=True); sys.stdin.readline()"


def test_line_ends_and_control_characters_survive_a_refresh(emulator: Emulator, tmp_path: Path) -> None:
    plan = expired_plan(emulator, tmp_path / "bundle.json")
    edit(plan.path, note="a\nb\r\nc\x1ad")
    plan.path.write_bytes(plan.path.read_bytes().replace(b", ", b",\n"))
    assert plan.bearer() == bundle_at(plan.path).access_token.reveal() == latest_pair(emulator)["access_token"]
    assert b"\r" not in plan.path.read_bytes()
    assert json.loads(plan.path.read_bytes())["note"] == "a\nb\r\nc\x1ad"


def test_a_reader_that_holds_the_file_for_a_moment_delays_the_store(emulator: Emulator, tmp_path: Path) -> None:
    plan = expired_plan(emulator, tmp_path / "bundle.json")
    file = plan.path.open()
    threading.Timer(0.2, file.close).start()
    assert plan.bearer() == bundle_at(plan.path).access_token.reveal()
    assert files_beside(plan.path) == []


def test_a_program_that_keeps_the_file_open_costs_no_token_and_is_named_in_the_error(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(file_access, "SHARING_WAIT", 0.05)
    plan = expired_plan(emulator, tmp_path / "bundle.json")
    command = [sys.executable, "-c", HOLD, str(plan.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        token = plan.bearer()
        assert token == latest_pair(emulator)["access_token"]
        assert "another program keeps the file open" in caplog.text
        assert files_beside(plan.path) == ["bundle.json.intent", "bundle.json.rescue"]
    with workers(1, plan.path, emulator.url) as (other,):
        assert other.ask("bearer")["token"] == token
    assert (files_beside(plan.path), emulator.portal.posts) == ([], 1)


def test_a_logout_waits_for_a_reader_and_reports_that_the_file_is_open(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_access, "SHARING_WAIT", 0.05)
    plan = expired_plan(emulator, tmp_path / "bundle.json")
    store = plan._credential.store
    with plan.path.open(), pytest.raises(BundleError, match="another program keeps the file open"):
        store.remove()  # type: ignore[attr-defined]
    assert store.remove()  # type: ignore[attr-defined]


def test_many_processes_that_read_and_write_one_file_refresh_it_once(emulator: Emulator, tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    emulator.portal.bundle(path, ttl=-10)
    with workers(4, path, emulator.url) as processes:
        for _ in range(3):
            emulator.portal.expire_access()
            answers = at_once(processes, "force @") if emulator.portal.posts else at_once(processes, "bearer")
            assert len({answer.get("token") for answer in answers}) == 1, answers
    assert (emulator.portal.reused, emulator.portal.posts) == (0, 3)
    assert files_beside(path) == []


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    link = tmp_path / "link"
    link.symlink_to(victim)
    with pytest.raises(OSError, match="symbolic link"):
        file_access.write_private(str(link), b"lost")
    assert victim.read_text() == "precious"


def test_a_directory_in_the_locks_place_is_named_as_one(emulator: Emulator, tmp_path: Path) -> None:
    plan = expired_plan(emulator, tmp_path / "bundle.json")
    Path(f"{plan.path}.lock").mkdir()
    began = time.monotonic()
    with pytest.raises(BundleError, match="it is a directory"):
        plan.bearer()
    assert time.monotonic() - began < 10
