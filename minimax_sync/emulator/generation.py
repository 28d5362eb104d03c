"""The model behind the emulator: what it says when nothing is scripted, and what that costs in tokens.

Pure and deterministic: the same prompt gives the same answer and the same usage. A token is four characters. It knows
prompts and answers, and neither of the wires.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .envelopes import dumps, invalid_params
from .journal import IMAGE_BLOCKS
from .script import Answer, Call

MODELS = {
    "MiniMax-M2.5": 1770948000,
    "MiniMax-M2.5-highspeed": 1770948000,
    "MiniMax-M2.7": 1773792000,
    "MiniMax-M2.7-highspeed": 1773792000,
    "MiniMax-M2.1": 1766448000,
    "MiniMax-M2": 1761523200,
}
DEFAULT_MODEL = "MiniMax-M2.5"
CONTEXT_WINDOW = 204_800
CACHE_FLOOR = 512  # passive caching starts at this many tokens of prompt
IMAGE_TOKENS = 256
PIECE = 12  # characters in a delta
ECHO = 400


@dataclass(frozen=True)
class Prompt:
    """What the model sees of a request, whichever wire it came over.

    `said` is the last text of the user's, `result` the last tool result where that is the last message, `forced` the
    tool that must be called ("" for none), `schemas` the offered tools' parameters. `cached` counts those of `tokens`
    that the service has read before.
    """

    said: str
    result: str | None = None
    images: int = 0
    forced: str = ""
    schemas: Mapping[str, Any] = field(default_factory=dict)
    tokens: int = 1
    cached: int = 0


@dataclass(frozen=True)
class Usage:
    """Tokens of one answer; `output` holds `reasoning`, `input` holds `cached`."""

    input: int
    cached: int
    output: int
    reasoning: int


def default_answer(prompt: Prompt) -> Answer:
    """Answer from the prompt alone: name what the user said, or the tool's result, or call the tool that must be."""
    if prompt.result is not None:
        return Answer(f"The tool answered: {prompt.result[:ECHO]}", reasoning="The result is there. I will pass it on.")
    if prompt.forced:
        arguments = dumps(synthesise(prompt.schemas[prompt.forced]))
        return Answer(reasoning=f"I have to call {prompt.forced}.", calls=(Call(prompt.forced, arguments),))
    seen = f" I see {prompt.images} image{'s' * (prompt.images > 1)}." if prompt.images else ""
    said = prompt.said[:ECHO]
    return Answer(f'You said: "{said}".{seen}', reasoning=f'The user says "{said[:60]}". I will repeat it.')


def usage_of(prompt: Prompt, answer: Answer) -> Usage:
    """Count the tokens of an answer; there is always one of output at least."""
    reasoning = text_tokens(answer.reasoning)
    calls = sum(text_tokens(call.name + call.arguments) for call in answer.calls)
    return Usage(prompt.tokens, prompt.cached, max(1, reasoning + text_tokens(answer.text) + calls), reasoning)


def text_tokens(text: str) -> int:
    """Count the tokens of `text`."""
    return (len(text) + 3) // 4


def count_tokens(value: Any) -> int:
    """Count the tokens of every string in a message, a list of tools, ...; an image has a price of its own."""
    if isinstance(value, str):
        return text_tokens(value)
    if isinstance(value, list):
        return sum(map(count_tokens, value))
    if isinstance(value, dict):
        return IMAGE_TOKENS if value.get("type") in IMAGE_BLOCKS else sum(map(count_tokens, value.values()))
    return 0


def measure(preamble: Any, messages: list[Any]) -> tuple[int, int]:
    """Count a prompt's tokens and how many of them are cached: in a long one, all before the last message."""
    before = count_tokens(preamble) + count_tokens(messages[:-1])
    tokens = before + count_tokens(messages[-1])
    if tokens > CONTEXT_WINDOW:
        invalid_params("context window exceeds limit")
    return tokens, before if tokens >= CACHE_FLOOR else 0


def pieces(text: str) -> list[str]:
    """Cut `text` into deltas: two at least where that is possible, so that a spoiled stream can lose one."""
    size = min(PIECE, (len(text) + 1) // 2) or 1
    return [text[start : start + size] for start in range(0, len(text), size)]


def synthesise(schema: Any, root: Any = None, depth: int = 0) -> Any:
    """Make up a value that fits a JSON schema: its default, its first choice, or the plainest value of its type."""
    if not isinstance(schema, dict) or depth > 8:
        return {} if depth > 8 else "example"
    root = root or schema
    if "$ref" in schema:
        return synthesise(_referred(schema["$ref"], root), root, depth + 1)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    for key in ("enum", "examples"):
        if schema.get(key):
            return schema[key][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return synthesise(schema[key][0], root, depth + 1)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind == "object":
        properties = schema.get("properties") or {}
        wanted = schema.get("required") or properties
        return {name: synthesise(properties.get(name), root, depth + 1) for name in wanted}
    if kind == "array":
        return [synthesise(schema.get("items"), root, depth + 1)] * max(1, schema.get("minItems", 1))
    plain: dict[str, Any] = {"integer": schema.get("minimum", 1), "number": schema.get("minimum", 1.5)}
    return {**plain, "boolean": True, "null": None}.get(kind, "example".ljust(schema.get("minLength", 0), "."))


def _referred(reference: Any, root: Any) -> Any:
    """Follow a local reference such as "#/$defs/City"."""
    found = root
    for name in str(reference).lstrip("#/").split("/"):
        found = found.get(name) if isinstance(found, dict) else None
    return found
