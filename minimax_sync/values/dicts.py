"""Messages and tools from OpenAI-style dicts, which most programs have at hand; errors name the place in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import RequestError
from .images import Image
from .messages import ChatMessage, Part, Reasoning, Role, Text, ToolCall
from .scalars import plain_scalar
from .shortened import shortened
from .tooldef import ToolDef

_MAPPING = (dict, Mapping)  # a dict is known at once: by the abstract class alone it takes six times as long

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}


_PLAIN_ROLES: dict[str, Role] = {name: role for name, role in _ROLES.items() if role != "tool"}


def messages_from(sequence: Sequence[object]) -> tuple[tuple[ChatMessage, ...], bool]:
    """Read messages, dicts and strings; return them, and whether all are dicts of a role and a text alone."""
    messages: list[ChatMessage] = []
    are_plain = True
    for item in sequence:
        if type(item) is dict and len(item) == 2:
            role, text = item.get("role"), item.get("content")
            if type(role) is str and type(text) is str and text and role in _PLAIN_ROLES:
                messages.append(ChatMessage(_PLAIN_ROLES[role], (Text(text),)))
                continue
        are_plain = False
        messages.append(_message_from(item, f"messages[{len(messages)}]"))
    return tuple(messages), are_plain


def _message_from(item: object, where: str) -> ChatMessage:
    if isinstance(item, ChatMessage):
        return item
    if isinstance(item, _MAPPING):
        return message_from_dict(item, where)
    if isinstance(item, str):
        return ChatMessage.user(item)
    raise RequestError(f"{where} must be a ChatMessage or a dict, not {type(item).__name__}")


def message_from_dict(source: Mapping[str, Any], where: str) -> ChatMessage:
    """Read one message; `where` names it in errors. The role "developer" is taken for "system"."""
    given = source.get("role")
    role = _ROLES.get(given) if isinstance(given, str) else None
    if role is None:
        raise RequestError(f"{where}.role must be one of {', '.join(_ROLES)}, not {shortened(str(given))}")
    content = source.get("content")
    parts: list[Part] = _content(content, where)
    if role == "tool":
        name = source.get("name")
        call_id = _text(source, "tool_call_id", where)
        return ChatMessage("tool", tuple(parts), call_id, name if isinstance(name, str) else "")
    parts = [*_reasoning(source, where), *parts]
    for index, call in enumerate(_items(source, "tool_calls", where)):
        parts.append(_call(call, f"{where}.tool_calls[{index}]"))
    return ChatMessage(role, tuple(parts))


def tool_from_dict(source: Mapping[str, Any]) -> ToolDef:
    """Read a tool in OpenAI's shape, {"type": "function", "function": {...}}, or its inner part alone."""
    kind = source.get("type", "function")
    if kind != "function":
        raise RequestError(f"tools: the type must be 'function', not {shortened(str(kind))}")
    function = source.get("function", source)
    if not isinstance(function, _MAPPING):
        raise RequestError("tools: function must be a dict")
    parameters = function.get("parameters", function.get("input_schema")) or {}
    return ToolDef(_text(function, "name", "tools"), str(function.get("description") or ""), parameters)


def _content(content: object, where: str) -> list[Part]:
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [Text(plain_scalar(content))]
    return [
        _part(item, f"{where}.content[{index}]")
        for index, item in enumerate(_items({"content": content}, "content", where))
    ]


def _part(item: Any, where: str) -> Part:
    kind = item.get("type")
    if kind == "text":
        return Text(_text(item, "text", where))
    if kind != "image_url":
        raise RequestError(f"{where}.type must be text or image_url, not {shortened(str(kind))}")
    source = item.get("image_url")
    try:
        return Image.from_url(_text(source, "url", "image_url") if isinstance(source, _MAPPING) else source)
    except RequestError as exc:
        raise RequestError(f"{where}: {exc}") from None


def _reasoning(source: Mapping[str, Any], where: str) -> list[Reasoning]:
    details = _items(source, "reasoning_details", where)
    if details:
        return [
            Reasoning(
                detail["text"] if isinstance(detail.get("text"), str) else "",
                "reasoning_details",
                extra={k: v for k, v in detail.items() if k != "text"},
            )
            for detail in details
        ]
    text = source.get("reasoning_content")
    return [Reasoning(text, "reasoning_content")] if isinstance(text, str) and text else []


def _call(source: Any, where: str) -> ToolCall:
    function = source.get("function")
    if not isinstance(function, _MAPPING):
        raise RequestError(f"{where}.function must be a dict")
    call_id, name = _text(source, "id", where), _text(function, "name", f"{where}.function")
    arguments = function.get("arguments") or ""
    if isinstance(arguments, _MAPPING):
        return ToolCall(call_id, name, arguments)
    if not isinstance(arguments, str):
        raise RequestError(f"{where}.function.arguments must be JSON text or a dict, not {type(arguments).__name__}")
    return ToolCall(call_id, name, arguments_json=arguments)


def _text(source: Mapping[str, Any], field: str, where: str) -> str:
    value = source.get(field)
    if not isinstance(value, str):
        raise RequestError(f"{where}.{field} must be a string")
    return str(plain_scalar(value))


def _items(source: Mapping[str, Any], field: str, where: str) -> Sequence[Any]:
    value = source.get(field)
    if value is None:
        return ()
    if isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(item, _MAPPING) for item in value):
        return value
    raise RequestError(f"{where}.{field} must be a list of dicts")
