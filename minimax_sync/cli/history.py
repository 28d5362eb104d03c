"""The input history of conversations: lines to be edited and recalled, and the file that keeps them, mode 0600."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .state import state_directory

if TYPE_CHECKING:
    from typing_extensions import Self

_LINES = 1000
_BLOCK = '"""'


class History:
    """Reads messages of one or more lines, with readline where Python has it. A context manager."""

    def __init__(self) -> None:
        self.path = state_directory() / "history"

    def read(self, prompt: str) -> str:
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

    def __enter__(self) -> Self:
        with suppress(ImportError, OSError):  # without them only the recall of lines is missing
            readline = _readline()
            readline.clear_history()
            readline.set_history_length(_LINES)
            readline.read_history_file(self.path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(ImportError, OSError):
            readline = _readline()
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600))
            self.path.chmod(0o600)
            readline.write_history_file(self.path)


def _readline() -> Any:
    """Import readline, which not every system has."""
    return import_module("readline")
