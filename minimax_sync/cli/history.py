"""What is typed in conversations: messages of one or more lines, and the file that keeps them for recall, mode 0600."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

from .state import state_directory

_LINES = 1000
_BLOCK = '"""'


def read_message(prompt: str) -> str:
    r"""Read a message: a line, more of them while they end in a backslash, or a block in triple quotes.

    Raises EOFError at Ctrl-D and KeyboardInterrupt at Ctrl-C.
    """
    more = "." * (len(prompt) - 1) + " "
    text = input(prompt)
    if text.lstrip().startswith(_BLOCK):
        text = text.lstrip().removeprefix(_BLOCK)
        while not text.rstrip().endswith(_BLOCK):
            text += "\n" + input(more)
        return text.rstrip().removesuffix(_BLOCK).strip("\n")
    while text.endswith("\\"):
        text = text[:-1] + "\n" + input(more)
    return text


@contextmanager
def history() -> Iterator[None]:
    """Let lines be edited and recalled, also those of earlier conversations, where Python has readline."""
    path = state_directory() / "history"
    readline: Any = None
    with suppress(ImportError, OSError):  # without them only the recall of lines is missing
        readline = import_module("readline")
        readline.clear_history()
        readline.set_history_length(_LINES)
        readline.read_history_file(path)
    try:
        yield
    finally:
        with suppress(OSError):
            if readline is not None:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
                path.chmod(0o600)
                readline.write_history_file(path)
