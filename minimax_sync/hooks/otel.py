"""Events as OpenTelemetry spans and metrics (extra `otel`), named by the GenAI semantic conventions.

The names are those of the conventions' version 1.41; they are still "in development" there, so they are text here
instead of imports that the next release may move. One span covers a call with all its attempts and waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from .events import AttemptFailed, CallEnded, CallEvent, CallStarted, Event, FirstToken, Hook, RateLimited

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram, MeterProvider
    from opentelemetry.trace import TracerProvider
    from opentelemetry.util.types import AttributeValue

_OPERATIONS = {"stream": "chat"}  # the conventions mark a stream by an attribute, not by its operation

_REQUEST_ATTRIBUTES = {
    "max_tokens": "gen_ai.request.max_tokens",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
}
_RESPONSE_ATTRIBUTES = {
    "response_id": "gen_ai.response.id",
    "response_model": "gen_ai.response.model",
    "prompt_tokens": "gen_ai.usage.input_tokens",
    "completion_tokens": "gen_ai.usage.output_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
    "cache_read_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_tokens": "gen_ai.usage.cache_creation.input_tokens",
    "error_type": "error.type",
    "attempts": "minimax_sync.attempts",
    "waited": "minimax_sync.limiter_wait",
    "request_id": "minimax_sync.request_id",
    "code": "minimax_sync.code",
}
_ATTEMPT_ATTRIBUTES = {
    "attempt": "minimax_sync.attempt",
    "error_type": "error.type",
    "status": "http.response.status_code",
    "code": "minimax_sync.code",
    "request_id": "minimax_sync.request_id",
    "retry_in": "minimax_sync.retry_in",
}
_LIMIT_ATTRIBUTES = {
    "attempt": "minimax_sync.attempt",
    "source": "minimax_sync.source",
    "seconds": "minimax_sync.seconds",
}
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = tuple(4**power for power in range(14))


def __getattr__(name: str) -> Any:
    """Load the types of OpenTelemetry for a program that resolves annotations."""
    if name == "AttributeValue":
        from opentelemetry.util import types

        return types.AttributeValue
    if name in ("Histogram", "MeterProvider", "TracerProvider"):
        from opentelemetry import metrics, trace

        return getattr(trace if name == "TracerProvider" else metrics, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def otel_hook(tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None) -> Hook:
    """Return a hook that makes one span of each call, within the current trace, and records the GenAI client metrics.

    Without providers the global ones are used. No prompt and no answer is in a span.

    >>> from opentelemetry.sdk.trace import TracerProvider
    >>> from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    >>> from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    >>> spans, provider = InMemorySpanExporter(), TracerProvider()
    >>> provider.add_span_processor(SimpleSpanProcessor(spans))
    >>> answer = client.with_options(hooks=[otel_hook(provider)]).chat("Hello")
    >>> [span.name for span in spans.get_finished_spans()]
    ['chat MiniMax-M2.5']
    """
    try:
        from opentelemetry import metrics, trace
    except ImportError as exc:
        raise ConfigError("otel_hook() needs opentelemetry-api: pip install 'minimax-sync[otel]'") from exc
    tracer = trace.get_tracer("minimax_sync", tracer_provider=tracer_provider)
    meter = metrics.get_meter("minimax_sync", meter_provider=meter_provider)

    def histogram(name: str, unit: str, description: str, bounds: Sequence[float]) -> Histogram:
        return meter.create_histogram(
            f"gen_ai.client.{name}", unit, description, explicit_bucket_boundaries_advisory=bounds
        )

    duration = histogram("operation.duration", "s", "GenAI operation duration.", _SECONDS)
    first_chunk = histogram("operation.time_to_first_chunk", "s", "Time to the first chunk of a stream.", _SECONDS)
    token_usage = histogram("token.usage", "{token}", "Number of input and output tokens used.", _TOKENS)
    spans: dict[str, trace.Span] = {}

    def started(event: CallStarted) -> None:
        attributes = {**_common(event), **_named(event, _REQUEST_ATTRIBUTES)}
        if event.operation == "stream":
            attributes["gen_ai.request.stream"] = True
        name = f"{_operation(event)} {event.model}".rstrip()
        spans[event.call_id] = tracer.start_span(name, kind=trace.SpanKind.CLIENT, attributes=attributes)

    def first_token(event: FirstToken) -> None:
        first_chunk.record(event.seconds, _common(event))
        if span := spans.get(event.call_id):
            span.set_attribute("gen_ai.response.time_to_first_chunk", event.seconds)

    def note(event: AttemptFailed | RateLimited, name: str, attributes: dict[str, str]) -> None:
        if span := spans.get(event.call_id):
            span.add_event(name, _named(event, attributes))

    def ended(event: CallEnded) -> None:
        labels = {**_common(event), **_named(event, {"response_model": "gen_ai.response.model"})}
        for kind, count in (("input", event.prompt_tokens), ("output", event.completion_tokens)):
            if count is not None:
                token_usage.record(count, {**labels, "gen_ai.token.type": kind})
        duration.record(event.duration, {**labels, **_named(event, {"error_type": "error.type"})})
        span = spans.pop(event.call_id, None)
        if span is None:
            return
        span.set_attributes(_named(event, _RESPONSE_ATTRIBUTES))
        if event.finish_reason:
            span.set_attribute("gen_ai.response.finish_reasons", (event.finish_reason,))
        if event.error_type:
            span.set_status(trace.StatusCode.ERROR, event.error_type)
        span.end()

    def hook(event: Event) -> None:
        if isinstance(event, CallStarted):
            started(event)
        elif isinstance(event, FirstToken):
            first_token(event)
        elif isinstance(event, AttemptFailed):
            note(event, "minimax_sync.attempt_failed", _ATTEMPT_ATTRIBUTES)
        elif isinstance(event, RateLimited):
            note(event, "minimax_sync.rate_limited", _LIMIT_ATTRIBUTES)
        elif isinstance(event, CallEnded):
            ended(event)

    return hook


def _operation(event: CallEvent) -> str:
    return _OPERATIONS.get(event.operation, event.operation)


def _common(event: CallEvent) -> dict[str, AttributeValue]:
    named = {
        "model": "gen_ai.request.model",
        "provider": "gen_ai.provider.name",
        "server_address": "server.address",
        "server_port": "server.port",
    }
    return {"gen_ai.operation.name": _operation(event), **_named(event, named)}


def _named(event: Event, names: dict[str, str]) -> dict[str, AttributeValue]:
    values = ((attribute, getattr(event, field)) for field, attribute in names.items())
    return {attribute: value for attribute, value in values if value not in (None, "")}
