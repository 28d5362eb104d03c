"""The state that the command line keeps between runs, readable only by its user: the last conversation."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .terminal import complain, os_error_text

if TYPE_CHECKING:
    from ..values.messages import ChatMessage

_CONVERSATION = "conversation.json"


def state_directory() -> Path:
    """Return the directory of the state; it may not exist."""
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA") or Path("~/AppData/Local").expanduser()
    else:
        root = os.environ.get("XDG_STATE_HOME", "").strip() or Path("~/.local/state").expanduser()
    return Path(root) / "minimax-sync"


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, in one step."""
    from ..auth.file_access import replace_private

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_private(str(path), data)


def keep_conversation(messages: Sequence[ChatMessage]) -> None:
    """Keep a history for `chat --continue`. If it cannot be written, print a line on stderr."""
    try:
        write_private(state_directory() / _CONVERSATION, history_as_json(messages))
    except OSError as error:
        complain(f"the conversation is not kept: {os_error_text(error)}")


def kept_conversation() -> list[ChatMessage]:
    """Return the history of the last conversation, empty when there is none."""
    try:
        return read_history(state_directory() / _CONVERSATION)
    except FileNotFoundError:
        return []


def history_as_json(messages: Sequence[ChatMessage]) -> bytes:
    """Return the text of a file with a history."""
    from ..values.histories import StoredHistory

    return StoredHistory(tuple(messages)).to_json()


def read_history(path: Path) -> list[ChatMessage]:
    """Read a file with a history; raises OSError, and RequestError when it holds something else."""
    from ..values.histories import history_from_json

    return list(history_from_json(path.read_bytes(), str(path)).messages)
