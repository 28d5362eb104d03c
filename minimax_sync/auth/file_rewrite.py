"""One replacement of the bundle's file: every step that can fail is done before the token is spent, except the rename.

The refresh token is used up by the answer that brings its successor, so a replacement that cannot succeed must fail
before anything is sent. If the last step fails all the same, the pair is kept in a rescue file. Needs the lock; knows
no network.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..errors import BundleError
from .bundle import Bundle, Snapshot, parse_snapshot
from .file_access import (
    keep_owner,
    open_directory,
    open_private,
    remove,
    replace,
    restrict,
    sync_directory,
    sync_file,
    write_all,
    write_private,
)
from .intent import Intent

_log = logging.getLogger("minimax_sync.auth")

_RESERVED = 16 * 1024  # bytes; more than any bundle, so that a full disk is noticed before the token is spent
_STALE_AFTER = 600.0  # seconds

Parse = Callable[[str], "Snapshot | str | None"]


class Rewrite:
    """A temporary file beside the bundle (0600, its space reserved) and a descriptor of the directory.

    `parse` reads a path once. `seen` is the content to replace, None for a new login, which replaces any content.
    """

    def __init__(self, path: str, parse: Parse, seen: Snapshot | None, now: float) -> None:
        self._path, self._parse, self._seen, self._now = path, parse, seen, now
        self._version = _version(path)
        if seen is not None and (not isinstance(found := parse(path), Snapshot) or found.generation != seen.generation):
            self._version = None  # the file has already changed: compare its content before the rename
        self._temp = str(Path(path).with_name(f".{Path(path).name}.{secrets.token_hex(6)}.tmp"))
        self._has_intent = self._complete = False
        self.rescued = False
        """True if the pair could not be put in place and is in the rescue file."""
        self._file = self._directory = -1
        try:
            _remove_stale_temps(path, now)
            _check_replaceable(path, new=seen is None)
            self._directory = open_directory(str(Path(path).parent))
            self._file = self._create()
        except OSError as error:
            self.close()
            raise self._cannot_store(error) from None

    def write_intent(self, fingerprint: str) -> None:
        """Record that the refresh token of the bundle with this fingerprint is about to be sent."""
        intent = Intent(fingerprint, os.getpid(), self._now, Path(self._temp).name)
        try:
            write_private(self._path + ".intent", intent.to_json())
        except OSError as error:
            self.close()
            raise self._cannot_store(error) from None
        self._has_intent = True

    def discard_intent(self) -> None:
        """Remove the intent record, if there is one of this rewrite."""
        if self._has_intent:
            self._remove_records()

    def commit(self, bundle: Bundle) -> Snapshot | None:
        """Replace `seen` by `bundle`; one that could not be put in place is in the rescue file, if possible."""
        try:
            self._write(bundle)
            if self._seen is not None and _version(self._path) != self._version:
                found = self._parse(self._path)
                if isinstance(found, str):
                    raise OSError(0, found)
                if found is None or found.bundle.fingerprint != self._seen.bundle.fingerprint:
                    self._remove_records()
                    return found
                bundle = bundle.merged_into(found.bundle)
                self._write(bundle)
            self._close_file()
            replace(self._temp, self._path)
            sync_directory(self._directory)
        except OSError as error:
            self._rescue(bundle)
            raise self._cannot_store(error) from None
        self._remove_records()
        stored = parse_snapshot(bundle.to_json())
        assert isinstance(stored, Snapshot)
        return stored

    def close(self) -> None:
        """Close the descriptors, and remove the temporary file if it was not put in place."""
        self._close_file()
        if self._directory != -1:
            os.close(self._directory)
        self._directory = -1
        with suppress(OSError):
            remove(self._temp)

    def _create(self) -> int:
        probe = self._temp + "~"
        descriptor = open_private(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            try:
                restrict(descriptor, 0o600)
                keep_owner(descriptor, self._path)
                size = max(_RESERVED, 2 * (self._version[2] if self._version else 0))
                write_all(descriptor, bytes(size))
            finally:
                os.close(descriptor)
            replace(probe, self._temp)  # shows that the directory permits renames
        except OSError:
            with suppress(OSError):
                remove(probe)
            raise
        return open_private(self._temp, os.O_RDWR)

    def _close_file(self) -> None:
        if self._file != -1:
            os.close(self._file)
        self._file = -1

    def _write(self, bundle: Bundle) -> None:
        os.lseek(self._file, 0, os.SEEK_SET)
        os.ftruncate(self._file, write_all(self._file, bundle.to_json()))
        sync_file(self._file)
        self._complete = True

    def _rescue(self, bundle: Bundle) -> None:
        rescue = self._path + ".rescue"
        try:
            if self._complete:
                self._close_file()
                replace(self._temp, rescue)
            else:
                write_private(rescue, bundle.to_json())
        except OSError:
            with suppress(OSError):
                remove(rescue)
            _log.error("the new tokens of %s could not be stored anywhere; they are in memory only", self._path)
        else:
            self.rescued = True
            _log.error("the new tokens of %s could not be put in place; they are in %s", self._path, rescue)

    def _remove_records(self) -> None:
        for suffix in (".intent", ".rescue"):
            with suppress(OSError):  # one that stays is recognised as outdated by its fingerprint
                remove(self._path + suffix)

    def _cannot_store(self, error: OSError) -> BundleError:
        return BundleError(
            f"cannot store the Token Plan bundle {self._path}: {error.strerror}. Its directory must be writable: "
            "mount the directory, not the single file"
        )


def _version(path: str) -> tuple[int, int, int, int] | None:
    """Return a value that changes with the file, or None if there is none. Opens nothing: descriptors may run out."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _check_replaceable(path: str, *, new: bool) -> None:
    if _is_mount_point(path):
        raise OSError(0, "it is a separate mount point")
    if not new and not os.access(path, os.W_OK):
        raise OSError(0, "it is read-only")


def _is_mount_point(path: str) -> bool:
    """Return True if `path` itself is mounted, as by `docker -v file:file`: it can be read but not replaced."""
    try:
        mounts = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:
        return False
    escaped = "".join(f"\\{ord(char):03o}" if char in " \t\n\\" else char for char in path)
    return os.fsencode(escaped) in (line.split(b" ")[4] for line in mounts)


def _remove_stale_temps(path: str, now: float) -> None:
    """Remove the temporary files of killed writers. Recent files are kept: an intent record may refer to them."""
    prefix = f".{Path(path).name}."
    with os.scandir(Path(path).parent) as entries:
        for entry in entries:
            if entry.name.startswith(prefix) and entry.name.endswith((".tmp", ".tmp~")):
                try:
                    if now - entry.stat(follow_symlinks=False).st_mtime > _STALE_AFTER:
                        remove(entry.path)
                except OSError:
                    continue
