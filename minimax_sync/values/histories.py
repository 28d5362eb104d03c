"""Stored histories: the JSON document that `Conversation.save`, `chat --continue` and the REPL's `/save` write.

Bytes in, values out; the callers read and write the files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from ..errors import LlmError, RequestError
from .messages import ChatMessage
from .usage import TokenUsage


class StoredHistory(msgspec.Struct, frozen=True):
    """A stored history; `usage` has the tokens of its turns, by the model that answered."""

    messages: tuple[ChatMessage, ...] = ()
    system: str | None = None
    usage: Mapping[str, TokenUsage] = msgspec.field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the history as plain JSON."""
        return {
            "system": self.system,
            "messages": [message.to_dict() for message in self.messages],
            "usage": {model: usage.to_dict() for model, usage in self.usage.items()},
        }

    def to_json(self) -> bytes:
        """Return the text of a file."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")


def history_from_json(text: bytes, name: str) -> StoredHistory:
    """Read the text of a file. Raises `RequestError`, naming the file, for anything that is not a history."""
    try:
        document = json.loads(text.decode("utf-8", "surrogatepass"))
        system, usage = document.get("system"), document.get("usage") or {}
        return StoredHistory(
            tuple(map(ChatMessage.from_dict, document["messages"])),
            system if isinstance(system, str) else None,
            {model: TokenUsage.from_dict(counts) for model, counts in usage.items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, LlmError) as error:
        problem = type(error).__name__
    raise RequestError(f"{name} does not hold a conversation ({problem})")
