"""The events of a client's calls, a class each with its log level and message, and `emit`, which calls the hooks.

Logging, metrics and traces are built on these alone. Events hold names, numbers and times; this module must not know
prompts, answers, credentials or any backend.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import ClassVar, Literal

import msgspec

__all__ = [
    "AttemptFailed",
    "CallEnded",
    "CallEvent",
    "CallStarted",
    "Event",
    "FirstToken",
    "Hook",
    "QuotaLow",
    "RateLimited",
    "TokenRefreshed",
    "ToolFailed",
    "emit",
]

_log = logging.getLogger("minimax_sync.hooks")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every event. `provider` is the one that the configuration names.

    `log_level` and `log_message` are what `logging_hook` logs; the message's placeholders are the event's fields.
    """

    log_level: ClassVar[int]
    log_message: ClassVar[str]

    provider: str = "minimax"


class CallEvent(Event, frozen=True, kw_only=True):
    """Base of the events of one call.

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
    """A call begins; nothing has been sent yet. The sampling options are those that the request sets.

    >>> events = []
    >>> answer = client.with_options(hooks=[events.append]).chat("Hello")
    >>> [(event.operation, event.model) for event in events if isinstance(event, CallStarted)]
    [('chat', 'MiniMax-M2.5')]
    """

    log_level = logging.DEBUG
    log_message = "%(operation)s %(model)s started"

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None


class AttemptFailed(CallEvent, frozen=True, kw_only=True):
    """One request of the call failed.

    `attempt` counts from 1; `error_type` is the name of the exception's class; `retry_in` is the wait in seconds before
    the next attempt, None when there is none.

    >>> events = []
    >>> hasty = client.with_options(retry=RetryPolicy(initial_backoff_ms=0, max_backoff_ms=0))
    >>> emulator.fault(status=500)
    >>> answer = hasty.with_options(hooks=[events.append]).chat("Hello")
    >>> [(event.attempt, event.error_type, event.status) for event in events if isinstance(event, AttemptFailed)]
    [(1, 'ServerError', 500)]
    """

    log_level = logging.WARNING
    log_message = "%(operation)s %(model)s: attempt %(attempt)d failed with %(error_type)s"

    attempt: int
    error_type: str
    status: int | None = None
    code: int | None = None
    request_id: str | None = None
    retry_in: float | None = None


class RateLimited(CallEvent, frozen=True, kw_only=True):
    """The call waited in the limiter before its attempt `attempt`, or the service answered it with a rate limit.

    `source` "limiter": the client's limiter made it wait for `seconds`. "service": a 429 or similar came, and all
    clients that share the limiter pause for `seconds`.

    >>> events = []
    >>> hasty = client.with_options(retry=RetryPolicy(initial_backoff_ms=0, max_backoff_ms=0))
    >>> emulator.fault(status=429, retry_after=0.01)
    >>> answer = hasty.with_options(hooks=[events.append]).chat("Hello")
    >>> [(event.source, event.attempt) for event in events if isinstance(event, RateLimited)]
    [('service', 1)]
    """

    log_level = logging.INFO
    log_message = "%(operation)s %(model)s: delayed by the %(source)s for %(seconds).2f s"

    attempt: int
    source: Literal["limiter", "service"]
    seconds: float


class FirstToken(CallEvent, frozen=True, kw_only=True):
    """The first delta of a stream arrived, `seconds` after the call started.

    >>> events = []
    >>> answer = client.with_options(hooks=[events.append]).stream("Hello").response
    >>> [event.seconds > 0 for event in events if isinstance(event, FirstToken)]
    [True]
    """

    log_level = logging.DEBUG
    log_message = "%(operation)s %(model)s: first token after %(seconds).2f s"

    seconds: float


class CallEnded(CallEvent, frozen=True, kw_only=True):
    """The call is over, with or without success; a stream's call when it ended, failed or was closed.

    `error_type` is None after a success, else the name of the exception's class. `duration` and `waited` (the part
    spent in the limiter) are seconds; `attempts` is the number of requests sent. Token counts are None where the
    service sent none; `prompt_tokens` includes the cached ones, `completion_tokens` the reasoning. `quota_remaining` is
    the remainder of the service's quota or of the budget, in `quota_unit` ("tokens" or "requests").

    >>> events = []
    >>> answer = client.with_options(hooks=[events.append]).chat("Hello")
    >>> [(event.attempts, event.error_type, event.finish_reason) for event in events if isinstance(event, CallEnded)]
    [(1, None, 'stop')]
    """

    log_level = logging.INFO
    log_message = "%(operation)s %(model)s ended after %(duration).2f s"

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
    """The Token Plan's access token was renewed in `duration` seconds; `forced` when a 401 required it.

    >>> events = []
    >>> pair = emulator.portal.bundle("plan.json")
    >>> plan = TokenPlan("plan.json", base_url=emulator.url)
    >>> with MiniMaxClient(auth=plan, base_url=emulator.anthropic_base_url, hooks=[events.append]) as other:
    ...     emulator.portal.expire_access()
    ...     answer = other.chat("Hello")
    >>> [event.expires_at is not None for event in events if isinstance(event, TokenRefreshed)]
    [True]
    """

    log_level = logging.INFO
    log_message = "%(provider)s: access token renewed in %(duration).2f s"

    duration: float
    forced: bool = False
    expires_at: datetime | None = None


class QuotaLow(Event, frozen=True, kw_only=True):
    """The remaining quota has just fallen below `threshold`, both in `unit` ("tokens" or "requests").

    >>> events = []
    >>> with MiniMaxClient(
    ...     emulator.api_key,
    ...     base_url=emulator.base_url,
    ...     quota_budget=1000,
    ...     quota_alert_threshold=999,
    ...     hooks=[events.append],
    ... ) as other:
    ...     answer = other.chat("Hello")
    >>> [(event.threshold, event.unit) for event in events if isinstance(event, QuotaLow)]
    [(999, 'tokens')]
    """

    # A WARNING about it is on the logger minimax_sync.quota, with or without hooks.
    log_level = logging.INFO
    log_message = "%(provider)s: %(remaining)s %(unit)s of the quota left"

    remaining: float
    threshold: float
    unit: str


class ToolFailed(Event, frozen=True, kw_only=True):
    """A function that `run_tools` called raised, or could not be called with the model's arguments.

    `error_type` is the name of the exception's class. The model gets an error result; the exchange goes on.

    >>> events = []
    >>> def get_weather(city: str) -> str:
    ...     raise LookupError(city)
    >>> emulator.answer(tool_calls=[("get_weather", {"city": "Paris"})])
    >>> answer = client.with_options(hooks=[events.append]).run_tools("The weather in Paris?", [get_weather])
    >>> [(event.tool, event.error_type) for event in events if isinstance(event, ToolFailed)]
    [('get_weather', 'LookupError')]
    """

    log_level = logging.WARNING
    log_message = "the tool %(tool)s failed with %(error_type)s"

    tool: str
    error_type: str


Hook = Callable[[Event], object]


def emit(hooks: Iterable[Hook], event: Event) -> None:
    """Call each hook with the event, in the calling thread; exceptions of hooks are logged and swallowed."""
    for hook in hooks:
        try:
            hook(event)
        except Exception:  # a user's hook must not change the call's outcome
            _log.exception("a hook failed on %s", type(event).__name__)
