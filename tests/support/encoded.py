"""Requests as the wires write them, read back as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from minimax_sync.values.messages import ChatMessage
from minimax_sync.values.request import as_request
from minimax_sync.wires.wire import Wire

OPENAI, ANTHROPIC = Wire("openai_compat"), Wire("anthropic_messages")
BOTH = pytest.mark.parametrize("wire", [OPENAI, ANTHROPIC], ids=["openai", "anthropic"])
USER = ChatMessage.user("Hi")


def body(wire: Wire, input: object, *, stream: bool = False, **options: Any) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(wire.encode(as_request(input, options), "MiniMax-M2.5", stream))
    return written


def messages(wire: Wire, *input: Any, **options: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body(wire, list(input), **options)["messages"]
    return found
