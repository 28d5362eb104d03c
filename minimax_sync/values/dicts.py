"""Messages and tools from dicts: OpenAI's shape, Anthropic's blocks, and our own.

Errors name the position. Parts of an unknown kind are kept unchanged. It must not know wires.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import RequestError
from .images import Image, image_of_block
from .messages import ChatMessage, OtherPart, Part, Reasoning, Role, Text, ToolCall
from .parts import part_from_dict, text_field
from .scalars import plain_scalar
from .shortened import shortened
from .tooldef import ToolDef

_MAPPING = (dict, Mapping)  # dict first: the check against the abstract class alone takes six times as long

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_PLAIN_ROLES: dict[str, Role] = {name: role for name, role in _ROLES.items() if role != "tool"}


def messages_from(sequence: Sequence[object]) -> tuple[tuple[ChatMessage, ...], bool]:
    """Read messages, dicts and strings. Return them, and whether all are dicts with only a role and a text."""
    messages: list[ChatMessage] = []
    are_plain = True
    for position, item in enumerate(sequence):
        if type(item) is dict and len(item) == 2:
            role, text = item.get("role"), item.get("content")
            if type(role) is str and type(text) is str and text and role in _PLAIN_ROLES:
                messages.append(ChatMessage(_PLAIN_ROLES[role], (Text(text),)))
                continue
        are_plain = False
        messages += _messages_of(item, f"messages[{position}]")
    return tuple(messages), are_plain


def _messages_of(item: object, where: str) -> list[ChatMessage]:
    if isinstance(item, ChatMessage):
        return [item]
    if isinstance(item, _MAPPING):
        return messages_from_dict(item, where)
    if isinstance(item, str):
        return [ChatMessage.user(item)]
    if isinstance(answered := getattr(item, "message", None), ChatMessage):  # a ChatResponse
        return [answered]
    if hasattr(item, "model_dump"):  # a message object of the openai or anthropic package
        return messages_from_dict(item.model_dump(), where)
    raise RequestError(f"{where} must be a ChatMessage or a dict, not {type(item).__name__}")


def messages_from_dict(source: Mapping[str, Any], where: str) -> list[ChatMessage]:
    """Read one dict; `where` names it in errors. The role "developer" counts as "system".

    Anthropic's user message with tool results becomes a message for each result, and one for its other parts.
    """
    given = source.get("role")
    if given is None and isinstance(answered := source.get("message"), _MAPPING):  # an answer or a choice of one
        return messages_from_dict(answered, f"{where}.message")
    role = _ROLES.get(given) if isinstance(given, str) else None
    if role is None:
        raise RequestError(f"{where}.role must be one of {', '.join(_ROLES)}, not {shortened(str(given))}")
    content = source.get("content")
    if role == "tool":
        return [_tool_message(source, content, where)]
    results: list[ChatMessage] = []
    parts: list[Part] = _reasoning(source, where)
    for part in _content(content, where):
        if isinstance(part, ChatMessage):
            results.append(part)
        else:
            parts.append(part)
    refusal = source.get("refusal")
    if isinstance(refusal, str) and refusal:
        parts.append(Text(refusal))
    for index, call in enumerate(_items(source, "tool_calls", where)):
        parts.append(call_from_dict(call, f"{where}.tool_calls[{index}]"))
    old_call = source.get("function_call")
    if isinstance(old_call, _MAPPING):
        name = text_field(old_call, "name", f"{where}.function_call")
        parts.append(call_from_dict({"id": _old_id(name), "function": old_call}, f"{where}.function_call"))
    return [*results, ChatMessage(role, tuple(parts))] if parts or not results else results


def _old_id(name: str) -> str:
    """Return the id that ties a `function_call` of old histories to its result, which has none."""
    return f"call_{name}"


def _tool_message(source: Mapping[str, Any], content: Any, where: str) -> ChatMessage:
    name = source.get("name")
    name = name if isinstance(name, str) else ""
    call_id = _old_id(name) if source.get("role") == "function" else text_field(source, "tool_call_id", where)
    parts = tuple(part for part in _content(content, where) if not isinstance(part, ChatMessage))
    return ChatMessage("tool", parts, call_id, name, source.get("is_error") is True)


def call_from_dict(source: Any, where: str) -> ToolCall:
    """Read a tool call in OpenAI's shape, {"id": ..., "function": {"name": ..., "arguments": ...}}."""
    function = source.get("function")
    if not isinstance(function, _MAPPING):
        raise RequestError(f"{where}.function must be a dict")
    return _call(text_field(source, "id", where), function, f"{where}.function")


def _call(call_id: str, source: Mapping[str, Any], where: str, field: str = "arguments") -> ToolCall:
    name, arguments = text_field(source, "name", where), source.get(field) or ""
    if isinstance(arguments, _MAPPING):
        return ToolCall(call_id, name, arguments)
    if not isinstance(arguments, str):
        raise RequestError(f"{where}.{field} must be JSON text or a dict, not {type(arguments).__name__}")
    return ToolCall(call_id, name, arguments_json=arguments)


_TOOL_FIELDS = ("type", "function", "name", "description", "parameters", "input_schema", "strict")


