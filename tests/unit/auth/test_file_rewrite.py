"""`Rewrite`: another login wins, a removed one stays removed, and a failure keeps the pair in a rescue file."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

import pytest
from support.login_lab import is_private

from minimax_sync.auth.bundle import Bundle, Snapshot, parse_snapshot
from minimax_sync.auth.file_rewrite import Rewrite
from minimax_sync.errors import BundleError
from minimax_sync.secret import Secret

EXPIRY = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)


def login(number: int) -> Bundle:
    return Bundle(Secret(f"at-{number}"), Secret(f"rt-{number}"), EXPIRY)


def parse(path: str) -> Snapshot | str | None:
    return parse_snapshot(Path(path).read_bytes()) if Path(path).exists() else None


def begun(path: Path) -> Rewrite:
    """Begin to replace login 1."""
    path.write_bytes(login(1).to_json())
    seen = parse(str(path))
    assert isinstance(seen, Snapshot)
    return Rewrite(str(path), parse, seen, now=1e9)


def test_another_login_that_came_in_between_is_kept_and_returned(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    with closing(begun(path)) as rewrite:
        path.write_bytes(login(7).to_json())
        found = rewrite.commit(login(2))
    assert found is not None
    assert found.bundle == login(7)
    assert path.read_bytes() == login(7).to_json()


def test_a_bundle_that_was_removed_in_between_stays_removed(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    with closing(begun(path)) as rewrite:
        path.unlink()
        assert rewrite.commit(login(2)) is None
    assert list(tmp_path.glob("*bundle*")) == []


def test_a_pair_that_cannot_be_put_in_place_is_kept_in_the_rescue_file(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    with closing(begun(path)) as rewrite:
        rewrite.write_intent(login(1).fingerprint)
        path.unlink()
        path.mkdir()
        (path / "in-the-way").touch()
        rewrite._version = None
        rewrite._parse = lambda _: parse_snapshot(login(1).to_json())
        with pytest.raises(BundleError, match="cannot store"):
            rewrite.commit(login(2))
    assert (tmp_path / "bundle.json.rescue").read_bytes() == login(2).to_json()
    assert (tmp_path / "bundle.json.intent").exists()


def test_temporary_files_are_private_reserve_space_and_are_swept_when_old(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    with closing(begun(path)):
        (temp,) = tmp_path.glob(".bundle.json.*.tmp")
        assert temp.stat().st_size >= 16 * 1024
        assert is_private(temp)
    assert list(tmp_path.glob(".bundle.json.*")) == []
