"""One rewrite of the bundle: everything that can fail is done before the token is spent, the rest is a rename.

The refresh token is used up by the answer that brings its successor, so a rewrite that cannot succeed must be known
before anything is sent. What fails all the same leaves the pair in a rescue file. Needs the lock; knows no network.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from ..errors import BundleError
from .bundle import Bundle, Snapshot, parse_snapshot
from .file_access import open_private, write_all, write_private
from .intent import Intent

_log = logging.getLogger("minimax_sync.auth")

_RESERVED = 16 * 1024  # bytes: more than any bundle, so that a full disk is found out before the token is spent
_LITTER_AGE = 600.0

Look = Callable[[str], "Snapshot | str | None"]


class Rewrite:
    """A temporary file beside the bundle (0600, its space reserved) and a handle on the directory.

    `look` reads a path once. `seen` is what is to be replaced, None for a new login that replaces anything.
    """

    def __init__(self, path: str, look: Look, seen: Snapshot | None, now: float) -> None:
        self._path, self._look, self._seen, self._now = path, look, seen, now
        self._mark = _mark(path)
        if seen is not None and (not isinstance(found := look(path), Snapshot) or found.generation != seen.generation):
            self._mark = None  # somebody was quicker: look closely before the move
        self._temp = str(Path(path).with_name(f".{Path(path).name}.{secrets.token_hex(6)}.tmp"))
        self._noted = self._complete = False
        self._file = self._directory = -1
        try:
            _sweep(path, now)
            _check_replaceable(path, new=seen is None)
            self._directory = open_private(str(Path(path).parent), os.O_RDONLY | os.O_DIRECTORY)
            self._file = self._create()
        except OSError as error:
            self.close()
            raise self._cannot(error) from None

    def note(self) -> None:
        """Leave the note that this bundle's refresh token is about to be sent."""
        if self._seen is None:
            return
        intent = Intent(self._seen.bundle.fingerprint, os.getpid(), self._now, Path(self._temp).name)
        try:
            write_private(self._path + ".intent", intent.to_json())
        except OSError as error:
            self.close()
            raise self._cannot(error) from None
        self._noted = True

    def discard_intent(self) -> None:
        """Remove the note again: nothing was spent."""
        if self._noted:
            self._clear_note()

    def commit(self, bundle: Bundle) -> Snapshot | None:
        """Put `bundle` in the place of what was seen and return what the store holds now.

        That is another login if somebody has put one there in the meantime, and None if somebody has removed the file:
        neither is overwritten. Raises BundleError when it could not be stored; then it is in the rescue file, if
        anywhere, and the note stays.
        """
        try:
            self._write(bundle)
            if self._seen is not None and _mark(self._path) != self._mark:
                found = self._look(self._path)
                if isinstance(found, str):
                    raise OSError(0, found)
                if found is None or found.bundle.fingerprint != self._seen.bundle.fingerprint:
                    self._clear_note()
                    return found
                bundle = bundle.merged_into(found.bundle)
                self._write(bundle)
            os.replace(self._temp, self._path)
            os.fsync(self._directory)
        except OSError as error:
            self._rescue(bundle)
            raise self._cannot(error) from None
        self._clear_note()
        stored = parse_snapshot(bundle.to_json())
        assert isinstance(stored, Snapshot)
        return stored

    def close(self) -> None:
        """Remove the temporary file, if it was not put in place, and close the descriptors."""
        for descriptor in {self._file, self._directory} - {-1}:
            os.close(descriptor)
        self._file = self._directory = -1
        with suppress(OSError):
            os.unlink(self._temp)

    def __enter__(self) -> Rewrite:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _create(self) -> int:
        probe = self._temp + "~"
        descriptor = open_private(probe, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try:
            os.fchmod(descriptor, 0o600)
            _keep_owner(descriptor, self._path)
            size = max(_RESERVED, 2 * (self._mark[2] if self._mark else 0))
            write_all(descriptor, bytes(size))
            os.replace(probe, self._temp)  # the directory lets us rename
        except OSError:
            os.close(descriptor)
            with suppress(OSError):
                os.unlink(probe)
            raise
        return descriptor

    def _write(self, bundle: Bundle) -> None:
        os.lseek(self._file, 0, os.SEEK_SET)
        os.ftruncate(self._file, write_all(self._file, bundle.to_json()))
        os.fsync(self._file)
        self._complete = True

    def _rescue(self, bundle: Bundle) -> None:
        rescue = self._path + ".rescue"
        try:
            if self._complete:
                os.replace(self._temp, rescue)
            else:
                write_private(rescue, bundle.to_json())
        except OSError:
            Path(rescue).unlink(missing_ok=True)
            _log.error("the new tokens of %s could be stored nowhere; they are in memory only", self._path)
        else:
            _log.error("the new tokens of %s could not be put in place; they are in %s", self._path, rescue)

    def _clear_note(self) -> None:
        for name in (".intent", ".rescue"):
            with suppress(OSError):  # left behind it is out of date, and known to be
                os.unlink(self._path + name)

    def _cannot(self, error: OSError) -> BundleError:
        return BundleError(
            f"cannot store the Token Plan bundle {self._path}: {error.strerror}. Its directory must be writable: "
            "mount the directory, not the single file"
        )


def _mark(path: str) -> tuple[int, int, int, int] | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _check_replaceable(path: str, *, new: bool) -> None:
    if _is_mount_point(path):
        raise OSError(0, "it is a mount point of its own")
    if not new and not os.access(path, os.W_OK):
        raise OSError(0, "it is read-only")


def _is_mount_point(path: str) -> bool:
    """Tell whether `path` is mounted by itself, as `docker -v file:file` does: it can be read but not replaced."""
    try:
        mounts = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:
        return False
    escaped = "".join(f"\\{ord(char):03o}" if char in " \t\n\\" else char for char in path)
    return os.fsencode(escaped) in (line.split(b" ")[4] for line in mounts)


def _keep_owner(descriptor: int, path: str) -> None:
    """Leave the file to its owner when root rewrites it for somebody."""
    if os.geteuid() == 0 and Path(path).exists():
        status = os.stat(path)
        os.fchown(descriptor, status.st_uid, status.st_gid)


def _sweep(path: str, now: float) -> None:
    """Remove what killed writers left. Younger files are left alone: their note may still be looked for."""
    prefix = f".{Path(path).name}."
    with os.scandir(Path(path).parent) as entries:
        for entry in entries:
            if entry.name.startswith(prefix) and entry.name.endswith((".tmp", ".tmp~")):
                try:
                    if now - entry.stat(follow_symlinks=False).st_mtime > _LITTER_AGE:
                        os.unlink(entry.path)
                except OSError:
                    continue