def tool_from_dict(source: Mapping[str, Any]) -> ToolDef:
    """Read a tool in OpenAI's shape, {"type": "function", "function": {...}}, or only the inner dict."""
    kind = source.get("type", "function")
    if kind not in ("function", "custom") or (kind == "custom" and "input_schema" not in source):
        raise RequestError(f"tools: the type must be 'function', not {shortened(str(kind))}")
    function = source.get("function", source)
    if not isinstance(function, _MAPPING):
        raise RequestError("tools: function must be a dict")
    parameters = function.get("parameters", function.get("input_schema")) or {}
    extra = {name: value for name, value in source.items() if name not in _TOOL_FIELDS}
    return ToolDef(text_field(function, "name", "tools"), str(function.get("description") or ""), parameters, extra)


def _content(content: object, where: str) -> list[Part | ChatMessage]:
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [Text(plain_scalar(content))]
    return [
        _part(item, f"{where}.content[{index}]")
        for index, item in enumerate(_items({"content": content}, "content", where))
    ]


def _part(item: Any, where: str) -> Part | ChatMessage:
    kind = item.get("type")
    if not isinstance(kind, str):
        raise RequestError(f'{where}.type must be a string, such as "text"')
    read = _PART_READERS.get(kind)
    return OtherPart(dict(item)) if read is None else read(item, where)


def _text_part(item: Any, where: str) -> Part:
    text = Text(text_field(item, "text", where))
    return OtherPart(dict(item)) if _has_more(item, "type", "text") else text


def _image_url(item: Any, where: str) -> Part:
    source = item.get("image_url")
    has_more = isinstance(source, _MAPPING) and _has_more(source, "url")
    url = text_field(source, "url", f"{where}.image_url") if isinstance(source, _MAPPING) else source
    if _is_foreign(url):
        return OtherPart(dict(item))
    image = _image(Image.from_url, where, url)
    if has_more or _has_more(item, "type", "image_url"):
        more = source if isinstance(source, _MAPPING) else {}
        return OtherPart({**item, "image_url": {**more, "url": image.full_url}})
    return image


def _image_block(item: Any, where: str) -> Part:
    """Read Anthropic's image block; one with another kind of source is kept unchanged."""
    source = item.get("source")
    kind = source.get("type") if isinstance(source, _MAPPING) else None
    if kind not in ("url", "base64") or _has_more(item, "type", "source"):
        return OtherPart(dict(item))
    if kind == "url":
        url = text_field(source, "url", f"{where}.source")
        return OtherPart(dict(item)) if _is_foreign(url) else _image(Image.from_url, where, url)
    media_type, data = (text_field(source, name, f"{where}.source") for name in ("media_type", "data"))
    return _image(image_of_block, where, media_type, data)


_LONGEST_SCHEME = 64


def _is_foreign(url: object) -> bool:
    """Return whether a URL has a scheme that an `Image` does not know, such as `s3`."""
    beginning = url[:_LONGEST_SCHEME] if isinstance(url, str) else ""
    return "://" in beginning and not beginning.lower().startswith(("http", "data:", "mm_file:"))


def _image(read: Callable[..., Image], where: str, *source: Any) -> Image:
    try:
        return read(*source)
    except RequestError as exc:
        raise RequestError(f"{where}: {exc}") from None


def _thinking_block(item: Any, where: str) -> Part:
    signature = item.get("signature")
    return Reasoning(text_field(item, "thinking", where), "thinking", signature if isinstance(signature, str) else "")


def _result_block(item: Any, where: str) -> ChatMessage:
    call_id = text_field(item, "tool_use_id", where)
    parts = tuple(part for part in _content(item.get("content"), where) if not isinstance(part, ChatMessage))
    return ChatMessage("tool", parts, call_id, "", item.get("is_error") is True)


_PART_READERS: dict[str, Any] = {
    "text": _text_part,
    "refusal": lambda item, where: Text(text_field(item, "refusal", where)),
    "image_url": _image_url,
    "image": _image_block,
    "thinking": _thinking_block,
    "redacted_thinking": lambda item, where: Reasoning(
        "", "redacted_thinking", extra={name: value for name, value in item.items() if name != "type"}
    ),
    "reasoning": part_from_dict,
    "tool_use": lambda item, where: _call(text_field(item, "id", where), item, where, "input"),
    "tool_call": part_from_dict,
    "tool_result": _result_block,
}


def _has_more(item: Mapping[str, Any], *known: str) -> bool:
    return any(value is not None for name, value in item.items() if name not in known)


_DETAIL_TEXTS = ("text", "summary")


def _reasoning(source: Mapping[str, Any], where: str) -> list[Part]:
    details = _items(source, "reasoning_details", where)
    if details:
        return list(map(_detail, details))
    for name in ("reasoning_content", "reasoning"):
        text = source.get(name)
        if isinstance(text, str) and text:
            return [Reasoning(text, name)]
    return []


def _detail(detail: Mapping[str, Any]) -> Reasoning:
    field = next((name for name in _DETAIL_TEXTS if isinstance(detail.get(name), str)), "")
    extra = {name: value for name, value in detail.items() if name != field}
    return Reasoning(detail.get(field, ""), "reasoning_details", extra=extra)


def _items(source: Mapping[str, Any], field: str, where: str) -> Sequence[Any]:
    value = source.get(field)
    if value is None:
        return ()
    if isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(item, _MAPPING) for item in value):
        return value
    raise RequestError(f"{where}.{field} must be a list of dicts")
