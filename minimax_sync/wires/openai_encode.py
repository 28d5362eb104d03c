"""The OpenAI wire: a request to the body of `chatcompletion_v2` and of the servers that are compatible with it."""

from __future__ import annotations

from typing import Any

import msgspec

from ..errors import ToolArgumentsError
from ..values.images import Image
from ..values.json_text import as_json
from ..values.messages import ChatMessage, Part, Reasoning, Text, ToolCall
from ..values.request import ChatRequest
from ..values.tooldef import ToolDef
from .inline_images import filled, gap
from .normalize import common_fields, spoken, system_prompt, turns


class _Said(msgspec.Struct, gc=False):
    """A message of text alone: made and written in half of a dict's time."""

    role: str
    content: str


def encode(request: ChatRequest, model: str, stream: bool, is_minimax: bool) -> bytes:
    """Write the JSON body of a checked request. Raises `RequestError` for values that JSON cannot hold."""
    body = common_fields(request, model, stream)
    body["messages"] = _messages(request, is_minimax)
    body["reasoning_split"] = True
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
    body.update(request.extra_body)
    return filled(as_json(body, "the request"), request.messages)


def _messages(request: ChatRequest, is_minimax: bool) -> list[_Said | dict[str, Any]]:
    written: list[_Said | dict[str, Any]] = []
    system = system_prompt(request)
    if system:
        written.append(_Said("system", system))
    if request.is_plain:
        return written + [_Said(each.role, each.text) for each in request.messages if each.role != "system"]
    for message, text, results in turns(request.messages):
        if text:
            written.append(_Said(message.role, text))
        elif message.role == "assistant":
            written.append(_assistant(message, is_minimax))
        else:
            written.append(_user(message))
        if results:
            written += map(_tool_result, results)
    return written


def _assistant(message: ChatMessage, is_minimax: bool) -> dict[str, Any]:
    """Write an answer as it came: think tags inside the content, other thinking as `reasoning_details`.

    MiniMax refuses `reasoning_content` (2013); other servers get it back under that name.
    """
    written: dict[str, Any] = {"role": "assistant"}
    details: list[dict[str, Any]] = []
    content = ""
    for part in message.parts:
        if isinstance(part, Text):
            content += part.text
        elif isinstance(part, Reasoning):
            if part.shape == "think_tag":
                content += f"<think>\n{part.text}\n</think>\n\n"
            elif part.shape == "reasoning_content" and not is_minimax:
                written["reasoning_content"] = written.get("reasoning_content", "") + part.text
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
        return {**part.extra, "text": part.text} if part.text else dict(part.extra)
    return {
        "type": "reasoning.text",
        "id": f"reasoning-text-{position + 1}",
        "format": "MiniMax-response-v1",
        "index": position,
        "text": part.text,
    }


def _user(message: ChatMessage) -> dict[str, Any]:
    parts = spoken(message)
    only = parts[0]
    if len(parts) == 1 and isinstance(only, Text):
        return {"role": "user", "content": only.text}
    return {"role": "user", "content": [_user_part(part) for part in parts]}


def _user_part(part: Part) -> Part | dict[str, Any]:
    if isinstance(part, Image):
        return {"type": "image_url", "image_url": {"url": part.url or gap(f"data:{part.media_type};base64,")}}
    return part


def _tool_result(message: ChatMessage) -> dict[str, Any]:
    written = {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.text}
    if message.name:
        written["name"] = message.name
    return written


def _call(call: ToolCall) -> dict[str, Any]:
    """Write a call; arguments that are not a JSON object go back as {}, since the service refuses them (2013)."""
    arguments = call.arguments_json
    try:
        arguments = arguments if call.arguments else "{}"
    except ToolArgumentsError:
        arguments = "{}"
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _tool(tool: ToolDef) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def _tool_choice(choice: str) -> object:
    if choice in ("auto", "none", "required"):
        return choice
    return {"type": "function", "function": {"name": choice}}


def _response_format(request: ChatRequest) -> dict[str, Any]:
    if request.schema is None:
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": request.schema, "strict": True}}
