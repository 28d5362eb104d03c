"""One kernel lock on one file: at most one owner on the machine, released by the kernel when its owner dies.

Never a soft lock, never a guess by age or pid: a file that cannot be locked is an error. The file stays when the lock
is released, because after unlinking it two owners could lock two files of the same name.
"""

from __future__ import annotations

import errno
import os
import stat

from filelock import lock_descriptor, unlock_descriptor

from ..errors import BundleError
from ..net.forks import after_fork
from .file_access import is_same_file, open_private, owner

_ADVICE = {
    errno.EACCES: "it belongs to {owner}: remove it, or change its owner to the user who runs this program",
    errno.EPERM: "it belongs to {owner}: remove it, or change its owner to the user who runs this program",
    errno.ELOOP: "it is a symlink: remove it",
    errno.EISDIR: "it is a directory: remove it",
    errno.ENXIO: "it is not a regular file: remove it",
    errno.EROFS: "its file system is read-only: keep the bundle in a writable directory",
    errno.ENOENT: "its directory does not exist: run minimax-sync login",
}
_NO_LOCKS = "its file system has no kernel locks: keep the bundle on a local disk"


class KernelLock:
    """A held lock."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pid = os.getpid()

    @classmethod
    def attempt(cls, path: str) -> KernelLock | None:
        """Take the lock at `path`, creating the file. Return None if it is held elsewhere; never waits.

        Raises BundleError if it cannot be locked at all: the message names the path, its owner and the cure.
        """
        _paths.add(path)
        try:
            descriptor = open_private(path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise _cannot_lock(path, error) from None
        taken = False
        try:  # older versions of filelock unlink the file on release, so that another one may have its name by now
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _cannot_lock(path, OSError(errno.ENXIO, "not a regular file"))
            taken = lock_descriptor(descriptor, blocking=False) and is_same_file(path, descriptor)
        except OSError as error:
            raise BundleError(f"cannot lock {path}: {_NO_LOCKS} ({error.strerror})") from None
        finally:
            if not taken:
                os.close(descriptor)
        return cls(descriptor) if taken else None

    def release(self) -> None:
        """Release the lock. Has no effect in a forked child, which holds none.

        Unlocks explicitly: a child forked between open and lock may hold a copy of the descriptor.
        """
        if self._pid != os.getpid():
            return
        try:
            unlock_descriptor(self._descriptor)
        finally:
            os.close(self._descriptor)


def _cannot_lock(path: str, error: OSError) -> BundleError:
    number = errno.EISDIR if os.path.isdir(path) else error.errno or 0  # Windows refuses access to a directory
    advice = _ADVICE.get(number, error.strerror or "it cannot be opened").format(owner=owner(path))
    if number == errno.EACCES and not os.path.exists(path):
        advice = "its directory is not writable: keep the bundle in a writable directory"
    return BundleError(f"cannot lock {path}: {advice}")


# A lock belongs to the open file, so a forked child's copy of the descriptor would keep it after its owner was killed.
# The child finds copies by file, not by number: another thread may have been about to lock at the time of the fork.
_paths: set[str] = set()


def _close_copies() -> None:
    locks = {(status.st_dev, status.st_ino) for path in _paths if (status := _status(path)) is not None}
    for name in os.listdir("/dev/fd") if locks else ():
        status = _status(int(name))
        if status is not None and (status.st_dev, status.st_ino) in locks:
            os.close(int(name))


def _status(file: str | int) -> os.stat_result | None:
    try:
        return os.stat(file)
    except OSError:
        return None


after_fork("lock files", _close_copies)
