"""MiniMax's other services: embeddings, models, token counts, quota, balance. Bodies in, values out; no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from ..errors import RequestError, ResponseFormatError
from ..values.json_text import as_json
from ..values.models import MODELS, MODELS_AS_OF, ModelCard, model_card
from ..values.quota import NOT_IN_PLAN, Balance, Quota, QuotaWindow
from ..values.request import ChatRequest
from .decoding import count, not_an_answer, parsed
from .failures import Envelope, failure
from .wire import Wire

_KINDS = ("db", "query")


class Embeddings(msgspec.Struct, frozen=True):
    """One vector per text, in order, and the tokens used.

    >>> found = client.embed(["Loire", "Rhine"])
    >>> len(found.vectors), found.total_tokens > 0
    (2, True)
    """

    vectors: tuple[tuple[float, ...], ...]
    total_tokens: int = 0

    def __repr__(self) -> str:
        width = len(self.vectors[0]) if self.vectors else 0
        return f"Embeddings({len(self.vectors)} vectors of {width}, total_tokens={self.total_tokens})"


class Model(msgspec.Struct, frozen=True):
    """A model that the service lists.

    >>> "MiniMax-M3" in [model.id for model in client.models()]
    True
    """

    id: str
    created_at: datetime | None = None
    owned_by: str = ""

    @property
    def card(self) -> ModelCard | None:
        """The known facts of the model: limits, prices, retirement; None for an unknown model."""
        return model_card(self.id)

    def __str__(self) -> str:
        return self.id


class Models(tuple[Model, ...]):
    """A tuple of models that a notebook shows as a table with prices and retirements."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        from ..values.rendering import table

        head = ("model", "context", "inputs", "thinking", "in", "out", "cache read", "note")
        remark = f"Pay-as-you-go prices in USD per million tokens, as of {MODELS_AS_OF}."
        return table(head, map(_row, self), remark, numbers=(1, 4, 5, 6))


def _row(model: Model) -> tuple[str, ...]:
    """Return a model as a row of a table for a notebook; a retired one is struck through and names its successor."""
    from html import escape

    name, card = escape(model.id), model.card
    if card is None:
        return (name, "", "", "", "", "", "", "not in the table of this version")
    remarks = []
    if card.retired:
        remarks.append(f"retired {card.retired}, use {card.successor}")
    if card.long_price:
        remarks.append(f"above 512,000 tokens {card.long_price.input:.2f} / {card.long_price.output:.2f}")
    amounts = (card.price.input, card.price.output, card.price.cache_read)
    prices = (f"{amount:.3g}" if amount < 0.1 else f"{amount:.2f}" for amount in amounts)
    thinking = f"{card.thinking} ({', '.join(card.efforts)})" if card.efforts else card.thinking
    shown = f"<s>{name}</s>" if card.retired else name
    return (shown, f"{card.context:,}", ", ".join(card.inputs), thinking, *prices, escape("; ".join(remarks)))


KNOWN_MODELS = Models(Model(card.name, owned_by="minimax") for card in MODELS)
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
        raise RequestError("texts must be a non-empty string or a list of them")
    if kind not in _KINDS:
        raise RequestError(f'kind must be "db" (texts to search in) or "query" (texts to search for), not {kind!r}')
    return as_json({"model": model, "texts": list(texts), "type": kind}, "the request")


def decode_embeddings(body: bytes, expected: int) -> Embeddings:
    """Read the answer; raises `ResponseFormatError` unless it holds `expected` vectors."""
    answer = parsed(_decode_vectors, body)
    if answer.vectors is None or len(answer.vectors) != expected:
        raise not_an_answer(f"expected {expected} vectors", body)
    return Embeddings(answer.vectors, count(answer.total_tokens))


def decode_models(body: bytes) -> Models:
    """Read the list in either wire's shape."""
    return Models(
        Model(row.id, _instant(row.created or row.created_at), row.owned_by)
        for row in parsed(_decode_models, body).data
    )


def encode_count(request: ChatRequest, model: str) -> bytes:
    """Write a count request: a message of the Anthropic wire without its token limit."""
    message = Wire("anthropic_messages").encode(request, model, stream=False)
    body = msgspec.json.decode(message, type=dict[str, msgspec.Raw])
    body.pop("max_tokens", None)
    return msgspec.json.encode(body)


def decode_count(body: bytes) -> int:
    """Read the count."""
    return parsed(_decode_count, body).input_tokens


class _Remains(msgspec.Struct):
    model_remains: list[Any]


_decode_remains = msgspec.json.Decoder(_Remains).decode

_QUOTA_STATUSES = {1: "active", 2: "exhausted", 3: "unlimited"}


