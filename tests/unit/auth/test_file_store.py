"""`FileStore`: what it reads, prepares, stores and recovers; its faults stand in tests/faults/token_plan."""

from __future__ import annotations

import os
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

import pytest
from support.clock import Clock

from minimax_sync.auth.bundle import Bundle, Snapshot
from minimax_sync.auth.file_store import FileStore
from minimax_sync.auth.interfaces import locked
from minimax_sync.errors import BundleError, CallTimeoutError
from minimax_sync.secret import Secret

EXPIRY = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
FIRST = Bundle(Secret("at-1"), Secret("rt-1"), EXPIRY)
SECOND = Bundle(Secret("at-2"), Secret("rt-2"), EXPIRY)


def stored(path: Path) -> tuple[FileStore, Snapshot]:
    """Store the first login and read it."""
    store = FileStore(path, Clock(1e9))
    store.save(FIRST)
    snapshot = store.read()
    assert snapshot is not None
    return store, snapshot


def test_a_missing_bundle_is_read_as_none(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "none" / "bundle.json")
    assert (store.read(), store.modified_at()) == (None, None)


def test_a_rewrite_leaves_the_new_login_and_nothing_beside_it(tmp_path: Path) -> None:
    store, snapshot = stored(tmp_path / "folder" / "bundle.json")
    with closing(store.prepare(snapshot)) as rewrite:
        intent = store.intent(snapshot)
        assert intent is not None
        assert (intent.pid, intent.at) == (os.getpid(), 1e9)
        found = rewrite.commit(SECOND)
    assert found == store.read()
    assert found is not None
    assert found.bundle == SECOND
    assert {path.name for path in (tmp_path / "folder").iterdir()} <= {"bundle.json", "bundle.json.lock"}


def test_a_rewrite_that_is_not_committed_leaves_everything_as_it_was(tmp_path: Path) -> None:
    store, snapshot = stored(tmp_path / "bundle.json")
    with closing(store.prepare(snapshot)) as rewrite:
        rewrite.discard_intent()
    assert store.read() == snapshot
    assert store.intent(snapshot) is None


def test_an_answer_whose_writer_was_killed_before_the_rename_is_put_in_place(tmp_path: Path) -> None:
    store, snapshot = stored(tmp_path / "bundle.json")
    rewrite = store.prepare(snapshot)
    intent = store.intent(snapshot)
    assert intent is not None
    rewrite.close()
    (tmp_path / intent.temp).write_bytes(SECOND.to_json())
    recovered = store.recover(snapshot)
    assert recovered is not None
    assert recovered.bundle == SECOND


def test_a_broken_file_is_read_five_times_and_then_reported_at_once(tmp_path: Path) -> None:
    clock = Clock()
    (tmp_path / "bundle.json").write_text("{")
    store = FileStore(tmp_path / "bundle.json", clock)
    for slept in (4, 4):
        with pytest.raises(BundleError, match="it is not JSON in UTF-8"):
            store.read()
        assert len(clock.slept) == slept


@pytest.mark.parametrize(("folder", "is_hidden"), [("secrets", True), ("own", False)])
def test_a_secrets_directory_that_is_made_is_hidden_from_git(tmp_path: Path, folder: str, is_hidden: bool) -> None:
    FileStore(tmp_path / folder / "bundle.json").save(FIRST)
    ignore = tmp_path / folder / ".gitignore"
    assert (ignore.read_text() if ignore.exists() else None) == ("*\n" if is_hidden else None)


def test_a_secrets_directory_that_was_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    FileStore(tmp_path / "secrets" / "bundle.json").save(FIRST)
    assert not (tmp_path / "secrets" / ".gitignore").exists()


def test_a_login_and_a_logout_wait_for_the_lock(tmp_path: Path) -> None:
    store, snapshot = stored(tmp_path / "bundle.json")
    with locked(store, Clock()):
        for act in (lambda: store.save(SECOND), store.remove):
            with pytest.raises(CallTimeoutError, match="has held the lock"):
                act()
    assert store.read() == snapshot


def test_a_name_that_no_file_can_have_is_a_bundle_error(tmp_path: Path) -> None:
    store = FileStore(tmp_path / ("x" * 300))
    for act in (store.read, store.try_lock, lambda: store.save(FIRST)):
        with pytest.raises(BundleError, match="File name too long"):
            act()
    assert not store.remove()


@pytest.mark.posix
def test_what_is_not_a_regular_file_is_neither_replaced_nor_removed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "link", "folder"):
        store = FileStore(tmp_path / name)
        for act in (store.check_writable, lambda store=store: store.save(FIRST), store.remove):
            with pytest.raises(BundleError, match="it is not a regular file"):
                act()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "home") == ["folder", "link", "pipe", "work"]
