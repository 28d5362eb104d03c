"""A33 to A35: modes of the bundle and the files beside it, planted links, litter, and the lock file that stays."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from support.token_lab import bundle_at, descriptors, expired_plan

from minimax_sync.auth import TokenPlan
from minimax_sync.auth.file_lock import KernelLock
from minimax_sync.auth.file_store import FileStore
from minimax_sync.emulator import Emulator
from minimax_sync.errors import BundleError


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
@pytest.mark.posix
def test_A33_every_file_is_private_from_its_first_byte(path: Path, tmp_path: Path, mask: int) -> None:
    modes: dict[str, set[int]] = {}
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            for entry in os.scandir(tmp_path):
                try:
                    modes.setdefault(entry.name[:14], set()).add(entry.stat(follow_symlinks=False).st_mode & 0o777)
                except FileNotFoundError:
                    continue

    with Emulator() as emulator:
        plan = expired_plan(emulator, path, ttl=3600)
        watcher = threading.Thread(target=watch)
        watcher.start()
        old = os.umask(mask)
        try:
            for _ in range(30):
                plan.force_refresh(plan.bearer())
        finally:
            os.umask(old)
            done.set()
            watcher.join()
    loose = {
        name: found for name, found in modes.items() if name.lstrip(".").startswith("bundle") and found - {0o600, 0}
    }
    assert loose == {}


@pytest.mark.posix
def test_A33_a_bundle_that_others_can_read_is_tightened_with_a_warning(
    emulator: Emulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan = expired_plan(emulator, tmp_path / "bundle.json", ttl=3600)
    plan.path.chmod(0o644)
    plan.bearer()
    assert plan.path.stat().st_mode & 0o777 == 0o600
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.posix
def test_A33_a_directory_that_login_makes_is_private(emulator: Emulator, tmp_path: Path) -> None:
    emulator.portal.bundle(tmp_path / "bundle.json")
    path = tmp_path / "made" / "for" / "bundle.json"
    FileStore(path).save(bundle_at(tmp_path / "bundle.json"))
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600


def test_A34_planted_symlinks_are_neither_followed_nor_read(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    plan = expired_plan(emulator, tmp_path / "bundle.json")
    monkeypatch.setattr("secrets.token_hex", lambda _: "guessed")
    planted = tmp_path / ".bundle.json.guessed.tmp~"
    planted.symlink_to(victim)
    with pytest.raises(BundleError):
        plan.bearer()
    planted.unlink()
    Path(f"{plan.path}.intent").symlink_to(victim)
    with pytest.raises(BundleError):
        plan.bearer()
    assert victim.read_text() == "precious"
    assert emulator.portal.posts == 0


def test_A35_temporary_files_of_killed_writers_are_removed_once_they_are_old(plan: TokenPlan, tmp_path: Path) -> None:
    old, young, foreign = (tmp_path / name for name in (".bundle.json.1.tmp", ".bundle.json.2.tmp", ".other.tmp"))
    for path in (old, young, foreign):
        path.write_text("secret")
    for path in (old, foreign):
        os.utime(path, (time.time() - 700, time.time() - 700))
    plan.bearer()
    assert [path.exists() for path in (old, young, foreign)] == [False, True, True]


def test_the_lock_file_stays_and_no_descriptor_leaks(emulator: Emulator, plan: TokenPlan) -> None:
    plan.bearer()
    inode = Path(f"{plan.path}.lock").stat().st_ino
    before = descriptors()
    for _ in range(20):
        plan.force_refresh(plan.bearer())
    assert Path(f"{plan.path}.lock").stat().st_ino == inode
    assert descriptors() <= before + 2  # the emulator's own sockets come and go
    lock = KernelLock.attempt(f"{plan.path}.lock")
    assert lock is not None
    lock.release()