def decode_quota(body: bytes) -> Quota:
    """Read the answer of `/v1/token_plan/remains`; a row that cannot be read is left out.

    An answer with an error code has no windows: call `checked` first. Raises `ResponseFormatError`.
    """
    try:
        rows = parsed(_decode_remains, body).model_remains
    except ResponseFormatError as exc:
        problem = str(exc)
    else:
        named = [row for row in rows if isinstance(row, dict) and isinstance(row.get("model_name"), str)]
        if named or not rows:
            return Quota(tuple(map(_quota_window, named)))
        problem = "none of its rows names a model"
    raise ResponseFormatError(f"quota: not a Token Plan reply: {problem}")


def _quota_window(row: dict[str, Any]) -> QuotaWindow:
    window = _period(row, "current_interval", row.get("start_time"), row.get("end_time"))
    weekly = None
    if row.get("current_weekly_status") is not None or row.get("weekly_end_time"):
        weekly = _period(row, "current_weekly", row.get("weekly_start_time"), row.get("weekly_end_time"))
    if weekly and weekly.status == window.status == "unlimited" and not (window.total or weekly.total):
        window = msgspec.structs.replace(window, status=NOT_IN_PLAN, remaining_percent=None)
        weekly = msgspec.structs.replace(weekly, status=NOT_IN_PLAN, remaining_percent=None)
    if weekly and weekly.remaining_percent is not None:
        boost = max(1.0, (_figure(row.get("weekly_boost_permille")) or 0) / 1000)
        weekly = msgspec.structs.replace(weekly, remaining_percent=weekly.remaining_percent * boost)
    return msgspec.structs.replace(window, weekly=weekly)


def _period(row: dict[str, Any], prefix: str, start_ms: Any, end_ms: Any) -> QuotaWindow:
    status = _QUOTA_STATUSES.get(count(row.get(f"{prefix}_status")), "unknown")
    total = count(row.get(f"{prefix}_total_count")) or None
    percent = _figure(row.get(f"{prefix}_remaining_percent"))
    remaining = _remaining(total, _figure(row.get(f"{prefix}_usage_count")), percent)
    if percent is None and total and remaining is not None:
        percent = 100 * remaining / total
    if percent is None and status == "exhausted":
        percent = 0.0
    return QuotaWindow(
        model=row["model_name"],
        remaining_percent=None if percent is None else min(100.0, max(0.0, percent)),
        used=None if total is None or remaining is None else total - remaining,
        total=total,
        starts_at=_instant(start_ms, unit=1000),
        resets_at=_instant(end_ms, unit=1000),
        status=status,
    )


def _remaining(total: int | None, counted: float | None, percent: float | None) -> int | None:
    """Return how many requests remain. What is counted is the used requests in some answers, the remaining in others.

    The rule of MiniMax's own client (`resolveQuotaCounts` of MiniMax-AI/cli): the meaning that agrees with the
    percentage within 1; without a percentage, the remaining requests; unknown if neither agrees.
    """
    if total is None or counted is None:
        return None
    left = int(min(max(0, counted), total))
    if percent is None:
        return left
    readings = (total - left, left)
    return next((reading for reading in readings if abs(100 * reading / total - percent) <= 1), None)


def decode_balance(body: bytes) -> Balance:
    """Read the answer of `/account/query_balance`. Raises `ResponseFormatError`."""
    answer = parsed(msgspec.json.Decoder(dict[str, Any]).decode, body)
    amounts = {name: _money(answer.get(field)) for name, field in _BALANCE_FIELDS.items()}
    available = amounts.pop("available")
    if available is None:
        raise not_an_answer("it holds no available_amount", body)
    return Balance(available, **amounts)


_BALANCE_FIELDS = {
    "available": "available_amount",
    "cash": "cash_balance",
    "voucher": "voucher_balance",
    "credit": "credit_balance",
    "owed": "owed_amount",
}


def _money(value: Any) -> Decimal | None:
    try:
        amount = Decimal(str(value).strip()) if isinstance(value, str | int | float) else None
    except InvalidOperation:
        return None
    return amount if amount is not None and amount.is_finite() else None


def _figure(value: Any) -> float | None:
    """Read a number, also one written as text; anything else is None."""
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and abs(number) < 1e18 else None


def _instant(value: Any, unit: int = 1) -> datetime | None:
    """Read an ISO instant, or an epoch in seconds or, with `unit` 1000, milliseconds; UTC where no zone is named."""
    try:
        epoch = _figure(value)
        if epoch is not None:
            return datetime.fromtimestamp(epoch / unit, timezone.utc) if epoch > 0 else None
        instant = datetime.fromisoformat(value.replace("Z", "+00:00"))
        return (instant if instant.tzinfo else instant.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (ValueError, TypeError, AttributeError, OverflowError, OSError):
        return None
