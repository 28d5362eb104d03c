"""The Anthropic wire: a request to the body of `/v1/messages`, thinking blocks and signatures included."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ..values.images import Image
from ..values.json_text import as_json
from ..values.messages import ChatMessage, OtherPart, Part, Reasoning, Text, ToolCall
from ..values.models import model_card
from ..values.request import ChatRequest
from ..values.tooldef import ToolDef
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

_log = logging.getLogger("minimax_sync.wires")

_CHOICES = {"auto": {"type": "auto"}, "none": {"type": "none"}, "required": {"type": "any"}}
_CACHE = {"cache_control": {"type": "ephemeral"}}
_CACHED_TURNS = 2


def encode(request: ChatRequest, model: str, stream: bool, is_minimax: bool) -> bytes:
    """Write the JSON body of a checked request. Raises `RequestError` for values that JSON cannot hold."""
    body = common_fields(request, model, stream, needs_limit=True)
    images = InlineImages()
    turns = _turns(request, images)
    body["messages"] = turns
    system = system_prompt(request)
    if system:
        body["system"] = system
    if request.effort is not None:
        body["output_config"] = {"effort": request.effort}
    if request.stop:
        body["stop_sequences"] = request.stop
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        if request.tool_choice is not None:
            body["tool_choice"] = _CHOICES.get(request.tool_choice, {"type": "tool", "name": request.tool_choice})
    if request.cache:
        card = model_card(body["model"])
        if card is None or card.caching == "markers":
            _mark(body, turns)
    return images.filled(as_json(with_extra_body(body, request.extra_body), "the request"))


Blocks = tuple[Any, ...]


class _Turn(msgspec.Struct, gc=False):
    role: str
    content: Blocks


def _mark(body: dict[str, Any], turns: list[_Turn]) -> None:
    """Put cache markers after the tools, the system prompt and the last user turns; the limit is 4 in total."""
    if "tools" in body:
        body["tools"][-1] = {**body["tools"][-1], **_CACHE}
    system = body.get("system")
    if system:
        blocks = [{"type": "text", "text": system}] if isinstance(system, str) else system
        body["system"] = [*blocks[:-1], {**blocks[-1], **_CACHE}]
    for turn in [turn for turn in turns if turn.role == "user"][-_CACHED_TURNS:]:
        last = turn.content[-1]
        last = {"type": "text", "text": last.text} if isinstance(last, Text) else last
        turn.content = (*turn.content[:-1], {**last, **_CACHE})


def _turns(request: ChatRequest, images: InlineImages) -> list[_Turn]:
    """Write the turns; messages of one role in a row are one turn."""
    written: list[_Turn] = []
    last = ""
    for role, blocks in _written(request, images):
        if role == last:
            written[-1].content += blocks
        else:
            written.append(_Turn(role, blocks))
            last = role
    return written


def _written(request: ChatRequest, images: InlineImages) -> Iterator[tuple[str, Blocks]]:
    """Yield each message; the results of an answer's calls belong to the user, in front of the next text."""
    if request.is_plain:
        for each in request.messages:
            if each.role != "system" and not (each.role == "assistant" and each.plain_text.isspace()):
                yield each.role, each.parts
        return
    for message, text, results in turns(request.messages):
        if message.role == "assistant" and text.isspace():
            continue
        blocks = tuple(message.parts) if text else _blocks(message, images)
        if blocks:
            yield message.role, blocks
            if results:
                yield "user", tuple([_result(result, images) for result in results])


def _blocks(message: ChatMessage, images: InlineImages) -> Blocks:
    parts = [part for part in sendable_parts(message) if not _is_blank_thought(part)]
    blocks = (_block(part, message.role, images) for part in parts)
    return tuple([block for block in blocks if block is not None])


def _block(part: Part, role: str, images: InlineImages) -> Any:
    if isinstance(part, Text):
        return part
    if isinstance(part, Reasoning):
        return _thinking(part)
    if isinstance(part, ToolCall):
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": sendable_arguments(part)}
    if isinstance(part, OtherPart):
        if part.content.get("type") == "image_url":
            return _other_image(part, images)
        return other_part(part, role, "anthropic_messages")
    return {"type": "image", "source": _source(part, images)}


def _other_image(part: OtherPart, images: InlineImages) -> dict[str, Any]:
    """Write an image of OpenAI's shape that is no `Image`, because of its scheme or of fields such as `detail`."""
    source = part.content.get("image_url")
    url = str(source.get("url") if isinstance(source, Mapping) else source)
    if len(part.content) > 2 or (isinstance(source, Mapping) and len(source) > 1):
        _log.warning("fields of an image that this wire does not have, such as detail, are left out")
    image = Image.from_url(url) if url[:5].lower() == "data:" else Image(url=url)
    return {"type": "image", "source": _source(image, images)}


def _is_blank_thought(part: Part) -> bool:
    """Return whether a part is thinking that this wire has no shape for: another wire's encrypted details."""
    return isinstance(part, Reasoning) and not (part.text or part.signature or part.shape == "redacted_thinking")


def _thinking(part: Reasoning) -> dict[str, Any]:
    if part.shape == "redacted_thinking":
        return {"type": "redacted_thinking", **part.extra}
    written = {"type": "thinking", "thinking": part.text}
    if part.signature:
        written["signature"] = part.signature
    return written


def _source(image: Image, images: InlineImages) -> dict[str, Any]:
    if image.url:
        return {"type": "url", "url": image.url}
    return {"type": "base64", "media_type": image.media_type, "data": images.place(image)}


def _result(message: ChatMessage, images: InlineImages) -> dict[str, Any]:
    content: Any = message.text
    if message.images:
        content = _blocks(message, images)
    written: dict[str, Any] = {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": content}
    if message.is_error:
        written["is_error"] = True
    return written


def _tool(tool: ToolDef) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "input_schema": tool.parameters, **tool.extra}
