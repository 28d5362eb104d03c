"""The OpenAI wire: a request to the body of `chatcompletion_v2` and of the servers that are compatible with it."""

from __future__ import annotations

from typing import Any

import msgspec

from ..values.images import Image
from ..values.json_schema import is_strict
from ..values.json_text import as_json
from ..values.messages import ChatMessage, OtherPart, Part, Reasoning, Text, ToolCall
from ..values.request import ChatRequest
from ..values.tooldef import ToolDef
from .decoding import as_text
from .inline_images import InlineImages
from .normalize import (
    common_fields,
    other_part,
    sendable_arguments,
    sendable_parts,
    system_prompt,
    turns,
    with_extra_body,
)
from .openai_decode import DETAIL_TEXT

_OWN_NAMES = ("reasoning_content", "reasoning")
"""Fields for thinking that other servers use; MiniMax refuses them (2013) and gets `reasoning_details`."""


class _Plain(msgspec.Struct, gc=False):
    """A message with only text: created and encoded in half the time of a dict."""

    role: str
    content: str


Written = _Plain | dict[str, Any]


def encode(request: ChatRequest, model: str, stream: bool, is_minimax: bool) -> bytes:
    """Write the JSON body of a checked request. Raises `RequestError` for values that JSON cannot hold."""
    body = common_fields(request, model, stream, needs_limit=is_minimax)
    images = InlineImages()
    body["messages"] = _messages(request, is_minimax, images)
    if is_minimax:
        body["reasoning_split"] = True
    if request.effort is not None:
        body["reasoning_effort"] = request.effort
    if stream:
        body["stream_options"] = {"include_usage": True}
    if request.stop:
        body["stop"] = request.stop
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        if request.tool_choice is not None:
            body["tool_choice"] = _tool_choice(request.tool_choice)
    if request.response_format != "text":
        body["response_format"] = _response_format(request)
    return images.filled(as_json(with_extra_body(body, request.extra_body), "the request"))


def _messages(request: ChatRequest, is_minimax: bool, images: InlineImages) -> list[Written]:
    """Write the turns; texts of one role in a row are one message, since strict templates refuse two."""
    written: list[Written] = []
    system = system_prompt(request)
    if system:
        written.append(_Plain("system", system) if isinstance(system, str) else {"role": "system", "content": system})
    if request.is_plain:
        last = ""
        for each in request.messages:
            role, part = each.role, each.parts[0]
            if role == last:
                _append(written, role, each.text)
            elif role != "system" and isinstance(part, Text):
                written.append(_Plain(role, part.text))
                last = role
        return written
    for message, text, results in turns(request.messages):
        if text:
            _append(written, message.role, text)
        elif message.role == "assistant":
            answer = _assistant(message, is_minimax)
            if answer["content"] or len(answer) > 2:
                written.append(answer)
        else:
            written.append(_user(message, images))
        if results:
            written += map(_tool_result, results)
            shown = [image for result in results for image in result.images]
            if shown:
                written.append(_user(ChatMessage("user", tuple(shown)), images))
    return written


def _append(written: list[Written], role: str, text: str) -> None:
    last = written[-1] if written else None
    if last.__class__ is _Plain and last.role == role:
        text = f"{last.content}\n\n{text}"
        written.pop()
    written.append(_Plain(role, text))


def _assistant(message: ChatMessage, is_minimax: bool) -> dict[str, Any]:
    """Write an answer as it was received: think tags inside the content, other thinking in its original field."""
    written: dict[str, Any] = {"role": "assistant"}
    details: list[dict[str, Any]] = []
    content = ""
    for part in message.parts:
        if isinstance(part, Text):
            content += part.text
        elif isinstance(part, OtherPart):
            content += part.text
            if not part.text:
                other_part(part, "assistant", "openai_compat")
        elif isinstance(part, Reasoning):
            if part.shape == "think_tag":
                tag = part.extra.get("tag", "think")
                content += f"<{tag}>\n{part.text}\n</{tag}>\n\n"
            elif part.shape in _OWN_NAMES and not is_minimax:
                written[part.shape] = written.get(part.shape, "") + part.text
            elif part.text or (part.shape == "reasoning_details" and part.extra):
                details.append(_detail(part, len(details)))
    written["content"] = content
    if details:
        written["reasoning_details"] = details
    calls = [_call(part) for part in message.parts if isinstance(part, ToolCall)]
    if calls:
        written["tool_calls"] = calls
    return written


def _detail(part: Reasoning, position: int) -> dict[str, Any]:
    if part.shape == "reasoning_details":
        field = DETAIL_TEXT.get(as_text(part.extra.get("type")), "text")
        return {**part.extra, field: part.text} if part.text else dict(part.extra)
    return {
        "type": "reasoning.text",
        "id": f"reasoning-text-{position + 1}",
        "format": "MiniMax-response-v1",
        "index": position,
        "text": part.text,
    }


def _user(message: ChatMessage, images: InlineImages) -> dict[str, Any]:
    parts = sendable_parts(message)
    only = parts[0]
    if len(parts) == 1 and isinstance(only, Text):
        return {"role": "user", "content": only.text}
    return {"role": "user", "content": [_user_part(part, images) for part in parts]}


def _user_part(part: Part, images: InlineImages) -> Any:
    if isinstance(part, Image):
        return {
            "type": "image_url",
            "image_url": {"url": part.url or images.place(part, f"data:{part.media_type};base64,")},
        }
    return other_part(part, "user", "openai_compat") if isinstance(part, OtherPart) else part


def _tool_result(message: ChatMessage) -> dict[str, Any]:
    written = {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.text}
    if message.name:
        written["name"] = message.name
    return written


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = call.arguments_json if sendable_arguments(call) else "{}"
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _tool(tool: ToolDef) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function, **tool.extra}


def _tool_choice(choice: str) -> object:
    if choice in ("auto", "none", "required"):
        return choice
    return {"type": "function", "function": {"name": choice}}


def _response_format(request: ChatRequest) -> dict[str, Any]:
    if request.schema is None:
        return {"type": "json_object"}
    wrapped: dict[str, Any] = {"name": "answer", "schema": request.schema}
    if is_strict(request.schema):
        wrapped["strict"] = True
    return {"type": "json_schema", "json_schema": wrapped}
