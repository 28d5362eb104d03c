"""The usage of an answer: token counts with one meaning on both wires, and their price."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..errors import RequestError
from .models import LONG_PROMPT, MODELS, MODELS_AS_OF, Price, price_of

_COUNTS = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "reasoning_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
)


class TokenUsage(msgspec.Struct, frozen=True, gc=False, repr_omit_defaults=True):
    """Token counts of one answer, or of many: usages add with `+`.

    `prompt_tokens` is all input, cached included, on both wires; `completion_tokens` includes `reasoning_tokens`;
    `cache_read_tokens` and `cache_write_tokens` are parts of `prompt_tokens`. `long_requests` is the part of a sum that
    comes from requests above 512,000 input tokens, which some models bill at a higher price; None if the counts alone
    determine it.

    >>> usage = TokenUsage(prompt_tokens=1_000_000, completion_tokens=10) + TokenUsage(completion_tokens=20)
    >>> usage.prompt_tokens, round(usage.cost("MiniMax-M2.5"), 6)
    (1000000, 0.300036)
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    reasoning_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    long_requests: TokenUsage | None = None

    def __add__(self, other: TokenUsage) -> TokenUsage:
        if not isinstance(other, TokenUsage):
            return NotImplemented
        total = _added(self, other)
        if total.prompt_tokens <= LONG_PROMPT:
            return total
        return msgspec.structs.replace(total, long_requests=_added(_long_part(self), _long_part(other)))

    def __radd__(self, other: int) -> TokenUsage:
        """Let `sum(usages)` start from its 0."""
        return self if other == 0 else NotImplemented

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain JSON."""
        counts: dict[str, Any] = {name: getattr(self, name) for name in _COUNTS}
        return counts if self.long_requests is None else {**counts, "long_requests": self.long_requests.to_dict()}

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> TokenUsage:
        """Read the counts from what `to_dict` returned; those that are missing are 0. Raises `RequestError` for
        anything else.
        """
        if not isinstance(source, Mapping):
            raise RequestError(f"usage must be a dict, not {type(source).__name__}")
        try:
            return msgspec.convert(dict(source), cls)
        except msgspec.ValidationError as exc:
            problem = str(exc)
        raise RequestError(f"the usage cannot be read: {problem}")

    def cost(self, model: str, prices: Mapping[str, Price] | None = None, *, service_tier: str = "standard") -> float:
        """Return the price in USD at pay-as-you-go rates; on a Token Plan, which counts requests, a notional figure.

        Each request of a sum has the price of its own size. `prices` maps model names to `Price`; the default is the
        table of `minimax_sync.values.models`, dated there, under any spelling of the name. Raises `ConfigError` for a
        model without a known price, and for a `service_tier` that it does not offer.

        >>> TokenUsage(prompt_tokens=1_000_000, total_tokens=1_000_000).cost("MiniMax-M2.5")
        0.3
        """
        if prices is not None and model in prices:
            return _dollars(self, prices[model])
        long = _long_part(self)
        short = TokenUsage(*(getattr(self, name) - getattr(long, name) for name in _COUNTS))
        return _dollars(short, price_of(model, service_tier=service_tier)) + _dollars(
            long, price_of(model, is_long=True, service_tier=service_tier)
        )

    def _repr_html_(self) -> str:
        """Return the counts and their prices as tables for a notebook."""
        from .rendering import dollars, folded, table

        counts = [(name, getattr(self, name)) for name in _COUNTS]
        rows = [(name.removesuffix("_tokens").replace("_", " "), f"{count:,}") for name, count in counts if count]
        prices = [(card.name, dollars(self.cost(card.name))) for card in MODELS]
        remark = f"At pay-as-you-go prices of {MODELS_AS_OF}; on a Token Plan a notional figure."
        return table(("tokens", "count"), rows, numbers=(1,)) + folded(
            "Cost by model", table(("model", "cost"), prices, remark, numbers=(1,))
        )


_NOTHING = TokenUsage()


def _added(one: TokenUsage, other: TokenUsage) -> TokenUsage:
    return TokenUsage(*(getattr(one, name) + getattr(other, name) for name in _COUNTS))


def _long_part(usage: TokenUsage) -> TokenUsage:
    if usage.long_requests is not None:
        return usage.long_requests
    return usage if usage.prompt_tokens > LONG_PROMPT else _NOTHING


def _dollars(usage: TokenUsage, price: Price) -> float:
    fresh = max(0, usage.prompt_tokens - usage.cache_read_tokens - usage.cache_write_tokens)
    microdollars = (
        fresh * price.input
        + usage.completion_tokens * price.output
        + usage.cache_read_tokens * price.cache_read
        + usage.cache_write_tokens * price.cache_write
    )
    return microdollars / 1_000_000
