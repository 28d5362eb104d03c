"""The preparation of a request for both wires: common fields, one system prompt, results in call order."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..errors import RequestError, ToolArgumentsError
from ..values.json_text import as_json
from ..values.messages import ChatMessage, OtherPart, Part, Text, ToolCall
from ..values.models import ModelCard, model_card
from ..values.request import ChatRequest
from .table import WIRES, Flavor

_log = logging.getLogger("minimax_sync.wires")

DEFAULT_MAX_TOKENS = 65_536
"""Sent when a request names no limit, because the service's own default, 10,240, cuts long answers. M2.x models write
131,072 at most (help.aliyun.com/zh/model-studio/minimax-api-by-minimax); this leaves room for a prompt of 139,000."""


def common_fields(request: ChatRequest, model: str, stream: bool, *, needs_limit: bool) -> dict[str, Any]:
    """Return a body with the fields that both wires have under one name; `model` is for a request that names none.

    Raises `RequestError` for thinking that the model does not offer.
    """
    name = request.model or model
    card = model_card(name)
    fields: dict[str, Any] = {"model": name}
    if request.max_tokens is not None:
        fields["max_tokens"] = request.max_tokens
    elif needs_limit:
        fields["max_tokens"] = DEFAULT_MAX_TOKENS
    if stream:
        fields["stream"] = True
    if request.temperature is not None:
        fields["temperature"] = (
            request.temperature if card is None else max(request.temperature, card.lowest_temperature)
        )
    if request.top_p is not None:
        fields["top_p"] = request.top_p
    if card is not None:
        _check_thinking(request, card)
    if request.thinking is not None if card is None else card.thinking == "switch":
        # M3 without it thinks on the OpenAI wire and does not on the other (anomalyco/opencode#38149)
        fields["thinking"] = {"type": "disabled" if request.thinking is False else "adaptive"}
    return fields


def _check_thinking(request: ChatRequest, card: ModelCard) -> None:
    depths = ", ".join(card.efforts)
    if request.thinking is False and card.thinking == "always":
        cure = f"; effort= sets how much: {depths}" if depths else ""
        raise RequestError(f"{card.name} does not support thinking=False: it always thinks{cure}")
    if request.effort is not None and request.effort not in card.efforts:
        if depths:
            raise RequestError(f"effort must be one of {depths} for {card.name}")
        cure = "; thinking= turns thinking on or off" if card.thinking == "switch" else ""
        raise RequestError(f"{card.name} does not support effort{cure}")


def with_extra_body(body: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body with the fields of `extra_body`; one that is None leaves the field out."""
    body.update(extra)
    for name, value in extra.items():
        if value is None:
            del body[name]
    return body


def system_prompt(request: ChatRequest) -> str | list[dict[str, Any]]:
    """Merge `system`, all system messages and the JSON instruction into the one prompt that MiniMax takes.

    More than one system message, or one that is not first, is refused with 2013 (MiniMax-AI/MiniMax-M2#51). It is a
    list of blocks where a part has fields besides its text, such as `cache_control`.
    """
    messages = [message for message in request.messages if message.role == "system"]
    if any(isinstance(part, OtherPart) for message in messages for part in message.parts):
        return _system_blocks(request, messages)
    texts = [request.system or "", *(message.text for message in messages), _json_instruction(request)]
    return "\n\n".join(text for text in texts if text.strip())


def _system_blocks(request: ChatRequest, messages: list[ChatMessage]) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    texts = [
        request.system or "",
        *(part for message in messages for part in message.parts),
        _json_instruction(request),
    ]
    for each in texts:
        if isinstance(each, OtherPart):
            blocks.append(dict(each.content))
        elif text := each.text if isinstance(each, Text) else each:
            blocks.append({"type": "text", "text": text})
    return blocks


def _json_instruction(request: ChatRequest) -> str:
    """Ask for JSON in words, because M2.5 ignores `response_format` (MiniMax-AI/MiniMax-M2.5#4)."""
    if request.schema is not None:
        schema = as_json(request.schema, "response_format").decode()
        return (
            "Answer with one JSON value that is valid under the JSON schema below, and with nothing else: no prose, "
            f"no code fence.\n{schema}"
        )
    if request.response_format == "json":
        return "Answer with one JSON object and with nothing else: no prose, no code fence."
    return ""


def turns(messages: Iterable[ChatMessage]) -> Iterator[tuple[ChatMessage, str, list[ChatMessage]]]:
    """Yield each message that is neither system nor tool nor empty: it, its plain text, and its tool results."""
    current: ChatMessage | None = None
    text = ""
    results: list[ChatMessage] = []
    for message in messages:
        role = message.role
        if role == "tool":
            results.append(message)
        elif role != "system" and ((plain := message.plain_text) or not message.is_empty):
            if current is not None:
                yield current, text, _in_call_order(current, results)
            current, text, results = message, plain, []
    if current is not None:
        yield current, text, _in_call_order(current, results)


def _in_call_order(message: ChatMessage, results: list[ChatMessage]) -> list[ChatMessage]:
    """Sort results, because M-series models match parallel ones by position (MiniMax-AI/MiniMax-M3#1)."""
    if len(results) < 2:
        return results
    order = {call.id: position for position, call in enumerate(message.tool_calls)}
    return sorted(results, key=lambda result: order[result.tool_call_id])


def sendable_arguments(call: ToolCall) -> dict[str, Any]:
    """Return a call's arguments; {} for those that are not a JSON object, because the service refuses them (2013)."""
    try:
        return call.arguments
    except ToolArgumentsError:
        return {}


def sendable_parts(message: ChatMessage) -> list[Part]:
    """Return the parts without text that the service refuses as a block: empty, or blank beside other parts."""
    parts = [part for part in message.parts if not isinstance(part, Text) or part.text]
    return [part for part in parts if not isinstance(part, Text) or part.text.strip()] or parts


def other_part(part: OtherPart, role: str, flavor: Flavor) -> Mapping[str, Any] | None:
    """Return the JSON of a part that this library does not know, if it has this wire's shape.

    Another wire's shape is an error in the user's messages; in the history of an answer it is left out, with a
    warning.
    """
    kind = str(part.content.get("type"))
    wire = next(row for row in WIRES.values() if re.fullmatch(row.part_types, kind, re.DOTALL))
    if kind == "text" or wire.flavor == flavor:
        return part.content
    if role == "assistant":
        _log.warning("a part of type %s of an answer is left out: it belongs to the %s wire", kind[:40], wire.title)
        return None
    raise RequestError(f"a message holds a part of type {kind[:40]!r}, which only the {wire.title} wire can carry")
