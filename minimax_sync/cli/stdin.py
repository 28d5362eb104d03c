"""The text that is piped into a command: when it is read, and how long to wait for it. Knows nothing of MiniMax."""

from __future__ import annotations

import os
import select
import stat
import sys
from contextlib import suppress
from queue import Empty, Queue
from threading import Thread

from ..errors import RequestError
from ..net.interrupts import WAIT_SLICE

PATIENCE = 3.0
"""Seconds within which the first byte of a pipe, or its end, must come when there is a prompt without it."""


def piped_text(patience: float | None) -> str | None:
    """Read stdin to its end and return its text; None when nothing came within `patience` seconds.

    `patience` None waits for as long as it takes. Raises RequestError when it is not UTF-8.
    """
    data = _data(patience)
    if data is None:
        return None
    try:
        return data.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        position = error.start
    raise RequestError(f"stdin is not text in UTF-8: byte {position} does not fit; --image sends images")


def _data(patience: float | None) -> bytes | None:
    if patience is None or _is_file():
        return sys.stdin.buffer.read()
    if sys.platform == "win32":
        return _read_in_thread(patience)
    ready, _, _ = select.select([sys.stdin], [], [], patience)
    return sys.stdin.buffer.read() if ready else None


def _is_file() -> bool:
    """Return whether stdin is a file, or a stand-in for one: both have all their bytes at once."""
    try:
        return stat.S_ISREG(os.fstat(sys.stdin.fileno()).st_mode)
    except OSError:
        return True


def _read_in_thread(patience: float) -> bytes | None:
    """Read in a thread, where a pipe cannot be selected: on Windows. The thread of a silent pipe is left behind."""
    chunks: Queue[bytes] = Queue()
    descriptor = sys.stdin.fileno()

    def read() -> None:
        chunk = b"?"
        while chunk:
            try:
                chunk = os.read(descriptor, 65536)
            except OSError:  # another part of the program has closed it
                chunk = b""
            chunks.put(chunk)

    Thread(target=read, name="minimax-stdin", daemon=True).start()
    try:
        chunk = chunks.get(timeout=patience)
    except Empty:
        return None
    data = bytearray(chunk)
    while chunk:
        with suppress(Empty):
            chunk = chunks.get(timeout=WAIT_SLICE)
            data += chunk
    return bytes(data)
