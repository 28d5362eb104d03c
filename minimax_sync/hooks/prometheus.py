"""Events as Prometheus metrics (extra `prometheus`). Labels are names only, so their number stays small."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from .events import AttemptFailed, CallEnded, CallEvent, Event, FirstToken, Hook, QuotaLow, RateLimited, TokenRefreshed

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_TOKEN_KINDS = ("prompt", "completion", "reasoning", "cache_read", "cache_write")
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)

_hooks: weakref.WeakKeyDictionary[object, Hook] = weakref.WeakKeyDictionary()
_hooks_lock = threading.Lock()


def __getattr__(name: str) -> Any:
    """Load the backend's type for a program that resolves annotations."""
    if name == "CollectorRegistry":
        import prometheus_client

        return prometheus_client.CollectorRegistry
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def prometheus_hook(registry: CollectorRegistry | None = None) -> Hook:
    """Return a hook that counts and times calls in `registry`, by default prometheus_client's own.

    A registry has one set of metrics: asked again for the same one, it returns the same hook.

    >>> from prometheus_client import CollectorRegistry
    >>> registry = CollectorRegistry()
    >>> answer = client.with_options(hooks=[prometheus_hook(registry)]).chat("Hello")
    >>> labels = {"provider": "minimax", "operation": "chat", "model": "MiniMax-M2.5", "outcome": "ok"}
    >>> registry.get_sample_value("minimax_requests_total", labels)
    1.0
    """
    try:
        import prometheus_client
    except ImportError as exc:
        raise ConfigError("prometheus_hook() needs prometheus-client: pip install 'minimax-sync[prometheus]'") from exc
    wanted = registry or prometheus_client.REGISTRY
    with _hooks_lock:
        hook = _hooks.get(wanted)
        if hook is None:
            hook = _hooks[wanted] = _make_hook(wanted)
    return hook


def _make_hook(registry: CollectorRegistry) -> Hook:
    from prometheus_client import Counter, Gauge, Histogram

    call = ("provider", "operation", "model")
    requests = Counter("minimax_requests", "Calls, by outcome", (*call, "outcome"), registry=registry)
    attempts = Counter("minimax_attempts", "Requests sent, repeated ones included", call, registry=registry)
    failures = Counter(
        "minimax_attempt_failures", "Requests that failed, repeated or not", (*call, "error"), registry=registry
    )
    tokens = Counter("minimax_tokens", "Tokens, as the service counts them", (*call, "kind"), registry=registry)
    duration = Histogram(
        "minimax_request_duration_seconds", "Whole calls, waits included", call, buckets=_SECONDS, registry=registry
    )
    first_token = Histogram(
        "minimax_time_to_first_token_seconds", "Until a stream's first delta", call, buckets=_SECONDS, registry=registry
    )
    limiter_wait = Histogram(
        "minimax_limiter_wait_seconds", "Delayed by the client's rate limit", call, buckets=_SECONDS, registry=registry
    )
    refreshes = Counter("minimax_token_refreshes", "Access tokens renewed", ("provider",), registry=registry)
    quota = Gauge("minimax_quota_remaining", "Quota last seen", ("provider", "unit"), registry=registry)

    def ended(event: CallEnded) -> None:
        labels = _labels(event)
        requests.labels(*labels, event.error_type or "ok").inc()
        attempts.labels(*labels).inc(event.attempts)
        duration.labels(*labels).observe(event.duration)
        for kind in _TOKEN_KINDS:
            if count := getattr(event, f"{kind}_tokens"):
                tokens.labels(*labels, kind).inc(count)
        if event.quota_remaining is not None:
            quota.labels(event.provider, event.quota_unit).set(event.quota_remaining)

    def hook(event: Event) -> None:
        if isinstance(event, CallEnded):
            ended(event)
        elif isinstance(event, AttemptFailed):
            failures.labels(*_labels(event), event.error_type).inc()
        elif isinstance(event, FirstToken):
            first_token.labels(*_labels(event)).observe(event.seconds)
        elif isinstance(event, RateLimited) and event.source == "limiter":
            limiter_wait.labels(*_labels(event)).observe(event.seconds)
        elif isinstance(event, TokenRefreshed):
            refreshes.labels(event.provider).inc()
        elif isinstance(event, QuotaLow):
            quota.labels(event.provider, event.unit).set(event.remaining)

    return hook


def _labels(event: CallEvent) -> tuple[str, str, str]:
    return event.provider, event.operation, event.model
