"""Token counts of both wires as `TokenUsage`. Invalid counts are 0. It must not know events or answers."""

from __future__ import annotations

from typing import Any

from ..values.usage import TokenUsage
from .decoding import count


def openai_usage(usage: Any) -> TokenUsage:
    if not isinstance(usage, dict):
        return TokenUsage()
    prompt, completion = count(usage.get("prompt_tokens")), count(usage.get("completion_tokens"))
    return TokenUsage(
        prompt,
        completion,
        count(usage.get("total_tokens")) or prompt + completion,
        count(_inside(usage, "completion_tokens_details", "reasoning_tokens")),
        count(_inside(usage, "prompt_tokens_details", "cached_tokens")),
        count(_inside(usage, "prompt_tokens_details", "cache_creation_tokens")),
    )


def _inside(usage: dict[str, Any], outer: str, inner: str) -> object:
    details = usage.get(outer)
    return details.get(inner) if isinstance(details, dict) else None


ANTHROPIC_COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
)


def anthropic_usage(merged: dict[str, int]) -> TokenUsage | None:
    """Count all input: `input_tokens` leaves the cached tokens out; `prompt_tokens`, as gateways send, does not."""
    read, written = merged["cache_read_input_tokens"], merged["cache_creation_input_tokens"]
    prompt = merged["prompt_tokens"] or merged["input_tokens"] + read + written
    completion = merged["output_tokens"] or merged["completion_tokens"]
    if not prompt and not completion:
        return None
    return TokenUsage(prompt, completion, prompt + completion, merged["reasoning_tokens"], read, written)
