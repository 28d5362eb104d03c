"""Events of the OpenAI wire, as MiniMax sends them."""

from __future__ import annotations

from typing import Any

from support.replay import replay, stream_of

from minimax_sync.values.response import ChatResponse
from minimax_sync.values.usage import TokenUsage
from minimax_sync.wires.openai_decode import OpenAIAccumulator

DETAIL = {"type": "reasoning.text", "id": "reasoning-text-1", "format": "MiniMax-response-v1", "index": 0}
USAGE = {"choices": [], "usage": {"total_tokens": 5, "prompt_tokens": 3, "completion_tokens": 2}}
DONE = "data: [DONE]\n\n"
COUNTED = TokenUsage(3, 2, 5)


def delta(content: Any = None, finish: Any = None, **fields: Any) -> dict[str, Any]:
    if content is not None:
        fields["content"] = content
    choice: dict[str, Any] = {"index": 0, "delta": fields}
    if finish is not None:
        choice["finish_reason"] = finish
    return {"id": "07", "model": "MiniMax-M2.5", "object": "chat.completion.chunk", "choices": [choice]}


def thought(text: str) -> dict[str, Any]:
    return delta("", reasoning_content=text, reasoning_details=[{**DETAIL, "text": text}])


def call(arguments: Any = None, **fields: Any) -> dict[str, Any]:
    function = {"name": fields.pop("name", None), "arguments": arguments}
    return delta(tool_calls=[{**fields, "function": {k: v for k, v in function.items() if v is not None}}])


def message(**fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **fields}}
    return {"id": "07", "object": "chat.completion", "choices": [choice]}


END = (delta("", finish="stop"), USAGE)


def answer(*events: Any) -> ChatResponse:
    return replay(OpenAIAccumulator, stream_of(*events))
