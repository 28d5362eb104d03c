"""The state that the command line keeps between runs, readable only by its user: the last conversation, and the lines
that were typed.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .terminal import complain, os_error_text

if TYPE_CHECKING:
    from ..client import MiniMaxClient
    from ..conversation import Conversation

_CONVERSATION = "conversation.json"
_LINES = 1000


def state_directory() -> Path:
    """Return the directory of the state; it may not exist. Raises FileNotFoundError if the user has no home."""
    is_windows = sys.platform == "win32"
    variable, default = ("LOCALAPPDATA", "~/AppData/Local") if is_windows else ("XDG_STATE_HOME", "~/.local/state")
    root = os.environ.get(variable, "").strip() or os.path.expanduser(default)
    if root == default:
        raise FileNotFoundError(errno.ENOENT, f"there is no home directory: set HOME or {variable}")
    return Path(root) / "minimax-sync"


def keep_conversation(conversation: Conversation) -> None:
    """Keep a conversation for `chat --continue`. If it cannot be written, print a line on stderr."""
    try:
        path = state_directory() / _CONVERSATION
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        conversation.save(path)
    except OSError as error:
        complain(f"the conversation could not be saved: {os_error_text(error)}")


def kept_conversation(client: MiniMaxClient, system: str | None) -> Conversation:
    """Return the last conversation, or a new one when there is none; `system` replaces its instruction."""
    from ..conversation import Conversation

    try:
        return Conversation.load(client, state_directory() / _CONVERSATION, system)
    except FileNotFoundError:
        return client.conversation(system)


@contextmanager
def typed_lines() -> Iterator[None]:
    """Let lines be edited and recalled, also those of earlier conversations, where Python has readline."""
    readline: Any = None
    with suppress(ImportError, OSError):  # without them only the recall of lines is missing
        readline = import_module("readline")
        readline.clear_history()
        readline.set_history_length(_LINES)
        readline.read_history_file(state_directory() / "history")
    try:
        yield
    finally:
        with suppress(OSError):
            if readline is not None:
                path = state_directory() / "history"
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
                path.chmod(0o600)
                readline.write_history_file(path)
