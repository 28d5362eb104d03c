"""The OpenAI wire as MiniMax serves it: from a checked body to a prompt, and from an answer to a body or a stream.

The shapes are those of live captures: MiniMax's own fields beside OpenAI's, reasoning twice (`reasoning_content` and
`reasoning_details`) or as `<think>` in the text, a finish chunk that contains text, usage after it, no `[DONE]`.
"""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from .envelopes import (
    ZERO_USAGE,
    Refusal,
    base_resp,
    call_id,
    dumps,
    envelope,
    id_headers,
    json_reply,
    new_id,
    stream_reply,
    whole_reply,
)
from .generation import PIECE, Prompt, Usage, measure, pieces, text_of, usage_of
from .journal import Received, count_images
from .models import Model
from .samples import schema_asked_for
from .script import Answer, Call, Split
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
PING = b": ping\n\n"


def read(body: dict[str, Any], model: Model) -> Prompt:
    """Read what the model sees from a checked body."""
    messages = body["messages"]
    tools = body.get("tools") or []
    schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in tools}
    choice = body.get("tool_choice")
    forced = choice["function"]["name"] if isinstance(choice, dict) else ""
    if choice == "required":
        forced = next(iter(schemas))
    last = messages[-1]
    asked = next((message for message in reversed(messages) if message["role"] == "user"), last)
    tokens, cached = measure(tools, messages, model.context)
    return Prompt(
        question=text_of(asked.get("content")),
        result=text_of(last["content"]) if last["role"] == "tool" else None,
        images=count_images(asked.get("content")),
        forced=forced,
        schemas=schemas,
        wanted=schema_asked_for(body.get("response_format"), text_of(_system(messages))),
        tokens=tokens,
        cached=cached,
        thoughts=model.thoughts("openai", body.get("thinking"), body.get("reasoning_effort")),
    )


def _system(messages: list[dict[str, Any]]) -> Any:
    return messages[0].get("content") if messages[0]["role"] == "system" else None


def reply(body: dict[str, Any], prompt: Prompt, answer: Answer, model: str, *, warning: str, done: bool) -> Reply:
    """Answer a chat request under the name of `model`, whole or as a stream, as the body asks for."""
    usage = _usage(usage_of(prompt, answer))
    if not body.get("reasoning_split") and answer.reasoning:
        answer = replace(answer, text=f"<think>\n{answer.reasoning}\n</think>\n\n{answer.text}", reasoning="")
    if not body.get("stream"):
        return _whole(model, answer, usage, warning)
    include_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    return _stream(model, answer, usage if include_usage else None, warning, done)


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
    return whole_reply(value, answer)


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
    events = answer.delivery.keep_alives(PING)
    events += [f"data: {head}{dumps(choice)}{tail}\n\n".encode("utf-8", "replace") for choice in choices]
    cut = len(events) - 1
    if usage is not None:
        events.append(_event(chunk | {"choices": [], "usage": usage, "base_resp": base_resp(0, warning)}))
    if done:
        events.append(DONE)
    return stream_reply(events, cut, answer_id, answer)


def _deltas(answer: Answer) -> list[dict[str, Any]]:
    """Cut an answer into deltas."""
    deltas: list[dict[str, Any]] = [SPEAKER | _reasoning(piece) for piece in pieces(answer.reasoning)]
    deltas += [{"content": piece, **SPEAKER} for piece in pieces(answer.text)]
    split = answer.delivery.split
    calls = [_call_deltas(call, position, split) for position, call in enumerate(answer.calls)]
    ordered = zip_longest(*calls) if split == "interleaved" else calls
    entries = [entry for group in ordered for entry in group if entry]
    deltas += [{**(SPEAKER if "id" in entry else {}), "tool_calls": [entry]} for entry in entries]
    return deltas or [{"content": "", **SPEAKER}]


def _call_deltas(call: Call, position: int, split: Split | None) -> list[dict[str, Any]]:
    """Cut one tool call. By default calls take both forms of the service in turn: fragments, then a whole call."""
    if split == "whole" or (split is None and position % 2):
        return [_call(call, position)]
    opened = _call(replace(call, arguments=""), position)
    parts = pieces(call.arguments, 1 if split == "characters" else PIECE)
    if split == "cumulative":
        parts = ["".join(parts[: count + 1]) for count in range(len(parts))]
    again = opened if split == "repeated" else {"index": position}
    name = {"name": call.name} if split == "repeated" else {}
    deltas = [opened, *({**again, "function": {**name, "arguments": part}} for part in parts)]
    if split == "one_index":
        return [{**delta, "index": 0} for delta in deltas]
    if split == "no_index":
        return [{field: value for field, value in delta.items() if field != "index"} for delta in deltas]
    return deltas


def refusal(request: Received, error: Refusal) -> Reply:
    """Refuse a chat request: with the envelope, or with a 200 as MiniMax's native endpoint does."""
    if error.status != 200:
        return envelope(error)
    answer_id = new_id()
    value = failure(answer_id, error)
    if isinstance(request.body, dict) and request.body.get("stream"):
        return Reply([_event(value)], content_type=SSE, headers=id_headers(answer_id))
    return json_reply(value, headers=id_headers(answer_id))


def error_event(error: Refusal) -> bytes:
    """Build the chunk that ends a failed stream."""
    return _event(failure(new_id(), error))


def failure(answer_id: str, error: Refusal) -> dict[str, Any]:
    """Build the body of a failure with HTTP 200: no choices, and the reason in `base_resp`."""
    status = base_resp(error.code or 0, error.message)
    value: dict[str, Any] = {"id": answer_id, "choices": None, "created": 0, "model": "", "object": ""}
    return {**value, "usage": ZERO_USAGE, "base_resp": status}


def _event(value: Any) -> bytes:
    return f"data: {dumps(value)}\n\n".encode("utf-8", "replace")


def _call(call: Call, position: int) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call_id(position), "type": "function", "function": function, "index": position}


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
