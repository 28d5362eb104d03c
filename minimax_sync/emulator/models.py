"""The models of the service: one row each, and how a request for a retired model is handled.

Contains facts and rules only. Must not know HTTP, wires' shapes or answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NoReturn, get_args

from .envelopes import Refusal, invalid_params

Wire = Literal["openai", "anthropic"]
Retirement = Literal[
    "unknown", "unsupported", "retired", "not_found", "base_resp", "in_stream", "successor", "under_old_name"
]

STAND_IN = "MiniMax-M3.1-Flash"
"""The model that answers names that are not MiniMax's, on the Anthropic wire."""

THOUGHTS = {"low": 1, "medium": 2, "high": 4, "xhigh": 6, "max": 8}
"""Effort -> sentences that the model thinks. A model without efforts thinks one sentence, or none."""


@dataclass(frozen=True)
class Model:
    """What a model accepts and does.

    `max_temperature` is the highest, `accepts_zero` whether 0 is accepted. `media`: images and videos are accepted.
    `optional_thinking`: a request can switch thinking off, and without the field it depends on the wire. `efforts`: a
    request chooses how much the model thinks. `retired`: the service no longer serves it to pay-as-you-go keys, and
    `successor` answers instead.
    """

    name: str
    created: int = 0
    context: int = 204_800
    max_temperature: float = 1.0
    accepts_zero: bool = False
    media: bool = False
    optional_thinking: bool = False
    efforts: bool = False
    retired: bool = False
    successor: str = STAND_IN

    def check_temperature(self, value: Any) -> None:
        """Refuse a temperature that the model does not accept; None is the model's own."""
        if value is None:
            return
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not (0 <= value <= self.max_temperature) or (value == 0 and not self.accepts_zero):
            invalid_params(f"temperature must be in {'[' if self.accepts_zero else '('}0, {self.max_temperature:g}]")

    def thoughts(self, wire: Wire, thinking: Any, effort: Any) -> int:
        """Return how many sentences the model thinks, 0 if thinking is off; refuse what it cannot do."""
        kind = thinking.get("type") if isinstance(thinking, dict) else thinking
        if kind not in (None, "adaptive", "enabled", "disabled"):
            invalid_params(f"thinking.type {kind!r} is not supported")
        if self.efforts:
            if kind == "disabled":
                invalid_params(f"{self.name} requires adaptive thinking")
            if effort is not None and effort not in THOUGHTS:
                invalid_params(f"reasoning effort must be one of {', '.join(THOUGHTS)}")
            return THOUGHTS[effort or "max"]
        if self.optional_thinking and (kind == "disabled" or (kind is None and wire == "anthropic")):
            return 0
        return 1


_M2 = Model("MiniMax-M2", 1761523200)
_M3 = Model(
    "MiniMax-M3",
    1780272000,
    context=1_000_000,
    max_temperature=2.0,
    accepts_zero=True,
    media=True,
    optional_thinking=True,
)
_M31 = replace(_M3, name=STAND_IN, created=1792281600, optional_thinking=False, efforts=True)

MODELS: Mapping[str, Model] = {
    model.name: model
    for model in (
        replace(_M2, name="MiniMax-M2.5", created=1770948000, retired=True),
        replace(_M2, name="MiniMax-M2.5-highspeed", created=1770948000, retired=True),
        replace(_M2, name="MiniMax-M2.7", created=1773792000, retired=True),
        replace(_M2, name="MiniMax-M2.7-highspeed", created=1773792000, retired=True),
        replace(_M2, name="MiniMax-M2.1", created=1766448000),
        _M2,
        _M3,
        _M31,
    )
}
_BY_SPELLING = {name.lower(): model for name, model in MODELS.items()}
_REFUSALS: Mapping[str, tuple[int, int | None, str]] = {
    "unknown": (400, 2013, "invalid params, unknown model '{name}'"),
    "unsupported": (400, 2013, "invalid params, unsupported model: {name}"),
    "retired": (400, 2013, "invalid params, model {name} has been retired, please use {successor}"),
    "not_found": (404, None, "model '{name}' not found"),
    "base_resp": (200, 2013, "invalid params, unknown model '{name}'"),
    "in_stream": (400, 2013, "invalid params, unknown model '{name}'"),
}


def find(name: str) -> Model | None:
    """Find a model under any spelling in use: in any case, with a vendor's prefix, `-lightning`, `-Preview`."""
    spelling = name.lower().removeprefix("minimaxai/").removeprefix("minimax/").removesuffix("-preview")
    return _BY_SPELLING.get(spelling.replace("-lightning", "-highspeed"))


def serve(name: str, wire: Wire, retired: Retirement | Mapping[str, Retirement] | None) -> tuple[Model, str]:
    """Return the model that serves `name`, and the name under which it answers. Raise `Refusal` if there is none.

    A name that is not in the table is served without rules on the OpenAI wire, as gateways and self-hosted servers do,
    and by `STAND_IN` on the Anthropic wire, as MiniMax does.
    """
    model = find(name)
    if model is None and wire == "openai":
        return replace(_M3, name=name), name
    model = model or MODELS[STAND_IN]
    how = retired.get(model.name) if isinstance(retired, Mapping) else retired if model.retired else None
    if how is None:
        return model, model.name
    if how in _REFUSALS:
        _refuse(how, name, model.successor)
    return MODELS[model.successor], model.successor if how == "successor" else model.name


def check_retired(retired: object) -> None:
    """Raise ValueError if `retired` is not how retired models are handled."""
    choices = get_args(Retirement)
    for how in retired.values() if isinstance(retired, Mapping) else [retired]:
        if how is not None and how not in choices:
            raise ValueError(
                f"unknown retired {how!r}: use one of {', '.join(choices)}, or a dict of model: one of them"
            )
    for name in retired if isinstance(retired, Mapping) else ():
        if name not in MODELS:
            raise ValueError(f"retired: unknown model {name!r}: use one of {', '.join(MODELS)}")


def listed(retired: Retirement | Mapping[str, Retirement] | None) -> list[Model]:
    """Return the models that the service lists: those that it does not refuse."""
    if isinstance(retired, Mapping):
        return [model for model in MODELS.values() if retired.get(model.name) not in _REFUSALS]
    return [model for model in MODELS.values() if not (model.retired and retired in _REFUSALS)]


def _refuse(how: str, name: str, successor: str) -> NoReturn:
    status, code, words = _REFUSALS[how]
    raise Refusal(status, code, words.format(name=name, successor=successor), in_stream=how == "in_stream")
