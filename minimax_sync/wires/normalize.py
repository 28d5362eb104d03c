"""What both wires do to a request before they write it: common fields, one system prompt, results in call order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..values.json_text import as_json
from ..values.messages import ChatMessage, Part, Text
from ..values.request import ChatRequest

DEFAULT_MAX_TOKENS = 65_536
"""Sent when a request names no limit, because the service's own default, 10,240, cuts long answers. M2.x models write
131,072 at most (help.aliyun.com/zh/model-studio/minimax-api-by-minimax); this leaves room for a prompt of 139,000."""

LOWEST_TEMPERATURE = 0.01
"""Sent for `temperature=0`, which the service refuses."""


def common_fields(request: ChatRequest, model: str, stream: bool) -> dict[str, Any]:
    """Begin a body with the fields that both wires have under one name; `model` is for a request that names none."""
    max_tokens = DEFAULT_MAX_TOKENS if request.max_tokens is None else request.max_tokens
    fields: dict[str, Any] = {"model": request.model or model, "max_tokens": max_tokens}
    if stream:
        fields["stream"] = True
    if request.temperature is not None:
        fields["temperature"] = max(request.temperature, LOWEST_TEMPERATURE)
    if request.top_p is not None:
        fields["top_p"] = request.top_p
    return fields


def system_prompt(request: ChatRequest) -> str:
    """Merge `system`, all system messages and the JSON instruction into the one prompt that MiniMax takes.

    More than one system message, or one that is not first, is refused with 2013 (MiniMax-AI/MiniMax-M2#51).
    """
    texts = [request.system or ""]
    texts += [message.text for message in request.messages if message.role == "system"]
    texts.append(_json_instruction(request))
    return "\n\n".join(text for text in texts if text.strip())


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
    """Sort results, since M-series models attribute parallel ones by position (MiniMax-AI/MiniMax-M3#1)."""
    if len(results) < 2:
        return results
    order = {call.id: position for position, call in enumerate(message.tool_calls)}
    return sorted(results, key=lambda result: order[result.tool_call_id])


def spoken(message: ChatMessage) -> list[Part]:
    """Return the parts without empty text, which the service refuses as a block."""
    return [part for part in message.parts if not isinstance(part, Text) or part.text]
