"""The models, one row each: limits, inputs, thinking, prices, retirement. The only place that knows a model's name.

Sources: MiniMax's pages guides/models-intro and guides/pricing-paygo (platform.minimax.io), its announcement of
2026-10-19, models.dev, read on `MODELS_AS_OF`. It must not know wires or servers: a model has its row wherever it is
served, and a name without a row has no assumed properties.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

import msgspec

from ..errors import ConfigError, RequestError

MODELS_AS_OF = date(2026, 11, 29)

LONG_PROMPT = 512_000
"""Input tokens of one request; above it some models bill the whole request at a higher price."""


class Price(msgspec.Struct, frozen=True, gc=False):
    """USD per million tokens. `input` is for tokens that were neither read from nor written to the cache."""

    input: float
    output: float
    cache_read: float
    cache_write: float = 0.0


class ModelCard(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The known facts of one model.

    `context` and `output_cap` are tokens. `inputs` are of "text", "image", "video". `thinking` is "always" or "switch"
    (on unless the request turns it off). `efforts`: the depths of thinking it can be asked for, none for a model
    without that choice. `lowest_temperature`: what is sent for 0. `caching`: "markers" for a model that reads
    `cache_control`, "automatic" for one that caches without them. `price` is for pay-as-you-go; `long_price` for a
    request above 512,000 input tokens, None where it is the same; `priority_factor` multiplies either for
    `service_tier="priority"`, None where that tier is not offered. `retired`: the last day for pay-as-you-go keys;
    `successor` replaces it.

    >>> card = model_card("MiniMax-M3")
    >>> card.context, card.thinking
    (1000000, 'switch')
    """

    name: str
    context: int
    output_cap: int
    inputs: tuple[str, ...]
    thinking: Literal["always", "switch"]
    efforts: tuple[str, ...] = ()
    lowest_temperature: float
    caching: Literal["markers", "automatic"]
    price: Price
    long_price: Price | None = None
    priority_factor: float | None = None
    retired: date | None = None
    successor: str | None = None


_FLASH = "MiniMax-M3.1-Flash"


def _m2(name: str, price: Price, *, is_retired: bool = False) -> ModelCard:
    return ModelCard(
        name=name,
        context=204_800,
        output_cap=131_072,
        inputs=("text",),
        thinking="always",
        lowest_temperature=0.01,
        caching="markers",
        price=price,
        retired=date(2026, 11, 18) if is_retired else None,
        successor=_FLASH if is_retired else None,
    )


MODELS: tuple[ModelCard, ...] = (
    ModelCard(
        name=_FLASH,
        context=1_000_000,
        output_cap=131_072,
        inputs=("text", "image", "video"),
        thinking="always",
        efforts=("low", "medium", "high", "xhigh", "max"),
        lowest_temperature=0.0,
        caching="automatic",
        price=Price(0.15, 0.60, 0.015),
    ),
    ModelCard(
        name="MiniMax-M3",
        context=1_000_000,
        output_cap=524_288,
        inputs=("text", "image", "video"),
        thinking="switch",
        lowest_temperature=0.0,
        caching="automatic",
        price=Price(0.30, 1.20, 0.06),
        long_price=Price(0.60, 2.40, 0.12),
        priority_factor=1.5,
    ),
    _m2("MiniMax-M2.7", Price(0.30, 1.20, 0.06, 0.375), is_retired=True),
    _m2("MiniMax-M2.7-highspeed", Price(0.60, 2.40, 0.06, 0.375), is_retired=True),
    _m2("MiniMax-M2.5", Price(0.30, 1.20, 0.03, 0.375), is_retired=True),
    _m2("MiniMax-M2.5-highspeed", Price(0.60, 2.40, 0.03, 0.375), is_retired=True),
    _m2("MiniMax-M2.1", Price(0.30, 1.20, 0.03, 0.375)),
    _m2("MiniMax-M2", Price(0.30, 1.20, 0.03, 0.375)),
)

DEFAULT_MODEL = "MiniMax-M2.5"

_OLD_SUFFIXES = {"-lightning": "-highspeed", "-preview": ""}
_CARDS: Mapping[str, ModelCard] = {card.name.lower(): card for card in MODELS}


def model_card(name: str) -> ModelCard | None:
    """Return the row of a model, or None for a name that is not in the table.

    Any spelling in use finds it: upper or lower case, behind a provider's prefix (`minimax/`, `MiniMaxAI/`), with
    `-lightning` for `-highspeed`, with `-Preview`.

    >>> model_card("minimax/minimax-m2.5").successor
    'MiniMax-M3.1-Flash'
    >>> model_card("another") is None
    True
    """
    if not isinstance(name, str):
        raise RequestError(f"the name of a model must be a string, not {type(name).__name__}")
    card = _CARDS.get(name.lower())
    return card or _CARDS.get(_plain_name(name))


def _plain_name(name: str) -> str:
    plain = name.strip().lower().rpartition("/")[2]
    for old, new in _OLD_SUFFIXES.items():
        if plain.endswith(old):
            plain = plain.removesuffix(old) + new
    return plain


def is_chat_quota(name: str) -> bool:
    """Return whether a row of the quota counts chat: "general", or a chat model or family of them (`MiniMax-M*`)."""
    return name.lower() == "general" or name.lower().startswith("minimax-m")


def price_of(model: str, *, is_long: bool = False, service_tier: str = "standard") -> Price:
    """Return the price of a request; `is_long`: it has more than `LONG_PROMPT` input tokens.

    Raises `ConfigError` for a model or a service tier without a known price.
    """
    card = model_card(model)
    if card is None:
        known = ", ".join(sorted(card.name for card in MODELS))
        raise ConfigError(
            f"no price is known for model {model!r}; known: {known}. Pass a price to cost() of the usage, such as "
            f"usage.cost({model!r}, prices={{{model!r}: model_card({_FLASH!r}).price}}), or your own "
            "minimax_sync.values.models.Price"
        )
    price = card.long_price if is_long and card.long_price else card.price
    if service_tier == "standard":
        return price
    if service_tier != "priority" or card.priority_factor is None:
        raise ConfigError(f"no price is known for service_tier {service_tier!r} of {card.name}")
    factor = card.priority_factor
    return Price(*(factor * each for each in (price.input, price.output, price.cache_read, price.cache_write)))
