"""What a client reports about its calls, and ready-made hooks for logging, Prometheus and OpenTelemetry.

The ready-made hooks are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import events
from .events import *  # noqa: F403

if TYPE_CHECKING:
    from .logging import logging_hook
    from .otel import otel_hook
    from .prometheus import prometheus_hook

__all__ = ["logging_hook", "otel_hook", "prometheus_hook"]
__all__ += events.__all__

_HOMES = {"logging_hook": ".logging", "otel_hook": ".otel", "prometheus_hook": ".prometheus"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
