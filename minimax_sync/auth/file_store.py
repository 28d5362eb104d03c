"""The bundle's file: read with care, and rewritten so that at every instant it holds one whole login.

The only module that knows the file's neighbours: `<bundle>.lock`, `<bundle>.intent` (a refresh under way),
`<bundle>.rescue` (a pair that could not be put in its place) and `.<bundle>.*.tmp`. Symlinks are resolved once per
operation and everything happens beside the real file. Knows no network and decides nothing about refreshing.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from pathlib import Path

from ..errors import BundleError, CallTimeoutError
from .bundle import Bundle, Snapshot, parse_snapshot
from .clock import Clock, SystemClock
from .file_access import open_private, read_private
from .file_lock import KernelLock
from .file_rewrite import Rewrite
from .intent import Intent, parse_intent
from .interfaces import LOCK_WAIT

_log = logging.getLogger("minimax_sync.auth")

_REREADS = (0.01, 0.03, 0.07, 0.13)  # seconds; an editor that writes in place is done after a quarter of one
_LONGEST = 1024 * 1024
_POLL = 0.02


class FileStore:
    """A bundle in a file. Thread-safe; every method is one operation on the file system."""

    def __init__(self, path: str | os.PathLike[str], clock: Clock | None = None) -> None:
        self.name = str(Path(path).absolute())
        self._clock = clock or SystemClock()
        self._broken: object = None
        self._warned = False

    def read(self) -> Snapshot | None:
        """Return the bundle, or None when there is no file.

        A file that is no bundle is read again for up to 250 ms, in case somebody is just writing it; then BundleError.
        """
        path = self._real()
        for wait in (*_REREADS, None):
            found, mark = self._read_once(path)
            if not isinstance(found, str):
                return found
            if wait is None or mark == self._broken:
                break
            self._clock.sleep(wait)
        self._broken = mark
        raise BundleError(
            f"cannot read the Token Plan bundle {self.name}: {found}. It is left as it is; "
            "restore it, or run minimax-sync login to replace it"
        )

    def modified_at(self) -> float | None:
        """Return when the file was last written, as Unix time; None when there is none."""
        try:
            return Path(self._real()).stat().st_mtime
        except OSError:
            return None

    def try_lock(self) -> KernelLock | None:
        """Take the lock, or return None while somebody else has it. BundleError when it cannot be locked at all."""
        return KernelLock.attempt(self._real() + ".lock")

    def intent(self, snapshot: Snapshot) -> Intent | None:
        """Return the note of a refresh of this very bundle that was begun and not finished. Needs the lock."""
        intent = self._intent(self._real())
        return intent if intent and intent.fingerprint == snapshot.bundle.fingerprint else None

    def recover(self, snapshot: Snapshot | None) -> Snapshot | None:
        """Put an answer that was received, but not put in place, in its place; needs the lock.

        That is the rescue file, or the temporary one of a writer that was killed just before the move. Returns the
        bundle as it is now. Leftovers of a bundle that has been replaced since are removed.
        """
        path = self._real()
        rescue = path + ".rescue"
        intent = self._intent(path)
        if snapshot and intent and intent.fingerprint == snapshot.bundle.fingerprint:
            temp = str(Path(path).with_name(intent.temp))
            for candidate in (rescue, temp):
                if isinstance(self._look(candidate), Snapshot):
                    self._put_in_place(candidate, path)
                    _log.warning("the Token Plan bundle %s was completed for %s", self.name, intent.describe())
                    return self.read()
            _remove(temp)  # its writer is gone: it would have the lock
        elif intent or Path(rescue).exists():
            _remove(rescue, path + ".intent")
        return snapshot

    def prepare(self, snapshot: Snapshot, intent: Intent | None = None) -> Rewrite:
        """Make all that storing a successor of `snapshot` needs; needs the lock. BundleError: it could not be stored.

        Leaves a note beside the bundle, unless `intent`, an earlier one, is there already.
        """
        rewrite = Rewrite(self._real(), self._look, snapshot, self._clock.time())
        if intent is None:
            rewrite.note()
        return rewrite

    def save(self, bundle: Bundle) -> None:
        """Store a new login over whatever is there, in a directory that is made, 0700, when it is missing."""
        path = self._real()
        try:
            Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise BundleError(f"cannot make the directory of {path}: {error.strerror}") from None
        with self._locked(), Rewrite(path, self._look, None, self._clock.time()) as rewrite:
            rewrite.commit(bundle)
            _remove(path + ".rescue", path + ".intent")

    def remove(self) -> bool:
        """Remove the bundle and what refreshes left beside it; False when there was none."""
        path = self._real()
        if not Path(path).exists():
            return False
        with self._locked():
            _remove(path, path + ".rescue", path + ".intent")
        return True

    def _locked(self) -> KernelLock:
        deadline = self._clock.monotonic() + LOCK_WAIT
        while (lock := self.try_lock()) is None:
            if self._clock.monotonic() >= deadline:
                raise CallTimeoutError(f"another process has held the lock of {self.name} for {LOCK_WAIT:.0f} s")
            self._clock.sleep(_POLL)
        return lock

    def _look(self, path: str) -> Snapshot | str | None:
        return self._read_once(path)[0]

    def _real(self) -> str:
        return os.path.realpath(self.name)

    def _read_once(self, path: str) -> tuple[Snapshot | str | None, object]:
        """Return what `path` holds, or a clause that says what is wrong, and a mark that a change of it changes."""
        try:
            descriptor = open_private(path, os.O_RDONLY)
        except FileNotFoundError:
            return None, None
        except OSError as error:
            loop = error.errno == errno.ELOOP
            return "its symlinks lead in a circle" if loop else f"{error.strerror}", error.errno
        try:
            status = os.fstat(descriptor)
            mark = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
            if not stat.S_ISREG(status.st_mode):
                return "it is not a regular file", mark
            self._tighten(descriptor, status)
            return parse_snapshot(read_private(descriptor, _LONGEST)), mark
        except OSError as error:
            return f"{error.strerror}", error.errno
        finally:
            os.close(descriptor)

    def _tighten(self, descriptor: int, status: os.stat_result) -> None:
        loose = stat.S_IMODE(status.st_mode) & 0o077
        if not loose or self._warned:
            return
        self._warned = True
        try:
            os.fchmod(descriptor, stat.S_IMODE(status.st_mode) & 0o700)
        except OSError:
            _log.warning("%s can be read by others (mode %04o)", self.name, stat.S_IMODE(status.st_mode))
        else:
            _log.warning("%s could be read by others (mode %04o); it is 0600 now", self.name, status.st_mode & 0o777)

    def _intent(self, path: str) -> Intent | None:
        try:
            descriptor = open_private(path + ".intent", os.O_RDONLY)
        except OSError:
            return None
        try:
            return parse_intent(read_private(descriptor, _LONGEST))
        except OSError:
            return None
        finally:
            os.close(descriptor)

    def _put_in_place(self, source: str, path: str) -> None:
        try:
            os.replace(source, path)
        except OSError as error:
            raise BundleError(f"cannot store the Token Plan bundle {self.name}: {error.strerror}") from None
        _remove(path + ".intent")


def _remove(*paths: str) -> None:
    for path in paths:
        try:
            Path(path).unlink(missing_ok=True)
        except OSError as error:
            raise BundleError(f"cannot remove {path}: {error.strerror}") from None
