"""Private files: modes, links, identity, and text in several writes."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from minimax_sync.auth import file_access


def test_a_private_file_is_written_whole_and_read_up_to_a_limit(tmp_path: Path) -> None:
    path = str(tmp_path / "record")
    file_access.write_private(path, b"x" * 300_000)
    file_access.write_private(path, b"y" * 200_000)  # shorter: nothing of the first is left
    with file_access.open_to_read(path) as file:
        assert file_access.read_private(file, 150_000) == b"y" * 150_000
        assert file_access.read_private(file, 1_000_000) == b"y" * 50_000


@pytest.mark.posix
def test_a_file_that_was_renamed_is_not_the_same(tmp_path: Path) -> None:
    path = str(tmp_path / "record")
    file_access.write_private(path, b"")
    with file_access.open_to_read(path) as file:
        assert file_access.is_same_file(path, file.fileno())
        file_access.replace(path, path + ".moved")
        assert not file_access.is_same_file(path, file.fileno())


@pytest.mark.posix
def test_a_new_file_is_private_whatever_the_umask_and_a_looser_one_is_noticed(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        file_access.write_private(str(tmp_path / "record"), b"")
    finally:
        os.umask(before)
    status = (tmp_path / "record").stat()
    assert (status.st_mode & 0o777, file_access.loose_mode(status)) == (0o600, 0)
    (tmp_path / "record").chmod(0o640)
    assert file_access.loose_mode((tmp_path / "record").stat()) == 0o640


def test_a_link_at_the_end_of_a_path_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("secret")
    (tmp_path / "link").symlink_to("target")
    with pytest.raises(OSError):
        file_access.open_private(str(tmp_path / "link"), os.O_RDONLY)


def test_removing_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    file_access.remove(str(tmp_path / "none"))


@pytest.mark.posix
def test_the_owner_of_a_file_is_named_for_messages(tmp_path: Path) -> None:
    assert file_access.owner(str(tmp_path)) == tmp_path.owner()
    assert file_access.owner(str(tmp_path / "none")) == "an unknown user"


def test_a_file_is_flushed_to_the_disk_itself_where_the_system_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As macOS: its `fcntl` has F_FULLFSYNC, which its file systems may refuse."""
    calls: list[str] = []

    class Fcntl:
        F_FULLFSYNC = 51

        @staticmethod
        def fcntl(descriptor: int, command: int) -> None:
            calls.append("full")
            if len(calls) > 1:
                raise OSError(errno.ENOTSUP, "not supported")

    monkeypatch.setattr(file_access, "import_module", lambda name: Fcntl)
    monkeypatch.setattr(os, "fsync", lambda descriptor: calls.append("fsync"))
    file_access.sync_file(0)
    file_access.sync_file(0)
    assert calls == ["full", "full", "fsync"]


def test_a_private_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old and longer")
    file_access.replace_private(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["file"]


def test_a_private_file_that_cannot_be_replaced_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "missing" / "file")
    with pytest.raises(FileNotFoundError) as caught:
        file_access.replace_private(path, b"new")
    assert (caught.value.filename, caught.value.filename2) == (path, None)


@pytest.mark.posix
def test_a_symbolic_link_to_a_private_file_stays(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "file"
    link.symlink_to(Path("real") / "file")
    for text in (b"first", b"second"):
        file_access.replace_private(str(link), text)
        assert (tmp_path / "real" / "file").read_bytes() == text
    assert link.is_symlink()


@pytest.mark.posix
def test_a_pipe_or_a_directory_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(OSError, match="it is not a regular file"):
            file_access.replace_private(str(tmp_path / name), b"new")
    assert (tmp_path / "pipe").is_fifo()
