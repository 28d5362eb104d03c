"""Take out of an error's text what the service may have quoted in it: the credential, and what was asked.

The body that came with the error is cleared of the credential alone: it is there to be looked at.
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
"""Characters by which a text is known that was cut off within the message."""

_SAID = frozenset({"content", "text", "thinking", "system", "texts"})


def redact(error: LlmError, bearer: Secret, asked: bytes | None) -> LlmError:
    """Clear an error of the bearer and of the texts in the JSON body `asked`."""
    error.body = _without_key(bearer.reveal(), error.body)
    error.headers = {name: _without_key(bearer.reveal(), value) for name, value in error.headers.items()}
    if error.args:
        text = _without_key(bearer.reveal(), str(error))
        for said in _texts_in(asked):
            text = _without_quote(said, text)
        error.args = (text, *error.args[1:])
    return error


def _without_key(key: str, text: str) -> str:
    """Hide a key, and its beginning where the text was cut within it."""
    shortest = key[:_SHORTEST_KEY]
    for size in range(len(key), len(shortest) - 1, -1):
        if shortest not in text:
            break
        text = text.replace(key[:size], HIDDEN)
    return text


def _without_quote(said: str, text: str) -> str:
    text = text.replace(said, HIDDEN)
    cut = text.find(said[:_BEGINNING]) if len(said) > _BEGINNING else -1
    return text if cut < 0 else text[:cut] + HIDDEN


def _texts_in(asked: bytes | None) -> Iterator[str]:
    """Yield the texts of a request's body, also as errors write them: with their white space folded."""
    try:
        body = msgspec.json.decode(asked or b"null")
    except (msgspec.MsgspecError, RecursionError):
        return
    for said in _strings(body, said=False):
        for text in {said, " ".join(said.split())}:
            if len(text) >= _SHORTEST_QUOTE:
                yield text


def _strings(node: Any, *, said: bool) -> Iterator[str]:
    if isinstance(node, str):
        if said:
            yield node
    elif isinstance(node, list):
        for item in node:
            yield from _strings(item, said=said)
    elif isinstance(node, dict):
        for name, value in node.items():
            yield from _strings(value, said=name in _SAID)
