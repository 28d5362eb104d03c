"""The calls besides chat, each from a core to a decoded answer: embeddings, models, quota, balance, token counts.

Knows paths and methods, not the shapes of bodies: `wires.services` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from ..values.quota import Balance, Quota
from ..values.request import ChatRequest
from ..wires import services
from .attempts import Call
from .core import Core

Result = TypeVar("Result")


def embed(core: Core, texts: str | Iterable[str], kind: str, model: str) -> services.Embeddings:
    """Return one vector per text."""
    texts = [texts] if isinstance(texts, str) else list(texts) if isinstance(texts, Iterable) else []
    body = services.encode_embeddings(texts, kind, model)
    call = core.service("embeddings", f"/v1/embeddings{core.channel.query}", body)
    return _answer(call, lambda answer: services.decode_embeddings(answer, len(texts)))


def models(core: Core) -> services.Models:
    """Return the models that the service lists, or the known ones if it has no list (404)."""
    call = core.service("models", "/v1/models")
    for attempt in call:
        with attempt as reply:
            return attempt.returned(services.decode_models(services.checked(reply.read())))
    if call.error.status == 404:
        return services.KNOWN_MODELS
    raise call.error


def quota(core: Core) -> Quota:
    """Return the windows of the Token Plan, after the quota alert has seen them."""
    call = core.service("quota", "/v1/token_plan/remains")
    found = _answer(call, services.decode_quota)
    if core.channel.quota is not None:
        call.note_quota(core.channel.quota.observe_quota(found))
    return found


def balance(core: Core) -> Balance:
    """Return what a pay-as-you-go account has left."""
    return _answer(core.service("balance", "/account/query_balance"), services.decode_balance)


def count_tokens(core: Core, request: ChatRequest) -> int:
    """Return how many tokens the prompt of a request has, as the service counts them."""
    body = services.encode_count(request, core.model)
    call = core.service("count_tokens", "/anthropic/v1/messages/count_tokens", body)
    return _answer(call, services.decode_count)


def _answer(call: Call, decode: Callable[[bytes], Result]) -> Result:
    """Return what `decode` makes of the first answer that holds no error."""
    for attempt in call:
        with attempt as reply:
            return attempt.returned(decode(services.checked(reply.read())))
    raise call.error
