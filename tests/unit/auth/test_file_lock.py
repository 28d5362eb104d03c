"""One lock on one file, within a process; what processes and forks do with it stands in tests/faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from minimax_sync.auth.file_lock import KernelLock
from minimax_sync.errors import BundleError


def test_a_lock_is_held_by_one_at_a_time_and_its_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "bundle.lock"
    lock = KernelLock.attempt(str(path))
    assert lock is not None
    assert KernelLock.attempt(str(path)) is None
    lock.release()
    again = KernelLock.attempt(str(path))
    assert again is not None
    again.release()
    assert path.exists()


def test_a_lock_in_a_missing_directory_names_the_path_and_the_cure(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"none/bundle\.lock: its directory does not exist: run minimax-sync login"):
        KernelLock.attempt(str(tmp_path / "none" / "bundle.lock"))
