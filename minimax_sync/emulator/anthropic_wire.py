"""The Anthropic wire as MiniMax serves it: a checked body in, a prompt, a whole answer or a stream out.

The shapes are those of live captures: a ping after the start, a signature behind the thinking, `input_tokens` without
the cached ones, and a MiniMax model in the answer whatever name was asked for.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from .envelopes import Refusal, dumps, error_body, id_headers, json_reply, new_id
from .journal import count_images
from .generation import DEFAULT_MODEL, MODELS, Prompt, Usage, measure, pieces, usage_of
from .openai_wire import call_id, text_of
from .script import Answer, Call
from .server import SSE, Reply

STOP_REASONS = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens", "content_filter": "refusal"}


def read(body: dict[str, Any]) -> Prompt:
    """Read what the model sees from a body that has been checked."""
    messages = body["messages"]
    schemas = {tool["name"]: tool["input_schema"] for tool in body.get("tools") or []}
    choice = body.get("tool_choice") or {}
    forced = choice.get("name", "") if choice.get("type") == "tool" else ""
    if choice.get("type") == "any":
        forced = next(iter(schemas))
    last = messages[-1]["content"]
    results = [block for block in last if block["type"] == "tool_result"] if isinstance(last, list) else []
    asked = _last_asked(messages)
    tokens, cached = measure([body.get("system"), body.get("tools")], messages)
    return Prompt(
        said=text_of(asked),
        result=text_of(results[-1].get("content")) if results else None,
        images=count_images(asked),
        forced=forced,
        schemas=schemas,
        tokens=tokens,
        cached=cached,
    )


def _last_asked(messages: list[dict[str, Any]]) -> Any:
    """Find the content of the user's last message that holds more than tool results."""
    for message in reversed(messages):
        content = message["content"]
        is_results = isinstance(content, list) and all(block["type"] == "tool_result" for block in content)
        if message["role"] == "user" and not is_results:
            return content
    return ""


def reply(body: dict[str, Any], prompt: Prompt, answer: Answer) -> Reply:
    """Answer a request for a message, whole or as a stream, as the body asks for."""
    model = body["model"] if body["model"] in MODELS else DEFAULT_MODEL
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
    return json_reply(value, headers={**id_headers(answer_id), **answer.headers}, delay=answer.delay)


def _stream(model: str, answer: Answer, usage: Usage) -> Reply:
    answer_id = new_id()
    start = {"message": _message(answer_id, model, [], _usage(usage, 0)), "type": "message_start"}
    events = [_event("message_start", start), _event("ping", {"type": "ping"})]
    last_delta = len(events)
    for index, (block, deltas) in enumerate(_blocks(answer)):
        opened = {"type": "content_block_start", "index": index, "content_block": block}
        events.append(_event("content_block_start", opened))
        for delta in deltas:
            last_delta = len(events)
            changed = {"type": "content_block_delta", "index": index, "delta": delta}
            events.append(_event("content_block_delta", changed))
        events.append(_event("content_block_stop", {"type": "content_block_stop", "index": index}))
    stop = {"stop_reason": STOP_REASONS.get(answer.ending, answer.ending)}
    final = {"type": "message_delta", "delta": stop, "usage": _usage(usage, usage.output)}
    events += [_event("message_delta", final), _event("message_stop", {"type": "message_stop"})]
    headers = {**id_headers(answer_id), **answer.headers}
    return Reply(events, content_type=SSE, headers=headers, cut=last_delta, delay=answer.delay)


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
    for position, call in enumerate(answer.calls):
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(call.arguments)]
        blocks.append((_tool_use(call, position, {}), deltas))
    return blocks


def error_event(error: Refusal) -> bytes:
    """Build the event that ends a stream which failed on its way."""
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
    """Decode a call's arguments; malformed ones go out as the text they are."""
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments or {}


def _signature(thinking: str) -> str:
    return hashlib.sha256(thinking.encode("utf-8", "replace")).hexdigest()


def _usage(usage: Usage, output: int) -> dict[str, int]:
    """Count as this wire does: what was read from the cache stands apart from the rest of the input."""
    counts = {"input_tokens": usage.input - usage.cached, "output_tokens": output}
    if usage.cached:
        counts |= {"cache_creation_input_tokens": 0, "cache_read_input_tokens": usage.cached}
    return counts
