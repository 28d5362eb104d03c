"""Files of the bundle's directory: opened private (0600), and never through a symlink."""

from __future__ import annotations

import os
import pwd
from pathlib import Path


def open_private(path: str, flags: int) -> int:
    """Open `path`, not following a symlink at its end; a new file gets the mode 0600 at most."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)


def write_all(descriptor: int, text: bytes) -> int:
    """Write all of `text`, in as many calls as it takes; return its length."""
    written = 0
    while written < len(text):
        written += os.write(descriptor, text[written:])
    return written


def write_private(path: str, text: bytes) -> None:
    """Write a small record in place. A concurrent reader may see half of it."""
    descriptor = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        os.fchmod(descriptor, 0o600)
        write_all(descriptor, text)
    finally:
        os.close(descriptor)


def read_private(descriptor: int, limit: int) -> bytes:
    """Return the content of an open file, `limit` bytes at most."""
    parts: list[bytes] = []
    while limit > 0 and (part := os.read(descriptor, min(limit, 65536))):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)


def owner(path: str) -> str:
    """Return the name of the owner of `path`, for messages."""
    try:
        uid = Path(path).lstat().st_uid
        return pwd.getpwuid(uid).pw_name
    except OSError:
        return "an unknown user"
    except KeyError:
        return f"user {uid}"
