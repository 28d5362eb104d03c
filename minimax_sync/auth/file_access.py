"""Access to files that contain a login, on all operating systems: one function per capability.

The only module of the Token Plan that distinguishes operating systems. On Windows there are no modes like 0600 (the
access rights of the profile directory protect instead), descriptors of directories or owners; descriptors are opened in
binary mode, and operations on a file that another program holds open are retried.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from io import FileIO
from pathlib import Path
from typing import Any

SHARING_WAIT = 1.0
"""Seconds for which a rename or removal is retried on Windows while another program holds the file open."""

_RETRY_PAUSE = 0.02
_HELD_OPEN = "another program keeps the file open (an editor or a virus scanner): close it and try again"


def open_private(path: str, flags: int) -> int:
    """Open `path` in binary mode, not following a symlink at its end; a new file gets the mode 0600 at most."""
    if sys.platform == "win32" and os.path.islink(path):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return os.open(path, flags | _flags("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"), 0o600)


def open_directory(path: str) -> int:
    """Return a descriptor of a directory, to be synced and closed; -1 on Windows, which has none."""
    return -1 if sys.platform == "win32" else open_private(path, os.O_RDONLY | _flags("O_DIRECTORY"))


def sync_directory(descriptor: int) -> None:
    """Flush a rename in a directory to the disk. Windows does that with the rename."""
    if descriptor != -1:
        os.fsync(descriptor)


def sync_file(descriptor: int) -> None:
    """Flush a file to the disk itself: on macOS fsync stops at the drive's cache."""
    with suppress(ImportError, AttributeError, OSError):  # Windows; not macOS; no support in the file system
        fcntl: Any = import_module("fcntl")
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
        return
    os.fsync(descriptor)


def replace(source: str, target: str) -> None:
    """Rename `source` to `target`, replacing it, unless that is a device or a pipe, which would be lost.

    `source` must be closed: Windows renames no open file.
    """
    if os.path.exists(target) and not os.path.isfile(target):
        raise OSError(errno.EINVAL, "it is not a regular file", target)
    _retried(lambda: os.replace(source, target))


def remove(path: str) -> None:
    """Remove a file, if it exists."""
    with suppress(FileNotFoundError):
        _retried(lambda: os.unlink(path))


def write_all(descriptor: int, text: bytes) -> int:
    """Write all of `text`, in as many calls as it takes; return its length."""
    written = 0
    while written < len(text):
        written += os.write(descriptor, text[written:])
    return written


def write_private(path: str, text: bytes) -> None:
    """Write a small record in place. A concurrent reader may see a part of it."""
    descriptor = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        restrict(descriptor, 0o600)
        write_all(descriptor, text)
    finally:
        os.close(descriptor)


def replace_private(path: str, text: bytes) -> None:
    """Write a whole file that only its owner can read, in one step: a reader sees the old text or the new.

    A symbolic link stays; the file behind it is replaced. An `OSError` names `path`.
    """
    target = os.path.realpath(path)
    temporary = f"{target}.{os.getpid()}.{threading.get_ident()}"
    try:
        write_private(temporary, text)
        replace(temporary, target)
    except OSError as error:
        error.filename, error.filename2 = path, None
        raise
    finally:
        remove(temporary)


def open_to_read(path: str) -> FileIO:
    """Open `path` to read, as `open_private` does. An object, because Ctrl-C may leave a bare descriptor open.

    On Windows a file that stays open can never be replaced.
    """
    return FileIO(path, opener=open_private)


def read_private(file: FileIO, limit: int) -> bytes:
    """Return the content of an open file, `limit` bytes at most."""
    parts: list[bytes] = []
    while limit > 0 and (part := file.read(min(limit, 65536))):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)


def loose_mode(status: os.stat_result) -> int:
    """Return the permission bits if users other than the owner have any, else 0. Always 0 on Windows."""
    mode = status.st_mode & 0o777
    return mode if mode & 0o077 and sys.platform != "win32" else 0


def restrict(descriptor: int, mode: int) -> None:
    """Set the permission bits of an open file, where there are any."""
    if sys.platform != "win32":
        os.fchmod(descriptor, mode)


def keep_owner(descriptor: int, path: str) -> None:
    """Give an open file the owner of `path`, if root rewrites it for another user."""
    if sys.platform != "win32":
        if os.geteuid() == 0 and os.path.exists(path):
            status = os.stat(path)
            os.fchown(descriptor, status.st_uid, status.st_gid)


def owner(path: str) -> str:
    """Return the name of the owner of `path`, for messages."""
    if sys.platform == "win32":
        return "another user"
    try:
        return Path(path).owner()
    except KeyError:
        return f"user {os.stat(path).st_uid}"
    except OSError:
        return "an unknown user"


def is_same_file(path: str, descriptor: int) -> bool:
    """Return True if `path` names the open file. Always True on Windows, where an open file keeps its name."""
    if sys.platform == "win32":
        return True
    held = os.fstat(descriptor)
    try:
        named = os.lstat(path)
    except FileNotFoundError:
        return False
    return (held.st_dev, held.st_ino) == (named.st_dev, named.st_ino)


def _flags(*names: str) -> int:
    flags = 0
    for name in names:
        flags |= getattr(os, name, 0)
    return flags


def _retried(action: Callable[[], None]) -> None:
    if sys.platform != "win32":
        return action()
    deadline = time.monotonic() + SHARING_WAIT
    while True:
        with suppress(PermissionError):
            return action()
        if time.monotonic() >= deadline:
            raise PermissionError(errno.EACCES, _HELD_OPEN)
        time.sleep(_RETRY_PAUSE)
