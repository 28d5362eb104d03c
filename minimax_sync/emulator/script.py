"""What the user scripted: answers and faults. Each is used once, in the order in which it was queued.

Contains immutable values and their checks. Must not know wires, HTTP or models.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args

T = TypeVar("T")

Leak = Literal["m2", "m3"]
Split = Literal["fragments", "whole", "characters", "interleaved", "repeated", "cumulative", "one_index", "no_index"]


@dataclass(frozen=True)
class Delivery:
    """How an answer is sent; the docstring of `Emulator` describes the fields."""

    delay: float = 0.0
    silence: float = 0.0
    pings: int = 0
    leak: Leak | None = None
    split: Split | None = None

    def __post_init__(self) -> None:
        _check_choice("leak", self.leak, get_args(Leak))
        _check_choice("split", self.split, get_args(Split))
        for name in ("delay", "silence", "pings"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")

    @property
    def silence_before_head(self) -> float:
        """The seconds without any byte. With pings the head of the response is sent at once."""
        return 0.0 if self.pings else self.silence

    def keep_alives(self, ping: bytes) -> list[bytes | float]:
        """Return the pings of a stream and the pauses around them, which last `silence` seconds together."""
        pause = self.silence / (self.pings + 1)
        return [pause, *(part for _ in range(self.pings) for part in (ping, pause))] if self.pings else []


@dataclass(frozen=True)
class Call:
    """A tool call of the model: `arguments` is the JSON text as it is sent, well formed or not."""

    name: str
    arguments: str


@dataclass(frozen=True)
class Answer:
    """One answer of the model and how it is sent."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    finish_reason: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = field(default_factory=Delivery)

    @property
    def ending(self) -> str:
        """The finish reason, in the words of the OpenAI wire."""
        return self.finish_reason or ("tool_calls" if self.calls else "stop")


@dataclass(frozen=True)
class Fault:
    """One way in which a call fails: a `kind` by name, else an HTTP `status`, MiniMax's `code`, or a `body`."""

    kind: str | None = None
    status: int | None = None
    code: int | None = None
    message: str = ""
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)


def next_of(queue: deque[T]) -> T | None:
    """Remove and return the first of `queue`; None if it is empty. Safe under threads: `popleft` is atomic."""
    try:
        return queue.popleft()
    except IndexError:
        return None


def make_calls(tool_calls: Iterable[tuple[str, Mapping[str, Any] | str]]) -> tuple[Call, ...]:
    """Turn `(name, arguments)` pairs into calls. Arguments given as text are kept as they are, malformed or not."""
    calls = []
    for position, pair in enumerate(tool_calls):
        if isinstance(pair, str) or len(pair) != 2:
            raise ValueError(f"tool_calls[{position}] must be a pair (name, arguments)")
        name, arguments = pair
        if not isinstance(name, str) or not isinstance(arguments, (str, Mapping)):
            raise TypeError(f"tool_calls[{position}] must be (name, dict), or (name, text) for malformed JSON")
        text = arguments if isinstance(arguments, str) else json.dumps(dict(arguments), ensure_ascii=False)
        calls.append(Call(name, text))
    return tuple(calls)


def make_fault(kinds: Iterable[str], kind: str | None, retry_after: object, **attributes: Any) -> Fault:
    """Check and build a fault; `kinds` are the accepted names."""
    if kind is not None and kind not in kinds:
        raise ValueError(f"unknown fault {kind!r}: use one of {', '.join(kinds)}, or status=, code=, body=")
    headers = dict(attributes.pop("headers") or {})
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if not (kind or headers or any(value not in (None, "") for value in attributes.values())):
        raise ValueError(f"a fault needs a kind ({', '.join(kinds)}), a status, a code or a body")
    return Fault(kind, headers=headers, **attributes)


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value is not None and value not in choices:
        raise ValueError(f"unknown {name} {value!r}: use one of {', '.join(choices)}")
