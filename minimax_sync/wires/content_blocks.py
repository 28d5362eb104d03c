"""The Anthropic wire's content blocks while they grow, and as parts of a message. It must not know events."""

from __future__ import annotations

from typing import Any

import msgspec

from ..values.json_text import UNREADABLE
from ..values.messages import OtherPart, Part, Reasoning, Text
from .decoding import parsed
from .growing_call import GrowingCall


class Block:
    """One growing content block.

    `initial` is text that its start already held, which the first delta may repeat. `thought` is a block in front of
    this one, for thinking that was found between tags in its text; that one `is_inline`. `raw` is the start of a block
    of another kind, such as that of a tool which the server runs; its input grows as `text`.
    """

    def __init__(self, index: int, kind: str, call: GrowingCall | None = None) -> None:
        self.index, self.kind, self.call = index, kind, call
        self.thought: Block | None = None
        self.is_inline = False
        self.text = bytearray()
        self.initial = self.signature = ""
        self.extra: dict[str, Any] = {}
        self.raw: dict[str, Any] | None = None

    def part(self) -> Part | None:
        """Return the block as a part; None while it is empty."""
        text = self.text.decode()
        if self.call is not None:
            return self.call.whole() if self.call.name else None
        if self.raw is not None:
            raw = {**self.raw, "input": _as_object(text)} if text else self.raw
            return OtherPart(raw) if raw else None
        if self.kind == "text":
            return Text(text) if text else None
        if self.kind == "redacted_thinking" or text or self.signature:
            return Reasoning(text, self.kind, self.signature, dict(self.extra))
        return None


def raw_block(source: bytes, index: int) -> dict[str, Any]:
    """Return the JSON of a block of an unknown kind, from the JSON of an event or a message."""
    event = parsed(msgspec.json.Decoder(dict[str, Any]).decode, source)
    found = event.get("content_block")
    for holder in (event, event.get("message")):
        content = holder.get("content") if isinstance(holder, dict) else None
        if isinstance(content, list) and index < len(content):
            found = content[index]
    return found if isinstance(found, dict) else {}


def _as_object(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except UNREADABLE:
        return {}
