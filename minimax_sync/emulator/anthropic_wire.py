"""The Anthropic wire as MiniMax serves it: from a checked body to a prompt, and from an answer to a body or a stream.

The shapes are those of live captures: a ping after the start, a signature after the thinking, `input_tokens` without
the cached tokens.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from .envelopes import Refusal, call_id, dumps, error_body, new_id, stream_reply, whole_reply
from .generation import PIECE, Prompt, Usage, measure, pieces, text_of, usage_of
from .journal import count_images
from .models import Model
from .samples import schema_asked_for
from .script import Answer, Call
from .server import Reply

PING = b'event: ping\ndata: {"type":"ping"}\n\n'
STOP_REASONS = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens", "content_filter": "refusal"}


def read(body: dict[str, Any], model: Model) -> Prompt:
    """Read what the model sees from a checked body."""
    messages = body["messages"]
    schemas = {tool["name"]: tool["input_schema"] for tool in body.get("tools") or []}
    choice = body.get("tool_choice") or {}
    forced = choice.get("name", "") if choice.get("type") == "tool" else ""
    if choice.get("type") == "any":
        forced = next(iter(schemas))
    last = messages[-1]["content"]
    results = [block for block in last if block["type"] == "tool_result"] if isinstance(last, list) else []
    asked = _last_asked(messages)
    tokens, cached = measure([body.get("system"), body.get("tools")], messages, model.context)
    return Prompt(
        question=text_of(asked),
        result=text_of(results[-1].get("content")) if results else None,
        images=count_images(asked),
        forced=forced,
        schemas=schemas,
        wanted=schema_asked_for(None, text_of(body.get("system"))),
        tokens=tokens,
        cached=cached,
        thoughts=model.thoughts("anthropic", body.get("thinking"), (body.get("output_config") or {}).get("effort")),
    )


def _last_asked(messages: list[dict[str, Any]]) -> Any:
    """Return the content of the user's last message that contains more than tool results."""
    for message in reversed(messages):
        content = message["content"]
        is_results = isinstance(content, list) and all(block["type"] == "tool_result" for block in content)
        if message["role"] == "user" and not is_results:
            return content
    return ""


def reply(body: dict[str, Any], prompt: Prompt, answer: Answer, model: str) -> Reply:
    """Answer a request under the name of `model`, whole or as a stream, as the body asks for."""
    usage = usage_of(prompt, answer)
    return _stream(model, answer, usage) if body.get("stream") else _whole(model, answer, usage)


def _whole(model: str, answer: Answer, usage: Usage) -> Reply:
    answer_id = new_id()
    content: list[dict[str, Any]] = []
    if answer.reasoning:
        signature = _signature(answer.reasoning)
        content.append({"type": "thinking", "thinking": answer.reasoning, "signature": signature})
    if answer.text:
        content.append({"type": "text", "text": answer.text})
    for position, call in enumerate(answer.calls):
        content.append(_tool_use(call, position, _input(call.arguments)))
    value = _message(answer_id, model, content, _usage(usage, usage.output))
    value["stop_reason"] = STOP_REASONS.get(answer.ending, answer.ending)
    return whole_reply(value, answer)


def _stream(model: str, answer: Answer, usage: Usage) -> Reply:
    answer_id = new_id()
    start = {"message": _message(answer_id, model, [], _usage(usage, 0)), "type": "message_start"}
    events: list[bytes | float] = [_event("message_start", start), PING, *answer.delivery.keep_alives(PING)]
    cut = len(events)
    for event in _content_events(answer):
        if event["type"] == "content_block_delta":
            cut = len(events)
        events.append(_event(event["type"], event))
    stop = {"stop_reason": STOP_REASONS.get(answer.ending, answer.ending)}
    final = {"type": "message_delta", "delta": stop, "usage": _usage(usage, usage.output)}
    events += [_event("message_delta", final), _event("message_stop", {"type": "message_stop"})]
    return stream_reply(events, cut, answer_id, answer)


def _content_events(answer: Answer) -> Iterator[dict[str, Any]]:
    """Yield the events of all blocks: one block after the other, or with interleaved calls those in turn."""
    blocks = [
        [
            {"type": "content_block_start", "index": index, "content_block": block},
            *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
            {"type": "content_block_stop", "index": index},
        ]
        for index, (block, deltas) in enumerate(_blocks(answer))
    ]
    in_turn = len(answer.calls) if answer.delivery.split == "interleaved" else 0
    alone = len(blocks) - in_turn
    for events in blocks[:alone]:
        yield from events
    for group in zip_longest(*blocks[alone:]):
        yield from (event for event in group if event)


def _blocks(answer: Answer) -> list[tuple[dict[str, Any], list[dict[str, str]]]]:
    """Cut an answer into blocks as they open, each with its deltas."""
    blocks: list[tuple[dict[str, Any], list[dict[str, str]]]] = []
    if answer.reasoning:
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(answer.reasoning)]
        deltas.append({"type": "signature_delta", "signature": _signature(answer.reasoning)})
        blocks.append(({"type": "thinking", "thinking": ""}, deltas))
    if answer.text:
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces(answer.text)]
        blocks.append(({"type": "text", "text": ""}, deltas))
    split = answer.delivery.split
    for position, call in enumerate(answer.calls):
        if split == "whole":
            blocks.append((_tool_use(call, position, _input(call.arguments)), []))
            continue
        parts = pieces(call.arguments, 1 if split == "characters" else PIECE)
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in parts]
        blocks.append((_tool_use(call, position, {}), deltas))
    return blocks


def error_event(error: Refusal) -> bytes:
    """Build the event that ends a failed stream."""
    return _event("error", error_body(error, error.status, new_id()))


def _event(name: str, value: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {dumps(value)}\n\n".encode("utf-8", "replace")


def _message(answer_id: str, model: str, content: list[dict[str, Any]], usage: dict[str, int]) -> dict[str, Any]:
    message: dict[str, Any] = {"content": content, "id": answer_id, "model": model, "role": "assistant"}
    message |= {"stop_reason": None, "stop_sequence": None, "type": "message", "usage": usage}
    if "cache_read_input_tokens" in usage:
        message["service_tier"] = "standard"
    return message


def _tool_use(call: Call, position: int, value: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id(position), "name": call.name, "input": value}


def _input(arguments: str) -> Any:
    """Decode a call's arguments; malformed ones are sent as text."""
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments or {}


def _signature(thinking: str) -> str:
    return hashlib.sha256(thinking.encode("utf-8", "replace")).hexdigest()


def _usage(usage: Usage, output: int) -> dict[str, int]:
    """Count as this wire does: the tokens read from the cache are not part of `input_tokens`."""
    counts = {"input_tokens": usage.input - usage.cached, "output_tokens": output}
    if usage.cached:
        counts |= {"cache_creation_input_tokens": 0, "cache_read_input_tokens": usage.cached}
    return counts
