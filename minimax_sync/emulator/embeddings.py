"""Embeddings in MiniMax's own shape: 1536 numbers, equal for equal texts, similar for texts that share words."""

from __future__ import annotations

import math
import random
from functools import lru_cache
from typing import Any

from .envelopes import Refusal, base_resp, invalid_params, json_reply
from .generation import text_tokens
from .journal import Received
from .server import Reply

DIMENSIONS = 1536
KINDS = ("db", "query")


def answer(request: Received) -> Reply:
    """Answer `/v1/embeddings`."""
    body: dict[str, Any] = request.body if isinstance(request.body, dict) else {}
    texts = body.get("texts")
    if not body.get("model") or body.get("type") not in KINDS:
        invalid_params("model or type is missing")
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        invalid_params("texts is empty")
    vectors = [embed(text) for text in texts]
    total = sum(map(text_tokens, texts))
    return json_reply({"vectors": vectors, "total_tokens": total, "base_resp": base_resp(0, "success")})


def refusal(request: Received, error: Refusal) -> Reply:
    """Refuse as this endpoint does: with HTTP 200 and no vectors."""
    return json_reply({"vectors": None, "total_tokens": 0, "base_resp": base_resp(error.code or 0, error.message)})


def embed(text: str) -> list[float]:
    """Return the sum of the directions of the words of `text`, as a vector of length 1."""
    directions = [_direction(word) for word in text.lower().split() or [text]]
    total = [sum(column) for column in zip(*directions, strict=True)]
    length = math.hypot(*total) or 1.0
    return [round(value / length, 6) for value in total]


@lru_cache(maxsize=256)
def _direction(word: str) -> tuple[float, ...]:
    numbers = random.Random(word)
    return tuple(numbers.uniform(-1, 1) for _ in range(DIMENSIONS))
