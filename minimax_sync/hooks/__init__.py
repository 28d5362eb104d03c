"""What a client tells about its calls, and ready-made hooks for logging, Prometheus and OpenTelemetry."""

from .events import (
    AttemptFailed,
    CallEnded,
    CallEvent,
    CallStarted,
    Event,
    FirstToken,
    Hook,
    QuotaLow,
    RateLimited,
    TokenRefreshed,
    ToolFailed,
    emit,
)
from .logging import logging_hook
from .otel import otel_hook
from .prometheus import prometheus_hook

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
    "logging_hook",
    "otel_hook",
    "prometheus_hook",
]
