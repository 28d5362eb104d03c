"""What an answer cost: token counts with one meaning on both wires, and their price."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from .models import PRICES, Price, price_of


class TokenUsage(msgspec.Struct, frozen=True, gc=False):
    """Token counts of one answer, or of many: usages add with `+`.

    `prompt_tokens` is all input, cached included, on both wires; `completion_tokens` includes `reasoning_tokens`;
    `cache_read_tokens` and `cache_write_tokens` are parts of `prompt_tokens`.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    reasoning_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    def __add__(self, other: TokenUsage) -> TokenUsage:
        if not isinstance(other, TokenUsage):
            return NotImplemented
        return TokenUsage(*(mine + theirs for mine, theirs in zip(self._counts(), other._counts(), strict=True)))

    def __radd__(self, other: int) -> TokenUsage:
        """Let `sum(usages)` start from its 0."""
        return self if other == 0 else NotImplemented

    def _counts(self) -> tuple[int, ...]:
        return (
            self.prompt_tokens,
            self.completion_tokens,
            self.total_tokens,
            self.reasoning_tokens,
            self.cache_read_tokens,
            self.cache_write_tokens,
        )

    def cost(self, model: str, prices: Mapping[str, Price] = PRICES) -> float:
        """Return the price in USD at pay-as-you-go rates; on a Token Plan, which counts requests, a notional figure.

        `prices` maps model names to `Price`; the default is the table of `minimax_sync.values.models`, dated there.
        Raises `ConfigError` for a model that is not in it.
        """
        price = price_of(model, prices)
        fresh = max(0, self.prompt_tokens - self.cache_read_tokens - self.cache_write_tokens)
        microdollars = (
            fresh * price.input
            + self.completion_tokens * price.output
            + self.cache_read_tokens * price.cache_read
            + self.cache_write_tokens * price.cache_write
        )
        return microdollars / 1_000_000
