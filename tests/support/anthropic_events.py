"""Events of the Anthropic wire, as MiniMax sends them."""

from __future__ import annotations

from typing import Any

from support.replay import replay, stream_of

from minimax_sync.values.response import ChatResponse
from minimax_sync.wires.anthropic_decode import AnthropicAccumulator


def start(usage: Any = None, **fields: Any) -> dict[str, Any]:
    message = {"id": "06", "type": "message", "role": "assistant", "model": "MiniMax-M2.5", "content": [], **fields}
    return {"type": "message_start", "message": {**message, "usage": usage}}


def opened(index: Any, kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": {"type": kind, **fields}}


def grown(index: Any, **delta: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def stopped(index: Any) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def reason(stop_reason: Any = "end_turn", usage: Any = None) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": stop_reason}, "usage": usage}


STOP = {"type": "message_stop"}
COUNTED = {"input_tokens": 3, "output_tokens": 2}
HI = (opened(0, "text", text=""), grown(0, type="text_delta", text="Hi"), stopped(0))
END = (reason(usage=COUNTED), STOP)


def answer(*events: Any) -> ChatResponse:
    return replay(AnthropicAccumulator, stream_of(*events))
