"""What the command line keeps between its runs, readable by its user alone: the last conversation."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import LlmError, RequestError
from .terminal import complain, os_error_text

if TYPE_CHECKING:
    from ..values.messages import ChatMessage

_CONVERSATION = "conversation.json"


def state_directory() -> Path:
    """Return the directory for what is kept; it may not exist."""
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA") or Path("~/AppData/Local").expanduser()
    else:
        root = os.environ.get("XDG_STATE_HOME", "").strip() or Path("~/.local/state").expanduser()
    return Path(root) / "minimax-sync"


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, in one step."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)


def keep_conversation(messages: Sequence[ChatMessage]) -> None:
    """Keep a history for `chat --continue`. A place that cannot be written costs the history and a line on stderr."""
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
    document = {"messages": [message.to_dict() for message in messages]}
    return json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")


def read_history(path: Path) -> list[ChatMessage]:
    """Read a file with a history; raises OSError, and RequestError when it holds something else."""
    from ..values.messages import ChatMessage

    data = path.read_bytes()
    try:
        return list(map(ChatMessage.from_dict, json.loads(data.decode("utf-8", "surrogatepass"))["messages"]))
    except (ValueError, KeyError, TypeError, LlmError) as error:
        problem = type(error).__name__
    raise RequestError(f"{path} holds no conversation ({problem})")
