"""A bundle in a file: `FileStore` reads it safely, and replaces it so that it holds one complete login at any instant.

The only module that knows the files beside it: `<bundle>.lock`, `<bundle>.intent` (a refresh in progress),
`<bundle>.rescue` (a pair that could not be put in place) and `.<bundle>.*.tmp`. Symlinks are resolved once per
operation, and everything happens beside the real file. Knows no network and decides nothing about refreshing.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from contextlib import closing
from pathlib import Path

from ..errors import BundleError
from .bundle import Bundle, Snapshot, parse_snapshot, unreadable
from .clock import Clock, SystemClock
from .file_access import loose_mode, open_to_read, read_private, remove, replace, restrict, write_private
from .file_lock import KernelLock
from .file_rewrite import Rewrite
from .intent import Intent, parse_intent
from .interfaces import locked

_log = logging.getLogger("minimax_sync.auth")

_REREADS = (0.01, 0.03, 0.07, 0.13)  # seconds; an editor that writes in place has finished after 0.25 s
_MAX_BYTES = 1024 * 1024


class FileStore:
    """A bundle in a file. Thread-safe; every method is one operation on the file system."""

    def __init__(self, path: str | os.PathLike[str], clock: Clock | None = None) -> None:
        self.name = str(Path(path).absolute())
        self._clock = clock or SystemClock()
        self._broken: object = None
        self._warned = False

    def read(self) -> Snapshot | None:
        """Return the bundle, or None if there is no file.

        A file that is not a valid bundle is read again for up to 250 ms, in case a program is writing it; then
        BundleError is raised.
        """
        path = self._real_path()
        for wait in (*_REREADS, None):
            found, version = self._read_once(path)
            if not isinstance(found, str):
                return found
            if wait is None or version == self._broken:
                break
            self._clock.sleep(wait)
        self._broken = version
        raise unreadable(self.name, str(found))

    def modified_at(self) -> float | None:
        """Return when the file was last written, as Unix time, or None if there is no file."""
        try:
            return Path(self._real_path()).stat().st_mtime
        except OSError:
            return None

    def try_lock(self) -> KernelLock | None:
        """Take the lock, or return None if it is held elsewhere. Raises BundleError if it cannot be locked at all."""
        return KernelLock.attempt(self._real_path() + ".lock")

    def intent(self, snapshot: Snapshot) -> Intent | None:
        """Return the record of an unfinished refresh of this very bundle. Needs the lock."""
        intent = self._read_intent(self._real_path())
        return intent if intent and intent.fingerprint == snapshot.bundle.fingerprint else None

    def recover(self, snapshot: Snapshot | None) -> Snapshot | None:
        """Store a received answer that its writer could not store, and return the resulting bundle.

        Such an answer is the rescue file, or the temporary file of a writer that was killed just before the move.
        Leftovers of a bundle that has been replaced since are removed. Needs the lock.
        """
        path = self._real_path()
        rescue = path + ".rescue"
        intent = self._read_intent(path)
        if snapshot and intent and intent.fingerprint == snapshot.bundle.fingerprint:
            temp = str(Path(path).with_name(intent.temp))
            for candidate in (rescue, temp):
                if isinstance(self._parse(candidate), Snapshot):
                    self._put_in_place(candidate, path)
                    _log.warning("the Token Plan bundle %s was completed for %s", self.name, intent.describe())
                    return self.read()
            _remove(temp)  # its writer has ended, otherwise it would hold the lock
        elif intent or os.path.exists(rescue):
            _remove(rescue, path + ".intent")
        return snapshot

    def prepare(self, snapshot: Snapshot, intent: Intent | None = None) -> Rewrite:
        """Prepare the replacement of `snapshot`. Needs the lock."""
        rewrite = Rewrite(self._real_path(), self._parse, snapshot, self._clock.time())
        if intent is None:
            rewrite.write_intent(snapshot.bundle.fingerprint)
        return rewrite

    def save(self, bundle: Bundle) -> None:
        """Store a new login over any earlier one. A missing directory is made, 0700; `secrets` is hidden from git."""
        path = self._regular_path("store")
        folder = Path(path).parent
        try:
            is_new = not folder.exists()
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if is_new and folder.name == "secrets":
                write_private(str(folder / ".gitignore"), b"*\n")
        except OSError as error:
            raise BundleError(f"cannot make the directory of {path}: {error.strerror}") from None
        with locked(self, self._clock), closing(Rewrite(path, self._parse, None, self._clock.time())) as rewrite:
            rewrite.commit(bundle)
            _remove(path + ".rescue", path + ".intent")

    def remove(self) -> bool:
        """Remove the bundle and the files that refreshes left beside it. Return False if there was none."""
        path = self._regular_path("remove")
        if not os.path.exists(path):
            return False
        with locked(self, self._clock):
            _remove(path, path + ".rescue", path + ".intent")
        return True

    def check_writable(self) -> None:
        """Raise BundleError if a login could not be stored. Creates nothing."""
        folder = Path(self._regular_path("store")).parent
        while not os.path.lexists(folder):
            folder = folder.parent
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise BundleError(f"cannot store the Token Plan bundle {self.name}: {folder} is not a writable directory")

    def _parse(self, path: str) -> Snapshot | str | None:
        return self._read_once(path)[0]

    def _real_path(self) -> str:
        return os.path.realpath(self.name)

    def _regular_path(self, act: str) -> str:
        """Return the real path. Raise BundleError for a directory or a device: neither may be replaced or removed."""
        path = self._real_path()
        if os.path.exists(path) and not os.path.isfile(path):
            raise BundleError(f"cannot {act} the Token Plan bundle {self.name}: it is not a regular file")
        return path

    def _read_once(self, path: str) -> tuple[Snapshot | str | None, object]:
        """Return the content of `path`, or a clause that names the problem, and a value that changes with the file."""
        try:
            with open_to_read(path) as file:
                status = os.fstat(file.fileno())
                version = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
                if not stat.S_ISREG(status.st_mode):
                    return "it is not a regular file", version
                self._restrict_mode(file.fileno(), status)
                return parse_snapshot(read_private(file, _MAX_BYTES)), version
        except FileNotFoundError:
            return None, None
        except OSError as error:
            is_loop = error.errno == errno.ELOOP
            return "its symlinks form a loop" if is_loop else f"{error.strerror}", error.errno

    def _restrict_mode(self, descriptor: int, status: os.stat_result) -> None:
        mode = loose_mode(status)
        if not mode or self._warned:
            return
        self._warned = True
        try:
            restrict(descriptor, mode & 0o700)
        except OSError:
            _log.warning("%s can be read by other users (mode %04o)", self.name, mode)
        else:
            _log.warning("%s could be read by other users (mode %04o); it is 0600 now", self.name, mode)

    def _read_intent(self, path: str) -> Intent | None:
        try:
            with open_to_read(path + ".intent") as file:
                return parse_intent(read_private(file, _MAX_BYTES))
        except OSError:
            return None

    def _put_in_place(self, source: str, path: str) -> None:
        try:
            replace(source, path)
        except OSError as error:
            raise BundleError(f"cannot store the Token Plan bundle {self.name}: {error.strerror}") from None
        _remove(path + ".intent")


def _remove(*paths: str) -> None:
    for path in paths:
        try:
            remove(path)
        except OSError as error:
            raise BundleError(f"cannot remove {path}: {error.strerror}") from None
