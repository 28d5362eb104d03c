"""The state that the command line keeps between runs, readable only by its user: the last conversation."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .terminal import complain, os_error_text

if TYPE_CHECKING:
    from ..client import MiniMaxClient
    from ..conversation import Conversation

_CONVERSATION = "conversation.json"


def state_directory() -> Path:
    """Return the directory of the state; it may not exist."""
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA") or Path("~/AppData/Local").expanduser()
    else:
        root = os.environ.get("XDG_STATE_HOME", "").strip() or Path("~/.local/state").expanduser()
    return Path(root) / "minimax-sync"


def keep_conversation(conversation: Conversation) -> None:
    """Keep a conversation for `chat --continue`. If it cannot be written, print a line on stderr."""
    path = state_directory() / _CONVERSATION
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        conversation.save(path)
    except OSError as error:
        complain(f"the conversation is not kept: {os_error_text(error)}")


def kept_conversation(client: MiniMaxClient, system: str | None) -> Conversation:
    """Return the last conversation, or a new one when there is none; `system` replaces its instruction."""
    from ..conversation import Conversation

    try:
        return Conversation.load(client, state_directory() / _CONVERSATION, system)
    except FileNotFoundError:
        return client.conversation(system)
