"""Windows simulated on Linux, for the package alone: what Python lacks there, and what it does differently.

    PYTHONPATH=$PWD/tests/support/windows_site pytest -m "not posix" ...

The package's modules import an `os`, `sys`, `signal`, `socket` and `importlib` without the functions and constants that
Windows lacks, `import fcntl` and the like fail, and `sys.platform` is "win32". Their calls obey other rules: a
descriptor that was opened without O_BINARY is in text mode, a file that any process has open cannot be renamed,
replaced or removed, directories have no descriptors, and files no mode 0600. Tests and libraries keep the real system.

Not simulated: paths with drive letters and backslashes, LockFileEx, consoles, sharing modes of single handles.
"""

from __future__ import annotations

import builtins
import errno
import importlib
import os
import signal
import socket
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = "minimax_sync"

MISSING_MODULES = frozenset({"fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"})

_MISSING_IN_OS = """
    chown confstr ctermid environb fchmod fchown fdatasync fork forkpty fpathconf fstatvfs getegid geteuid getgid
    getgroups getloadavg getpgid getpgrp getpriority getresgid getresuid getsid getuid getxattr killpg lchown lockf
    mkfifo mknod nice openpty pathconf posix_fadvise posix_fallocate posix_spawn pread preadv pwrite pwritev readv
    register_at_fork sched_getaffinity sendfile set_blocking setegid seteuid setgid setgroups setpgid setpgrp setsid
    setuid statvfs sync sysconf ttyname uname wait wait3 wait4 waitid writev
    O_ASYNC O_CLOEXEC O_DIRECTORY O_DSYNC O_NDELAY O_NOCTTY O_NOFOLLOW O_NONBLOCK O_PATH O_SYNC O_TMPFILE
"""
_MISSING_IN_SIGNAL = """
    SIGALRM SIGCHLD SIGCONT SIGHUP SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGTSTP SIGUSR1 SIGUSR2 SIGWINCH
    alarm pause pthread_kill pthread_sigmask setitimer siginterrupt sigwait
"""
_MISSING_IN_SOCKET = "AF_UNIX MSG_DONTWAIT MSG_NOSIGNAL SCM_RIGHTS SO_REUSEPORT"

O_BINARY = 1 << 30
_NEUTRAL = frozenset({"pathlib", "pathlib._local", "pathlib._abc", "shutil", "tempfile", "contextlib", __name__})
_real_import = builtins.__import__
_real = {
    name: getattr(os, name)
    for name in ("open", "close", "read", "write", "replace", "rename", "unlink", "remove", "chmod", "mkdir")
}
_text_mode: set[int] = set()
_installed = False


class Without(ModuleType):
    """A module as Windows has it: without some names, and with others changed."""

    def __init__(self, module: ModuleType, missing: str = "", **changed: object) -> None:
        super().__init__(module.__name__)
        self.__dict__.update(changed)
        self.__dict__["_module"], self.__dict__["_missing"] = module, frozenset(missing.split())

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__["_missing"]:
            raise AttributeError(f"Windows has no {self.__name__}.{name}")
        return getattr(self.__dict__["_module"], name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.__dict__["_module"], name, value)

    def __dir__(self) -> list[str]:
        return sorted(set(dir(self.__dict__["_module"])) - self.__dict__["_missing"])


def _import_module(name: str, package: str | None = None) -> ModuleType:
    if name in MISSING_MODULES:
        raise ModuleNotFoundError(f"Windows has no module {name!r}", name=name)
    return importlib.import_module(name, package)


MODULES: dict[str, ModuleType] = {
    "os": Without(os, _MISSING_IN_OS, name="nt", O_BINARY=O_BINARY),
    "sys": Without(sys, platform="win32"),
    "signal": Without(signal, _MISSING_IN_SIGNAL),
    "socket": Without(socket, _MISSING_IN_SOCKET),
    "importlib": Without(importlib, import_module=_import_module),
}


def install() -> None:
    """Apply the rules to the package, once per process and before it is imported."""
    global _installed
    if _installed:
        return
    assert PACKAGE not in sys.modules, "install the rules before the package is imported"
    _installed = True
    builtins.__import__ = _import  # type: ignore[assignment]
    socket.socket.sendmsg = property(_no_sendmsg)  # type: ignore[assignment, method-assign]
    for name, function in _RULES.items():
        setattr(os, name, _for_the_package(_real[name], function))


