"""Instrumentations of requests, urllib3 and http.client see every request of a client that sends by itself."""

from __future__ import annotations

import pytest
from support.run_python import run_python

HEAD = """
    from minimax_sync import MiniMaxClient
    from minimax_sync.emulator import Emulator

    def calls():
        with Emulator(api_key="a-long-enough-key") as emulator:
            for url in (emulator.base_url, emulator.anthropic_base_url):
                with MiniMaxClient(emulator.api_key, base_url=url, requests_per_second=None) as client:
                    assert client.chat("hi").text == 'You said: "hi".'
                    assert "".join(client.stream("hi").text_deltas()) == 'You said: "hi".'
"""

OPENTELEMETRY = """
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    Instrumentor().instrument(tracer_provider=provider)
    calls()
    Instrumentor().uninstrument()
    calls()
    print(len(exporter.get_finished_spans()))
"""

PROGRAMS = {
    "OpenTelemetry, requests": (
        f"from opentelemetry.instrumentation.requests import RequestsInstrumentor as Instrumentor\n{OPENTELEMETRY}"
    ),
    "OpenTelemetry, urllib3": (
        f"from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor as Instrumentor\n{OPENTELEMETRY}"
    ),
    "Sentry": """
    import sentry_sdk

    spans = []
    sentry_sdk.init(
        dsn="http://key@127.0.0.1:1/1",
        traces_sample_rate=1.0,
        before_send_transaction=lambda event, hint: spans.extend(event["spans"]),
        transport=lambda event: None,
    )
    with sentry_sdk.start_transaction(name="test"):
        calls()
    sentry_sdk.flush()
    print(len([span for span in spans if span["op"] == "http.client"]))
    """,
    "ddtrace": """
    import os
    os.environ["DD_TRACE_ENABLED"] = "true"
    import ddtrace
    from ddtrace.trace import TraceFilter, tracer

    spans = []

    class Keep(TraceFilter):
        def process_trace(self, trace):
            spans.extend(trace)
            return None

    ddtrace.patch(requests=True)
    tracer.configure(trace_processors=[Keep()])
    calls()
    print(len([span for span in spans if span.name == "requests.request"]))
    """,
}


@pytest.mark.parametrize("order", ["before", "behind"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_request_is_seen(name: str, order: str) -> None:
    """The instrumentation is loaded before our package, or when that has already made calls."""
    first = f"{HEAD.rstrip()}\n    calls()\n" if order == "behind" else HEAD
    lines = PROGRAMS[name].split("\n", 1) if name.startswith("OpenTelemetry") else ["", PROGRAMS[name]]
    code = f"{first}\n    {lines[0]}\n{lines[1]}"
    assert run_python(code, flags=("-W", "ignore"), silent=False).split()[-1] == "4"
