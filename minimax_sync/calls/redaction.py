"""Remove from an error's message what the service may have quoted in it: the credential and the prompt.

From the error's body and headers only the credential is removed, because they are kept for inspection.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from ..errors import LlmError
from ..secret import HIDDEN, Secret

_SHORTEST_KEY = 8
_SHORTEST_QUOTE = 8
_BEGINNING = 32
"""Characters that are enough to recognise a text that the message quotes only in part."""

_PROMPT_FIELDS = frozenset({"content", "text", "thinking", "system", "texts"})


def redact(error: LlmError, bearer: Secret, asked: bytes | None) -> LlmError:
    """Remove the bearer and the texts in the JSON body `asked` from an error."""
    error.body = _without_key(bearer.reveal(), error.body)
    error.headers = {name: _without_key(bearer.reveal(), value) for name, value in error.headers.items()}
    if error.args:
        text = _without_key(bearer.reveal(), str(error))
        for quote in _texts_in(asked):
            text = _without_quote(quote, text)
        error.args = (text, *error.args[1:])
    return error


def _without_key(key: str, text: str) -> str:
    """Hide a key, and its beginning where the text is cut off within it. Shorter texts are no keys but words."""
    if len(key) < _SHORTEST_KEY:
        return text
    shortest = key[:_SHORTEST_KEY]
    for size in range(len(key), len(shortest) - 1, -1):
        if shortest not in text:
            break
        text = text.replace(key[:size], HIDDEN)
    return text


def _without_quote(quote: str, text: str) -> str:
    text = text.replace(quote, HIDDEN)
    cut = text.find(quote[:_BEGINNING]) if len(quote) > _BEGINNING else -1
    return text if cut < 0 else text[:cut] + HIDDEN


def _texts_in(asked: bytes | None) -> Iterator[str]:
    """Yield the texts of a request's body, also with white space collapsed, as errors quote them."""
    try:
        body = msgspec.json.decode(asked or b"null")
    except (msgspec.MsgspecError, RecursionError):
        return
    for quote in _strings(body, is_prompt=False):
        for text in {quote, " ".join(quote.split())}:
            if len(text) >= _SHORTEST_QUOTE:
                yield text


def _strings(node: Any, *, is_prompt: bool) -> Iterator[str]:
    if isinstance(node, str):
        if is_prompt:
            yield node
    elif isinstance(node, list):
        for item in node:
            yield from _strings(item, is_prompt=is_prompt)
    elif isinstance(node, dict):
        for name, value in node.items():
            yield from _strings(value, is_prompt=name in _PROMPT_FIELDS)
