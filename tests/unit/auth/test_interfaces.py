"""`locked`: the lock of a store is waited for, not for ever, and released on every way out."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.clock import Clock

from minimax_sync.auth.file_store import FileStore
from minimax_sync.auth.interfaces import LOCK_WAIT, locked
from minimax_sync.errors import CallTimeoutError


def test_a_lock_that_stays_held_is_waited_for_and_then_an_error_with_the_place(tmp_path: Path) -> None:
    store, clock = FileStore(tmp_path / "bundle.json"), Clock()
    message = r"the lock of .*bundle\.json for 40 s"
    with locked(store, clock), pytest.raises(CallTimeoutError, match=message), locked(store, clock):
        pytest.fail("two hold it")
    assert sum(clock.slept) == pytest.approx(LOCK_WAIT, abs=1.0)


def test_a_lock_is_free_again_after_an_error(tmp_path: Path) -> None:
    store, clock = FileStore(tmp_path / "bundle.json"), Clock()
    with pytest.raises(ZeroDivisionError), locked(store, clock):
        raise ZeroDivisionError
    with locked(store, clock):
        assert clock.slept == []