def installed() -> bool:
    """Return True if the rules apply in this process."""
    return _installed


def _import(
    name: str, globals: Any = None, locals: Any = None, fromlist: tuple[str, ...] | None = (), level: int = 0
) -> ModuleType:
    if level == 0 and globals and _is_ours(globals):
        root = name.partition(".")[0]
        if root in MISSING_MODULES:
            raise ModuleNotFoundError(f"Windows has no module {root!r}", name=root)
        if root in MODULES and (name == root or not fromlist):
            return MODULES[root]
    return _real_import(name, globals, locals, fromlist or (), level)


def _is_ours(scope: Any) -> bool:
    return str(scope.get("__name__", "")).partition(".")[0] == PACKAGE


def _no_sendmsg(_: socket.socket) -> object:
    raise AttributeError("Windows has no socket.sendmsg")


def _for_the_package(real: Callable[..., Any], ruled: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that applies the rule if the package calls it, directly or through pathlib."""

    def call(*arguments: Any, **options: Any) -> Any:
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_globals.get("__name__") in _NEUTRAL:
            frame = frame.f_back
        return (ruled if _is_ours(frame.f_globals) else real)(*arguments, **options)

    return call


def _open(path: Any, flags: int, mode: int = 0o777, **options: Any) -> int:
    if os.path.isdir(path):
        raise PermissionError(errno.EACCES, "Permission denied", path)
    is_new = not os.path.lexists(path)
    descriptor: int = _real["open"](path, flags & ~O_BINARY, 0o666, **options)
    if is_new:
        os.fchmod(descriptor, 0o666)
    (_text_mode.discard if flags & O_BINARY else _text_mode.add)(descriptor)
    return descriptor


def _close(descriptor: int) -> None:
    _text_mode.discard(descriptor)
    _real["close"](descriptor)


def _read(descriptor: int, count: int) -> bytes:
    data: bytes = _real["read"](descriptor, count)
    return data.partition(b"\x1a")[0].replace(b"\r\n", b"\n") if descriptor in _text_mode else data


def _write(descriptor: int, data: Any) -> int:
    if descriptor not in _text_mode:
        return int(_real["write"](descriptor, data))
    _real["write"](descriptor, bytes(data).replace(b"\n", b"\r\n"))
    return len(data)


def _replace(source: Any, target: Any, **options: Any) -> None:
    _refuse_if_open(source, target)
    _real["replace"](source, target, **options)


def _rename(source: Any, target: Any, **options: Any) -> None:
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, "Cannot create a file when that file already exists", target)
    _replace(source, target, **options)


def _unlink(path: Any, **options: Any) -> None:
    _refuse_if_open(path)
    _real["unlink"](path, **options)


def _chmod(path: Any, mode: int, **options: Any) -> None:
    bits = 0o777 if os.path.isdir(path) else 0o666
    _real["chmod"](path, bits if mode & stat.S_IWRITE else 0o444, **options)


def _mkdir(path: Any, mode: int = 0o777, **options: Any) -> None:
    _real["mkdir"](path, **options)
    _real["chmod"](path, 0o777)


_RULES: dict[str, Callable[..., Any]] = {
    "open": _open,
    "close": _close,
    "read": _read,
    "write": _write,
    "replace": _replace,
    "rename": _rename,
    "unlink": _unlink,
    "remove": _unlink,
    "chmod": _chmod,
    "mkdir": _mkdir,
}


def _refuse_if_open(*paths: Any) -> None:
    """Raise PermissionError, as Windows does, if any process has one of the files open."""
    wanted = {os.path.realpath(path) for path in paths if os.path.lexists(path)}
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            for file in _open_files(process):
                if file in wanted:
                    raise PermissionError(errno.EACCES, "The file is used by another process", file)


def _open_files(process: Path) -> list[str]:
    files = []
    with suppress(OSError), os.scandir(process / "fd") as entries:  # it may end, or be another user's
        for entry in entries:
            with suppress(OSError):
                files.append(os.readlink(entry.path))
    return files
