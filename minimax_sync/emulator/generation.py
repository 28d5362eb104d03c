"""Answers where none is scripted, and the token counts of all answers.

Pure and deterministic: the same prompt gives the same answer and the same usage. A token is four characters. Knows
prompts and answers; must not know wires.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .envelopes import dumps, invalid_params
from .journal import MEDIA_BLOCKS
from .samples import NoSample, Schema, sample
from .script import Answer, Call

CACHE_FLOOR = 512  # tokens of prompt from which on the service caches by itself
MEDIA_TOKENS = 256
PIECE = 12  # characters in a delta
ECHO = 400


@dataclass(frozen=True)
class Prompt:
    """What the model sees of a request, the same on both wires.

    `question` is the user's last text, `result` the last tool result if it is the last message, `forced` the tool that
    must be called ("" for none), `schemas` the parameters of the offered tools, `wanted` the schema of the JSON value
    to answer with (None for text). `cached` is the part of `tokens` that the service reads from its cache. `thoughts`
    is how many sentences the model thinks, 0 if thinking is off.
    """

    question: str
    result: str | None = None
    images: int = 0
    forced: str = ""
    schemas: Mapping[str, Any] = field(default_factory=dict)
    wanted: Schema | None = None
    tokens: int = 1
    cached: int = 0
    thoughts: int = 1


@dataclass(frozen=True)
class Usage:
    """Tokens of one answer; `output` includes `reasoning`, `input` includes `cached`."""

    input: int
    cached: int
    output: int
    reasoning: int


def default_answer(prompt: Prompt) -> Answer:
    """Answer from the prompt alone: a call of the forced tool, JSON that fits the schema, or the last text repeated."""
    if prompt.forced and prompt.result is None:
        call = Call(prompt.forced, _fitting(prompt.schemas[prompt.forced]))
        return Answer(reasoning=_think(prompt, f"I have to call {prompt.forced}."), calls=(call,))
    if prompt.wanted is not None:
        return Answer(_fitting(prompt.wanted), _think(prompt, "I have to answer with JSON."))
    if prompt.result is not None:
        reasoning = _think(prompt, "The result is there. I will pass it on.")
        return Answer(f"The tool answered: {prompt.result[:ECHO]}", reasoning)
    seen = f" I see {prompt.images} image{'s' * (prompt.images > 1)}." if prompt.images else ""
    question = prompt.question[:ECHO]
    return Answer(
        f'You said: "{question}".{seen}', _think(prompt, f'The user says "{question[:60]}". I will repeat it.')
    )


def _fitting(schema: Schema) -> str:
    """Return JSON text that fits a schema; an empty object for a schema that no value fits."""
    try:
        return dumps(sample(schema))
    except NoSample:
        return "{}"


def _think(prompt: Prompt, first: str) -> str:
    """Return as much thinking as the prompt's effort asks for."""
    checks = [f"I check this again, step {step}." for step in range(2, prompt.thoughts + 1)]
    return " ".join([first, *checks]) if prompt.thoughts else ""


def usage_of(prompt: Prompt, answer: Answer) -> Usage:
    """Count the tokens of an answer. The output is at least one token."""
    reasoning = text_tokens(answer.reasoning)
    calls = sum(text_tokens(call.name + call.arguments) for call in answer.calls)
    return Usage(prompt.tokens, prompt.cached, max(1, reasoning + text_tokens(answer.text) + calls), reasoning)


def text_tokens(text: str) -> int:
    """Count the tokens of `text`."""
    return (len(text) + 3) // 4


def count_tokens(value: Any) -> int:
    """Count the tokens of every string in a message or a list of tools. An image or video counts as `MEDIA_TOKENS`."""
    if isinstance(value, str):
        return text_tokens(value)
    if isinstance(value, list):
        return sum(map(count_tokens, value))
    if isinstance(value, dict):
        return MEDIA_TOKENS if value.get("type") in MEDIA_BLOCKS else sum(map(count_tokens, value.values()))
    return 0


def text_of(content: Any) -> str:
    """Join the text of a message's content, on either wire."""
    if isinstance(content, list):
        return "\n".join(block["text"] for block in content if block["type"] == "text")
    return content or ""


def measure(preamble: Any, messages: list[Any], context: int) -> tuple[int, int]:
    """Return a prompt's tokens and how many of them are cached: in a long prompt, all before the last message."""
    before = count_tokens(preamble) + count_tokens(messages[:-1])
    tokens = before + count_tokens(messages[-1])
    if tokens > context:
        invalid_params("context window exceeds limit")
    return tokens, before if tokens >= CACHE_FLOOR else 0


def pieces(text: str, size: int = PIECE) -> list[str]:
    """Cut `text` into deltas of at most `size` characters; at least two if possible, so that a fault can drop one."""
    size = min(size, (len(text) + 1) // 2) or 1
    return [text[start : start + size] for start in range(0, len(text), size)]
