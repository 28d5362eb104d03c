"""What the user told the emulator to say, and what to spoil: queued values, each used once, first come first served.

Pure values and two queues; a deque's `popleft` is atomic, so any number of threads may take from them.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """A tool call of the model: `arguments` is the JSON text as it goes over the wire, well formed or not."""

    name: str
    arguments: str


@dataclass(frozen=True)
class Answer:
    """One answer of the model. `delay` is seconds before the answer, in a stream before each event."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    finish_reason: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0

    @property
    def ending(self) -> str:
        """The finish reason, in the words of the OpenAI wire."""
        return self.finish_reason or ("tool_calls" if self.calls else "stop")


@dataclass(frozen=True)
class Fault:
    """One way to spoil a call: a `kind` by name, else an HTTP `status`, MiniMax's `code`, or a `body` of the user's."""

    kind: str | None = None
    status: int | None = None
    code: int | None = None
    message: str = ""
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)


def next_of(queue: deque[T]) -> T | None:
    """Take the first of `queue`, None when it is empty."""
    try:
        return queue.popleft()
    except IndexError:
        return None


def make_calls(tool_calls: Iterable[tuple[str, Mapping[str, Any] | str]]) -> tuple[Call, ...]:
    """Turn `(name, arguments)` pairs into calls; arguments given as text stay as they are, malformed or not."""
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
    """Check and build a fault; `kinds` are the names that may be asked for."""
    if kind is not None and kind not in kinds:
        raise ValueError(f"unknown fault {kind!r}: use one of {', '.join(kinds)}, or status=, code=, body=")
    headers = dict(attributes.pop("headers") or {})
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if not (kind or headers or any(value not in (None, "") for value in attributes.values())):
        raise ValueError(f"a fault needs a kind ({', '.join(kinds)}), a status, a code or a body")
    return Fault(kind, headers=headers, **attributes)
