"""What a client tells about its calls: frozen events, and the one way to hand them to hooks.

Logging, metrics and traces are made of nothing else. Events hold names, numbers and times, never a prompt, an answer
or a credential; this module knows none of them, nor any backend.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Literal

import msgspec

_log = logging.getLogger("minimax_sync.hooks")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every event. `provider` is the one that the configuration names."""

    provider: str = "minimax"


class CallEvent(Event, frozen=True, kw_only=True):
    """Base of what happens to one call.

    `call_id` is the same for all events of a call and of no other. `operation` is "chat", "stream", "embeddings",
    "models", "quota" or "count_tokens"; `model` is the one asked for, "" where there is none. `flavor` is the wire.
    """

    call_id: str
    operation: str
    model: str = ""
    flavor: str = ""
    server_address: str = ""
    server_port: int | None = None


class CallStarted(CallEvent, frozen=True, kw_only=True):
    """A call begins: nothing is sent yet. The sampling options are those that the request sets."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None


class AttemptFailed(CallEvent, frozen=True, kw_only=True):
    """One request of the call failed.

    `attempt` counts from 1; `error_type` is the name of the exception's class; `retry_in` is the wait in seconds before
    the next attempt, None when there is none.
    """

    attempt: int
    error_type: str
    status: int | None = None
    code: int | None = None
    request_id: str | None = None
    retry_in: float | None = None


class RateLimited(CallEvent, frozen=True, kw_only=True):
    """The call was slowed down before its attempt `attempt`, or asked by the service to slow down in it.

    `source` "limiter": the own limiter has made it wait for `seconds`. "service": a 429 or its like came, and everybody
    who shares the limiter holds back for `seconds`.
    """

    attempt: int
    source: Literal["limiter", "service"]
    seconds: float


class FirstToken(CallEvent, frozen=True, kw_only=True):
    """The first delta of a stream is there, `seconds` after the call started."""

    seconds: float


class CallEnded(CallEvent, frozen=True, kw_only=True):
    """The call is over, well or not; for a stream, when it ended, failed or was closed.

    `error_type` is None when it went well, else the name of the exception's class. `duration` and `waited` (the part
    spent in the limiter) are seconds; `attempts` is the number of requests sent. Token counts are None where the
    service told none; `prompt_tokens` includes the cached ones, `completion_tokens` the reasoning.
    `quota_remaining` is what the service or the budget leaves, in `quota_unit` ("tokens" or "requests").
    """

    duration: float
    attempts: int = 1
    waited: float = 0.0
    error_type: str | None = None
    status: int | None = None
    code: int | None = None
    finish_reason: str | None = None
    response_id: str | None = None
    response_model: str | None = None
    request_id: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    quota_remaining: float | None = None
    quota_unit: str | None = None


class TokenRefreshed(Event, frozen=True, kw_only=True):
    """The Token Plan's access token was renewed in `duration` seconds; `forced` when a 401 asked for it."""

    duration: float
    forced: bool = False
    expires_at: datetime | None = None


class QuotaLow(Event, frozen=True, kw_only=True):
    """What is left of the quota has just fallen below `threshold`, both in `unit` ("tokens" or "requests")."""

    remaining: float
    threshold: float
    unit: str


class ToolFailed(Event, frozen=True, kw_only=True):
    """A function that `run_tools` called raised, or could not be called with the model's arguments.

    `error_type` is the name of the exception's class. The model has been told; the exchange goes on.
    """

    tool: str
    error_type: str


Hook = Callable[[Event], object]


def emit(hooks: Iterable[Hook], event: Event) -> None:
    """Give the event to each hook, in the calling thread; what a hook raises is logged and goes no further."""
    for hook in hooks:
        try:
            hook(event)
        except Exception:  # the hook is the user's: whatever it raises must not change the call's outcome
            _log.exception("a hook failed on %s", type(event).__name__)
