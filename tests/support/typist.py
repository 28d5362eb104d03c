"""A user at a keyboard: a program on a pseudo-terminal of its own, with Ctrl-C and Ctrl-D."""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from types import TracebackType

CTRL_C, CTRL_D = "\x03", "\x04"

_ON_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\-_])")


class Typist:
    """Runs `python -m minimax_sync ARGUMENTS` on a terminal of 100 columns; a context manager.

    `seen` is all that was shown so far, `plain` the same without escape sequences.
    """

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.seen = ""
        self._expected = 0
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _ON_TERMINAL, sys.executable, "-m", "minimax_sync", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm", "NO_COLOR": "1", **environment},
        )
        os.close(slave)

    @property
    def plain(self) -> str:
        return self.plain_after("")

    def plain_after(self, escape: str) -> str:
        """Return what was shown since `escape` was last sent, without escape sequences."""
        return _ESCAPES.sub("", self.seen.rpartition(escape)[2] if escape else self.seen).replace("\r", "")

    def types(self, text: str) -> None:
        os.write(self._master, text.encode())

    def expect(self, text: str, timeout: float = 15.0) -> str:
        """Wait until `text` is shown, after what was expected before; return what was shown up to it."""
        if not self._comes(text, timeout):
            raise AssertionError(f"{text!r} did not come; shown so far: {self.plain!r}")
        end = self.plain.index(text, self._expected) + len(text)
        shown, self._expected = self.plain[self._expected : end], end
        return shown

    def interrupts(self, until: str) -> None:
        """Press Ctrl-C, again when need be: CPython misses a signal that comes right before readline's select."""
        for _ in range(5):
            self.types(CTRL_C)
            if self._comes(until, 2.0):
                break
        self.expect(until)

    def end(self, timeout: float = 15.0) -> int:
        """Read to the end and return the exit status."""
        deadline = time.monotonic() + timeout
        while self._read(deadline):
            continue
        return self._process.wait(timeout)

    def _comes(self, text: str, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while text not in self.plain[self._expected :]:
            if not self._read(deadline):
                return False
        return True

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
        try:
            data = os.read(self._master, 65536) if ready else b""
        except OSError:  # Linux raises EIO when the other end is closed
            data = b""
        self.seen += data.decode("utf-8", "replace")
        return bool(data)

    def __enter__(self) -> Typist:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)
