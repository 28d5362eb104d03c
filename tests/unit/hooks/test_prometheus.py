"""The Prometheus hook, scraped over HTTP as Prometheus does it."""

from __future__ import annotations

import gc
import threading
import urllib.request
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer
from typing import Any

import prometheus_client
from prometheus_client.parser import text_string_to_metric_families

from minimax_sync.hooks import (
    AttemptFailed,
    CallEnded,
    CallStarted,
    FirstToken,
    QuotaLow,
    RateLimited,
    TokenRefreshed,
    emit,
    prometheus_hook,
)

CALL: dict[str, Any] = {"call_id": "c1", "operation": "stream", "model": "MiniMax-M2.5"}
LABELS = {"provider": "minimax", "operation": "stream", "model": "MiniMax-M2.5"}


@contextmanager
def scraped(registry: prometheus_client.CollectorRegistry) -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), prometheus_client.MetricsHandler.factory(registry)) as server:
        server.timeout = 10
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/metrics"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=10) as response:
            yield response.read().decode()
        thread.join()


def samples(registry: prometheus_client.CollectorRegistry) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    with scraped(registry) as text:
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


def test_a_call_is_counted_timed_and_scraped() -> None:
    registry = prometheus_client.CollectorRegistry()
    hook = prometheus_hook(registry)
    for event in (
        CallStarted(**CALL),
        RateLimited(**CALL, attempt=1, source="limiter", seconds=0.5),
        AttemptFailed(**CALL, attempt=1, error_type="RateLimitError", status=429, retry_in=1.0),
        RateLimited(**CALL, attempt=1, source="service", seconds=1.0),
        FirstToken(**CALL, seconds=0.3),
        CallEnded(
            **CALL,
            duration=4.0,
            attempts=2,
            prompt_tokens=100,
            completion_tokens=20,
            reasoning_tokens=5,
            cache_read_tokens=64,
            quota_remaining=5000,
            quota_unit="tokens",
        ),
        CallEnded(**CALL, duration=1.0, attempts=1, error_type="ServerError"),
        TokenRefreshed(duration=0.1),
        QuotaLow(remaining=7, threshold=10, unit="requests"),
    ):
        emit([hook], event)
    found = samples(registry)

    def value(name: str, **labels: str) -> float:
        return found[name, frozenset({**LABELS, **labels}.items())]

    assert value("minimax_requests_total", outcome="ok") == 1
    assert value("minimax_requests_total", outcome="ServerError") == 1
    assert value("minimax_attempts_total") == 3
    assert value("minimax_attempt_failures_total", error="RateLimitError") == 1
    assert value("minimax_tokens_total", kind="prompt") == 100
    assert value("minimax_tokens_total", kind="completion") == 20
    assert value("minimax_tokens_total", kind="reasoning") == 5
    assert value("minimax_tokens_total", kind="cache_read") == 64
    assert value("minimax_request_duration_seconds_sum") == 5.0
    assert value("minimax_request_duration_seconds_bucket", le="1.0") == 1
    assert value("minimax_time_to_first_token_seconds_sum") == 0.3
    assert value("minimax_limiter_wait_seconds_count") == 1
    assert value("minimax_limiter_wait_seconds_sum") == 0.5
    assert found["minimax_token_refreshes_total", frozenset({("provider", "minimax")})] == 1
    quota = {dict(labels)["unit"]: left for (name, labels), left in found.items() if name == "minimax_quota_remaining"}
    assert quota == {"tokens": 5000, "requests": 7}


def test_a_second_hook_on_one_registry_is_the_same_hook() -> None:
    registry = prometheus_client.CollectorRegistry()
    hooks: list[object] = []
    threads = [threading.Thread(target=lambda: hooks.append(prometheus_hook(registry))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hooks) == 8
    assert len(set(map(id, hooks))) == 1
    assert prometheus_hook(prometheus_client.CollectorRegistry()) is not hooks[0]


def test_the_default_registry_is_prometheus_clients_own() -> None:
    hook = prometheus_hook()
    assert prometheus_hook(prometheus_client.REGISTRY) is hook
    emit([hook], CallEnded(**CALL, duration=0.1))
    assert prometheus_client.REGISTRY.get_sample_value("minimax_requests_total", {**LABELS, "outcome": "ok"})


def test_a_registry_without_references_is_collected() -> None:
    registry = prometheus_client.CollectorRegistry()
    alive = weakref.ref(registry)
    prometheus_hook(registry)
    del registry
    gc.collect()
    assert alive() is None


def test_call_ids_and_request_ids_are_not_labels() -> None:
    registry = prometheus_client.CollectorRegistry()
    hook = prometheus_hook(registry)
    for number in range(20):
        call: dict[str, Any] = {**CALL, "call_id": f"call-{number}"}
        emit([hook], CallEnded(**call, duration=0.1, request_id=f"request-{number}"))
    assert len([key for key in samples(registry) if key[0] == "minimax_requests_total"]) == 1
