"""The OpenAI wire as MiniMax serves it: a checked body in, a prompt, a whole answer or a stream out.

The shapes are those of live captures: MiniMax's own fields beside OpenAI's, reasoning twice (`reasoning_content` and
`reasoning_details`) or as `<think>` in the text, a finish chunk that still carries text, usage behind it, no `[DONE]`.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from typing import Any

from .envelopes import ZERO_USAGE, Refusal, base_resp, dumps, envelope, id_headers, json_reply, new_id
from .journal import Received, count_images
from .generation import Prompt, Usage, measure, pieces, usage_of
from .script import Answer, Call
from .server import SSE, Reply

SPEAKER = {"role": "assistant", "name": "MiniMax AI", "audio_content": ""}
SENSITIVITY = {
    "input_sensitive": False,
    "output_sensitive": False,
    "input_sensitive_type": 0,
    "output_sensitive_type": 0,
    "output_sensitive_int": 0,
}
DONE = b"data: [DONE]\n\n"


def read(body: dict[str, Any]) -> Prompt:
    """Read what the model sees from a body that has been checked."""
    messages = body["messages"]
    tools = body.get("tools") or []
    schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in tools}
    choice = body.get("tool_choice")
    forced = choice["function"]["name"] if isinstance(choice, dict) else ""
    if choice == "required":
        forced = next(iter(schemas))
    last = messages[-1]
    asked = next((message for message in reversed(messages) if message["role"] == "user"), last)
    tokens, cached = measure(tools, messages)
    return Prompt(
        said=text_of(asked.get("content")),
        result=text_of(last["content"]) if last["role"] == "tool" else None,
        images=count_images(asked.get("content")),
        forced=forced,
        schemas=schemas,
        tokens=tokens,
        cached=cached,
    )


def text_of(content: Any) -> str:
    """Join the text of a message's content, on either wire."""
    if isinstance(content, list):
        return "\n".join(block["text"] for block in content if block["type"] == "text")
    return content or ""


def reply(body: dict[str, Any], prompt: Prompt, answer: Answer, *, warning: str, done: bool) -> Reply:
    """Answer a chat request, whole or as a stream, as the body asks for."""
    usage = _usage(usage_of(prompt, answer))
    if not body.get("reasoning_split") and answer.reasoning:
        answer = replace(answer, text=f"<think>\n{answer.reasoning}\n</think>\n\n{answer.text}", reasoning="")
    if not body.get("stream"):
        return _whole(body["model"], answer, usage, warning)
    include_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    return _stream(body["model"], answer, usage if include_usage else None, warning, done)


def _whole(model: str, answer: Answer, usage: dict[str, Any], warning: str) -> Reply:
    answer_id = new_id()
    message: dict[str, Any] = {"content": answer.text, **SPEAKER}
    if answer.reasoning:
        message |= _reasoning(answer.reasoning)
    if answer.calls:
        message["tool_calls"] = [_call(call, position) for position, call in enumerate(answer.calls)]
    value = {
        "id": answer_id,
        "choices": [{"finish_reason": answer.ending, "index": 0, "message": message}],
        "created": int(time.time()),
        "model": model,
        "object": "chat.completion",
        "usage": usage,
        **_sensitivity(answer),
        "base_resp": base_resp(0, warning),
    }
    return json_reply(value, headers={**id_headers(answer_id), **answer.headers}, delay=answer.delay)


def _stream(model: str, answer: Answer, usage: dict[str, Any] | None, warning: str, done: bool) -> Reply:
    answer_id = new_id()
    chunk: dict[str, Any] = {
        "id": answer_id,
        "choices": ["@"],
        "created": int(time.time()),
        "model": model,
        "object": "chat.completion.chunk",
        "usage": None,
        **_sensitivity(answer),
    }
    head, _, tail = dumps(chunk).partition('"@"')  # all chunks but the last differ in their choice only
    deltas = _deltas(answer)
    choices: list[dict[str, Any]] = [{"index": 0, "delta": delta} for delta in deltas[:-1]]
    choices.append({"finish_reason": answer.ending, "index": 0, "delta": deltas[-1]})
    events = [f"data: {head}{dumps(choice)}{tail}\n\n".encode("utf-8", "replace") for choice in choices]
    if usage is not None:
        events.append(_event(chunk | {"choices": [], "usage": usage, "base_resp": base_resp(0, warning)}))
    if done:
        events.append(DONE)
    headers = {**id_headers(answer_id), **answer.headers}
    return Reply(events, content_type=SSE, headers=headers, cut=len(deltas) - 1, delay=answer.delay)


def _deltas(answer: Answer) -> list[dict[str, Any]]:
    """Cut an answer into deltas. Calls take both real forms in turn: the first in fragments, the second whole."""
    deltas: list[dict[str, Any]] = [SPEAKER | _reasoning(piece) for piece in pieces(answer.reasoning)]
    deltas += [{"content": piece, **SPEAKER} for piece in pieces(answer.text)]
    for position, call in enumerate(answer.calls):
        if position % 2:
            deltas.append(SPEAKER | {"tool_calls": [_call(call, position)]})
            continue
        deltas.append(SPEAKER | {"tool_calls": [_call(replace(call, arguments=""), position)]})
        for piece in pieces(call.arguments):
            deltas.append({"tool_calls": [{"function": {"arguments": piece}, "index": position}]})
    return deltas or [{"content": "", **SPEAKER}]


def refusal(request: Received, error: Refusal) -> Reply:
    """Refuse a chat request: with the envelope, or where the status is 200 as MiniMax's native endpoint does."""
    if error.status != 200:
        return envelope(error)
    answer_id = new_id()
    value = failure(answer_id, error)
    if isinstance(request.body, dict) and request.body.get("stream"):
        return Reply([_event(value)], content_type=SSE, headers=id_headers(answer_id))
    return json_reply(value, headers=id_headers(answer_id))


def error_event(error: Refusal) -> bytes:
    """Build the chunk that ends a stream which failed on its way."""
    return _event(failure(new_id(), error))


def failure(answer_id: str, error: Refusal) -> dict[str, Any]:
    """Build the body of a 200 that is none: no choices, and the reason in `base_resp`."""
    status = base_resp(error.code or 0, error.message)
    value: dict[str, Any] = {"id": answer_id, "choices": None, "created": 0, "model": "", "object": ""}
    return {**value, "usage": ZERO_USAGE, "base_resp": status}


def _event(value: Any) -> bytes:
    return f"data: {dumps(value)}\n\n".encode("utf-8", "replace")


def _call(call: Call, position: int) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call_id(position), "type": "function", "function": function, "index": position}


def call_id(position: int) -> str:
    """Make a tool call's id like the service's."""
    return f"call_function_{secrets.token_hex(6)}_{position + 1}"


def _reasoning(text: str) -> dict[str, Any]:
    detail = {"type": "reasoning.text", "id": "reasoning-text-1", "format": "MiniMax-response-v1", "index": 0}
    return {"reasoning_content": text, "reasoning_details": [detail | {"text": text}]}


def _sensitivity(answer: Answer) -> dict[str, Any]:
    if answer.ending != "content_filter":
        return SENSITIVITY
    return SENSITIVITY | {"output_sensitive": True, "output_sensitive_type": 7}


def _usage(usage: Usage) -> dict[str, Any]:
    counts: dict[str, Any] = {
        "total_tokens": usage.input + usage.output,
        "total_characters": 0,
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
    if usage.cached:
        counts["prompt_tokens_details"] = {"cached_tokens": usage.cached}
    return counts
