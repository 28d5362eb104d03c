"""Open files of the bundle's directory: private (0600), and never through a symlink."""

from __future__ import annotations

import os
import pwd
from pathlib import Path


def open_private(path: str, flags: int) -> int:
    """Open `path` without following a symlink at its end; a file that is created gets 0600 at most."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)


def write_all(descriptor: int, text: bytes) -> int:
    """Write all of `text`, however little the system takes at a time; return its length."""
    written = 0
    while written < len(text):
        written += os.write(descriptor, text[written:])
    return written


def write_private(path: str, text: bytes) -> None:
    """Write a small record in place; a reader must reckon with half of it."""
    descriptor = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        os.fchmod(descriptor, 0o600)
        write_all(descriptor, text)
    finally:
        os.close(descriptor)


def read_private(descriptor: int, limit: int) -> bytes:
    """Read an open file, `limit` bytes at most."""
    parts: list[bytes] = []
    while limit > 0 and (part := os.read(descriptor, min(limit, 65536))):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)


def owner(path: str) -> str:
    """Say who owns `path`, for messages."""
    try:
        uid = Path(path).lstat().st_uid
        return pwd.getpwuid(uid).pw_name
    except OSError:
        return "nobody we can see"
    except KeyError:
        return f"user {uid}"
