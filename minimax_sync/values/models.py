"""Pay-as-you-go prices as MiniMax listed them (platform.minimax.io, guides/pricing-paygo), read on `PRICES_AS_OF`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import msgspec

from ..errors import ConfigError

PRICES_AS_OF = date(2026, 11, 22)


class Price(msgspec.Struct, frozen=True, gc=False):
    """USD per million tokens. `input` is for tokens that were neither read from nor written to the cache."""

    input: float
    output: float
    cache_read: float
    cache_write: float


_STANDARD_M2 = Price(0.30, 1.20, 0.03, 0.375)

PRICES: Mapping[str, Price] = {
    "MiniMax-M2": _STANDARD_M2,
    "MiniMax-M2.1": _STANDARD_M2,
    "MiniMax-M2.5": _STANDARD_M2,
    "MiniMax-M2.5-highspeed": Price(0.60, 2.40, 0.03, 0.375),
    "MiniMax-M2.7": Price(0.30, 1.20, 0.06, 0.375),
    "MiniMax-M2.7-highspeed": Price(0.60, 2.40, 0.06, 0.375),
    "MiniMax-M3": Price(0.30, 1.20, 0.06, 0.0),
}


def price_of(model: str, prices: Mapping[str, Price] = PRICES) -> Price:
    """Look a model up; raises `ConfigError` naming the known ones."""
    try:
        return prices[model]
    except KeyError:
        known = ", ".join(sorted(prices))
    raise ConfigError(f"no price is known for model {model!r}; known: {known}. Pass prices={{{model!r}: Price(...)}}.")
