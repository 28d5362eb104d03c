"""The OpenTelemetry hook against the real SDK, and its names against the published conventions."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import (
    error_attributes,
    gen_ai_attributes,
    http_attributes,
    server_attributes,
)
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.trace import SpanKind, StatusCode

from minimax_sync.hooks import (
    AttemptFailed,
    CallEnded,
    CallStarted,
    FirstToken,
    Hook,
    QuotaLow,
    RateLimited,
    TokenRefreshed,
    emit,
    otel_hook,
)

CALL: dict[str, Any] = {
    "call_id": "c1",
    "operation": "chat",
    "model": "MiniMax-M2.5",
    "flavor": "openai_compat",
    "server_address": "api.minimax.io",
    "server_port": 443,
}


class Telemetry:
    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])
        self.hook: Hook = otel_hook(self.tracers, self.meters)

    def points(self) -> dict[str, list[HistogramDataPoint]]:
        data = self.reader.get_metrics_data()
        assert data is not None
        found: dict[str, list[HistogramDataPoint]] = {}
        for metric in data.resource_metrics[0].scope_metrics[0].metrics:
            points = [point for point in metric.data.data_points if isinstance(point, HistogramDataPoint)]
            found[metric.name] = points
        return found


@pytest.fixture
def telemetry() -> Any:
    made = Telemetry()
    yield made
    made.tracers.shutdown()
    made.meters.shutdown()


def test_a_call_is_one_client_span_with_the_conventions_attributes(telemetry: Telemetry) -> None:
    emit([telemetry.hook], CallStarted(**CALL, max_tokens=100, temperature=0.5, top_p=0.9))
    emit(
        [telemetry.hook],
        CallEnded(
            **CALL,
            duration=1.5,
            response_id="r1",
            response_model="MiniMax-M2.5",
            request_id="q1",
            finish_reason="stop",
            prompt_tokens=100,
            completion_tokens=20,
            reasoning_tokens=5,
            cache_read_tokens=0,
            cache_write_tokens=3,
        ),
    )
    (span,) = telemetry.exporter.get_finished_spans()
    assert span.name == "chat MiniMax-M2.5"
    assert span.kind is SpanKind.CLIENT
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "minimax",
        "gen_ai.request.model": "MiniMax-M2.5",
        "gen_ai.request.max_tokens": 100,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 0.9,
        "server.address": "api.minimax.io",
        "server.port": 443,
        "gen_ai.response.id": "r1",
        "gen_ai.response.model": "MiniMax-M2.5",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.reasoning.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "gen_ai.usage.cache_creation.input_tokens": 3,
        "minimax_sync.attempts": 1,
        "minimax_sync.limiter_wait": 0.0,
        "minimax_sync.request_id": "q1",
    }


def test_a_span_joins_the_trace_that_is_current_when_the_call_starts(telemetry: Telemetry) -> None:
    tracer = telemetry.tracers.get_tracer("a user's program")
    with tracer.start_as_current_span("work") as work:
        emit([telemetry.hook], CallStarted(**CALL))
    with tracer.start_as_current_span("later"):  # a stream may end in another span
        emit([telemetry.hook], CallEnded(**CALL, duration=1.0))
    span = next(span for span in telemetry.exporter.get_finished_spans() if span.name.startswith("chat"))
    assert span.parent is not None
    assert span.parent.span_id == work.get_span_context().span_id
    assert span.context.trace_id == work.get_span_context().trace_id


def test_failed_attempts_and_limits_are_events_of_the_span(telemetry: Telemetry) -> None:
    for event in (
        CallStarted(**CALL),
        AttemptFailed(**CALL, attempt=1, error_type="RateLimitError", status=429, code=1002, retry_in=1.0),
        RateLimited(**CALL, attempt=1, source="service", seconds=1.0),
        CallEnded(**CALL, duration=2.0, attempts=2, error_type="ServerError", code=1000),
    ):
        emit([telemetry.hook], event)
    (span,) = telemetry.exporter.get_finished_spans()
    assert [(event.name, dict(event.attributes or {})) for event in span.events] == [
        (
            "minimax_sync.attempt_failed",
            {
                "minimax_sync.attempt": 1,
                "error.type": "RateLimitError",
                "http.response.status_code": 429,
                "minimax_sync.code": 1002,
                "minimax_sync.retry_in": 1.0,
            },
        ),
        (
            "minimax_sync.rate_limited",
            {"minimax_sync.attempt": 1, "minimax_sync.source": "service", "minimax_sync.seconds": 1.0},
        ),
    ]
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "ServerError"


def test_a_stream_is_a_chat_with_its_time_to_the_first_chunk(telemetry: Telemetry) -> None:
    stream = {**CALL, "operation": "stream"}
    for event in (CallStarted(**stream), FirstToken(**stream, seconds=0.25), CallEnded(**stream, duration=1.0)):
        emit([telemetry.hook], event)
    (span,) = telemetry.exporter.get_finished_spans()
    attributes = dict(span.attributes or {})
    assert span.name == "chat MiniMax-M2.5"
    assert attributes["gen_ai.request.stream"] is True
    assert attributes["gen_ai.response.time_to_first_chunk"] == 0.25
    (point,) = telemetry.points()["gen_ai.client.operation.time_to_first_chunk"]
    assert (point.count, point.sum) == (1, 0.25)


def test_the_client_metrics_are_recorded_with_their_attributes_and_buckets(telemetry: Telemetry) -> None:
    emit([telemetry.hook], CallEnded(**CALL, duration=1.5, prompt_tokens=100, completion_tokens=20))
    emit([telemetry.hook], CallEnded(**CALL, duration=0.5, error_type="ServerError"))
    points = telemetry.points()
    common = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "minimax",
        "gen_ai.request.model": "MiniMax-M2.5",
        "server.address": "api.minimax.io",
        "server.port": 443,
    }
    durations = {point.sum: dict(point.attributes or {}) for point in points["gen_ai.client.operation.duration"]}
    assert durations == {1.5: common, 0.5: {**common, "error.type": "ServerError"}}
    tokens = {point.sum: dict(point.attributes or {}) for point in points["gen_ai.client.token.usage"]}
    assert tokens == {
        100: {**common, "gen_ai.token.type": "input"},
        20: {**common, "gen_ai.token.type": "output"},
    }
    assert points["gen_ai.client.operation.duration"][0].explicit_bounds[-1] == 81.92
    assert points["gen_ai.client.token.usage"][0].explicit_bounds[-1] == 67108864


def test_concurrent_calls_have_a_span_each_and_none_is_kept(telemetry: Telemetry) -> None:
    calls = [{**CALL, "call_id": f"c{number}", "model": f"model-{number}"} for number in range(5)]
    for call in calls:
        emit([telemetry.hook], CallStarted(**call))
    for call in reversed(calls):
        emit([telemetry.hook], CallEnded(**call, duration=1.0))
        emit([telemetry.hook], CallEnded(**call, duration=1.0))  # ended already: no second span, no error
    names = [span.name for span in telemetry.exporter.get_finished_spans()]
    assert names == [f"chat model-{number}" for number in (4, 3, 2, 1, 0)]


def test_events_of_no_call_make_no_span(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    emit([telemetry.hook], TokenRefreshed(duration=0.1))
    emit([telemetry.hook], QuotaLow(remaining=1, threshold=2, unit="tokens"))
    assert telemetry.exporter.get_finished_spans() == ()
    assert not caplog.records


def test_without_an_sdk_the_hook_does_nothing(caplog: pytest.LogCaptureFixture) -> None:
    hook = otel_hook()
    for event in (CallStarted(**CALL), FirstToken(**CALL, seconds=0.1), CallEnded(**CALL, duration=1.0)):
        emit([hook], event)
    assert not caplog.records


@pytest.mark.skipif(not hasattr(gen_ai_attributes, "GEN_AI_PROVIDER_NAME"), reason="older than our names")
def test_every_name_is_one_of_the_conventions(telemetry: Telemetry) -> None:
    published = {
        value
        for module in (gen_ai_attributes, gen_ai_metrics, error_attributes, http_attributes, server_attributes)
        for value in vars(module).values()
        if isinstance(value, str)
    }
    stream = {**CALL, "operation": "stream"}
    for event in (
        CallStarted(**stream, max_tokens=1, temperature=1.0, top_p=1.0),
        AttemptFailed(**stream, attempt=1, error_type="ServerError", status=500, request_id="q", retry_in=1.0),
        FirstToken(**stream, seconds=0.1),
        CallEnded(
            **stream,
            duration=1.0,
            error_type="ServerError",
            finish_reason="stop",
            response_id="r",
            response_model="m",
            request_id="q",
            prompt_tokens=1,
            completion_tokens=1,
            reasoning_tokens=1,
            cache_read_tokens=1,
            cache_write_tokens=1,
        ),
    ):
        emit([telemetry.hook], event)
    (span,) = telemetry.exporter.get_finished_spans()
    points = telemetry.points()
    used = {*points, *(span.attributes or {})}
    used.update(name for event in span.events for name in event.attributes or {})
    used.update(name for found in points.values() for point in found for name in point.attributes or {})
    assert {name for name in used if not name.startswith("minimax_sync.")} <= published
