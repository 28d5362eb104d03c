"""The Anthropic wire: a request to the body of `/v1/messages`, thinking blocks and signatures included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec

from ..errors import ToolArgumentsError
from ..values.images import Image
from ..values.json_text import as_json
from ..values.messages import ChatMessage, Part, Reasoning, Text, ToolCall
from ..values.request import ChatRequest
from ..values.tooldef import ToolDef
from .inline_images import filled, gap
from .normalize import common_fields, spoken, system_prompt, turns

_CHOICES = {"auto": {"type": "auto"}, "none": {"type": "none"}, "required": {"type": "any"}}


def encode(request: ChatRequest, model: str, stream: bool, is_minimax: bool) -> bytes:
    """Write the JSON body of a checked request. Raises `RequestError` for values that JSON cannot hold."""
    body = common_fields(request, model, stream)
    body["messages"] = _messages(request)
    system = system_prompt(request)
    if system:
        body["system"] = system
    if request.stop:
        body["stop_sequences"] = request.stop
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        if request.tool_choice is not None:
            body["tool_choice"] = _CHOICES.get(request.tool_choice, {"type": "tool", "name": request.tool_choice})
    body.update(request.extra_body)
    return filled(as_json(body, "the request"), request.messages)


Blocks: TypeAlias = "tuple[Any, ...]"


class _Turn(msgspec.Struct, gc=False):
    role: str
    content: Blocks


def _messages(request: ChatRequest) -> list[_Turn]:
    """Write the turns; what one role says in a row is one turn."""
    written: list[_Turn] = []
    last = ""
    for role, blocks in _written(request):
        if role == last:
            written[-1].content += blocks
        else:
            written.append(_Turn(role, blocks))
            last = role
    return written


def _written(request: ChatRequest) -> Iterator[tuple[str, Blocks]]:
    """Write each message; the results of an answer's calls are said by the user, with what that says next."""
    if request.is_plain:
        for each in request.messages:
            if each.role != "system":
                yield each.role, each.parts
        return
    for message, text, results in turns(request.messages):
        blocks = tuple(message.parts) if text else _blocks(message)
        if blocks:
            yield message.role, blocks
            if results:
                yield "user", tuple([_result(result) for result in results])


def _blocks(message: ChatMessage) -> Blocks:
    return tuple([_block(part) for part in spoken(message) if not _is_blank_thought(part)])


def _block(part: Part) -> Text | dict[str, Any]:
    if isinstance(part, Text):
        return part
    if isinstance(part, Reasoning):
        return _thinking(part)
    if isinstance(part, ToolCall):
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": _input(part)}
    return {"type": "image", "source": _source(part)}


def _is_blank_thought(part: Part) -> bool:
    """Tell thinking that this wire has no shape for: another wire's encrypted details."""
    return isinstance(part, Reasoning) and not (part.text or part.signature or part.shape == "redacted_thinking")


def _thinking(part: Reasoning) -> dict[str, Any]:
    if part.shape == "redacted_thinking":
        return {"type": "redacted_thinking", **part.extra}
    written = {"type": "thinking", "thinking": part.text}
    if part.signature:
        written["signature"] = part.signature
    return written


def _input(call: ToolCall) -> dict[str, Any]:
    try:
        return call.arguments
    except ToolArgumentsError:
        return {}


def _source(image: Image) -> dict[str, Any]:
    if image.url:
        return {"type": "url", "url": image.url}
    return {"type": "base64", "media_type": image.media_type, "data": gap()}


def _result(message: ChatMessage) -> dict[str, Any]:
    written: dict[str, Any] = {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message.text}
    if message.is_error:
        written["is_error"] = True
    return written


def _tool(tool: ToolDef) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
