"""What MiniMax serves besides chat: embeddings, models and token counts. Bodies in, values out; no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import msgspec

from ..errors import RequestError
from ..values.json_text import as_json
from ..values.models import MODELS, ModelCard, model_card
from ..values.request import ChatRequest
from .decoding import count, not_an_answer, parsed
from .failures import Envelope, failure
from .table import Wire

_KINDS = ("db", "query")


class Embeddings(msgspec.Struct, frozen=True):
    """One vector per text, in order, and the tokens used."""

    vectors: tuple[tuple[float, ...], ...]
    total_tokens: int = 0

    def __repr__(self) -> str:
        width = len(self.vectors[0]) if self.vectors else 0
        return f"Embeddings({len(self.vectors)} vectors of {width}, total_tokens={self.total_tokens})"


class Model(msgspec.Struct, frozen=True):
    """A model that the service lists."""

    id: str
    created_at: datetime | None = None
    owned_by: str = ""

    @property
    def card(self) -> ModelCard | None:
        """The known facts of the model: limits, prices, retirement; None for one that this version does not know."""
        return model_card(self.id)

    def __str__(self) -> str:
        return self.id


KNOWN_MODELS = tuple(Model(card.name, owned_by="minimax") for card in MODELS)
"""The answer where the service has no list, as for older accounts (404)."""


class _Vectors(msgspec.Struct):
    vectors: tuple[tuple[float, ...], ...] | None = None
    total_tokens: Any = None


class _Listed(msgspec.Struct):
    id: str
    created: Any = None
    created_at: Any = None
    owned_by: str = ""


class _Models(msgspec.Struct):
    data: list[_Listed]


class _Count(msgspec.Struct):
    input_tokens: int


_decode_envelope = msgspec.json.Decoder(Envelope).decode
_decode_vectors = msgspec.json.Decoder(_Vectors).decode
_decode_models = msgspec.json.Decoder(_Models).decode
_decode_count = msgspec.json.Decoder(_Count).decode


def checked(body: bytes) -> bytes:
    """Return the body of a 2xx, or raise the error that it carries: MiniMax reports failures with HTTP 200 here."""
    envelope = parsed(_decode_envelope, body)
    error = failure(200, envelope.base_resp, envelope.error)
    if error is not None:
        raise error
    return body


def encode_embeddings(texts: Sequence[str], kind: str, model: str) -> bytes:
    """Write the request; MiniMax's shape is not OpenAI's. Raises `RequestError`."""
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise RequestError("texts must be one or more strings, none of them empty")
    if kind not in _KINDS:
        raise RequestError(f'kind must be "db" for texts to be found or "query" for what finds them, not {kind!r}')
    return as_json({"model": model, "texts": list(texts), "type": kind}, "the request")


def decode_embeddings(body: bytes, expected: int) -> Embeddings:
    """Read the answer; raises `ResponseFormatError` unless it holds `expected` vectors."""
    answer = parsed(_decode_vectors, body)
    if answer.vectors is None or len(answer.vectors) != expected:
        raise not_an_answer(f"expected {expected} vectors", body)
    return Embeddings(answer.vectors, count(answer.total_tokens))


def decode_models(body: bytes) -> tuple[Model, ...]:
    """Read the list in either wire's shape."""
    return tuple(
        Model(row.id, _instant(row.created or row.created_at), row.owned_by)
        for row in parsed(_decode_models, body).data
    )


def encode_count(request: ChatRequest, model: str) -> bytes:
    """Write a count request: a message of the Anthropic wire without its token limit."""
    message = Wire("anthropic_messages").encode(request, model, stream=False)
    body = msgspec.json.decode(message, type=dict[str, msgspec.Raw])
    del body["max_tokens"]
    return msgspec.json.encode(body)


def decode_count(body: bytes) -> int:
    """Read the count."""
    return parsed(_decode_count, body).input_tokens


def _instant(value: Any) -> datetime | None:
    try:
        if isinstance(value, str):
            return datetime.fromisoformat(value.replace("Z", "+00:00"))
        return datetime.fromtimestamp(value, timezone.utc) if value else None
    except (ValueError, TypeError, OverflowError, OSError):
        return None
