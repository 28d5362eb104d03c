"""Messages as plain JSON values and back, without loss: thinking with its shape and signature, calls, images.

Unlike the OpenAI-style dicts that a request takes, this is our own form, for histories that are stored.
"""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from ..errors import RequestError
from .images import Image
from .messages import ChatMessage, Part, Role, ToolCall

_STRUCTS = {kind.__name__: kind for kind in get_args(Part) if issubclass(kind, msgspec.Struct)}


class _Stored(msgspec.Struct):
    """A message with its parts as JSON values."""

    role: Role
    parts: list[dict[str, Any]]
    tool_call_id: str = ""
    name: str = ""
    is_error: bool = False


def message_to_json(message: ChatMessage) -> dict[str, Any]:
    """Return a message as JSON values; `message_from_json` makes an equal one of them."""
    parts = [_part_to_json(part) for part in message.parts]
    stored: dict[str, Any] = msgspec.to_builtins(
        _Stored(message.role, parts, message.tool_call_id, message.name, message.is_error)
    )
    return stored


def message_from_json(source: object) -> ChatMessage:
    """Return the message; raises RequestError when the value is not one."""
    try:
        stored = msgspec.convert(source, _Stored)
        parts = tuple(map(_part_from_json, stored.parts))
        return ChatMessage(stored.role, parts, stored.tool_call_id, stored.name, stored.is_error)
    except (KeyError, TypeError, ValueError, msgspec.MsgspecError) as error:
        problem = type(error).__name__
    raise RequestError(f"this is not a stored message ({problem})")


def _part_to_json(part: Part) -> dict[str, Any]:
    if isinstance(part, ToolCall):
        return {"type": "tool_call", "id": part.id, "name": part.name, "arguments_json": part.arguments_json}
    if isinstance(part, Image):
        source = {"url": part.url} if part.url else {"media_type": part.media_type, "base64": part.base64.decode()}
        return {"type": "image", **source}
    return {"type": type(part).__name__, **msgspec.to_builtins(msgspec.structs.asdict(part))}


def _part_from_json(source: dict[str, Any]) -> Part:
    fields = {name: value for name, value in source.items() if name != "type"}
    kind = source["type"]
    if kind == "tool_call":
        return ToolCall(fields["id"], fields["name"], arguments_json=fields["arguments_json"])
    if kind == "image":
        data = msgspec.convert(fields.get("base64", ""), bytes)
        return Image(fields.get("media_type", ""), data, fields.get("url", ""))
    part: Part = msgspec.convert(fields, _STRUCTS[kind])
    return part
