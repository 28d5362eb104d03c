"""What a client imports when it is first used, and what a fork needs of it.

A start with a key loads no more than it needs. But a module that another thread is importing at the moment of a fork
stays half loaded in the child, and the import system never opens its lock there: the child's first use of it would
hang. So the first fork loads before it what a call may need, and waits for imports under way. What brings libraries
with hooks of their own for forks (filelock, concurrent.futures) cannot be loaded there: half of their hooks would run.

`typing.get_type_hints` looks in the globals of a function's module alone. So a signature names what is imported late as
an attribute, loaded when somebody asks: a public name as one of `minimax_sync`, any other type as one of this module.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import Executor as Executor

    from opentelemetry.metrics import MeterProvider as MeterProvider
    from opentelemetry.trace import TracerProvider as TracerProvider
    from prometheus_client import CollectorRegistry as CollectorRegistry
    from requests import Session as Session

    from .pacing.token_bucket import Limiter as Limiter
    from .values.options import ChatOptions as ChatOptions

MODULES = (
    "calls.stream",
    "settings.llm_yaml",
    "settings.placeholders",
    "hooks.call_watch",
    "hooks.events",
    "pacing.token_bucket",
    "pacing.quota_alert",
    "values.json_in_text",
    "wires.anthropic_encode",
    "wires.openai_encode",
    "wires.services",
)

_TYPES = {
    "ChatOptions": ".values.options",
    "CollectorRegistry": "prometheus_client",
    "Executor": "concurrent.futures",
    "Limiter": ".pacing.token_bucket",
    "MeterProvider": "opentelemetry.metrics",
    "Session": "requests",
    "TracerProvider": "opentelemetry.trace",
}


def __getattr__(name: str) -> Any:
    if name not in _TYPES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_TYPES[name], __package__), name)


def load_late_imports() -> None:
    """Load all of them, and wait for those that another thread is loading."""
    for module in MODULES:
        with suppress(ImportError, OSError):  # such as no more file descriptors: the fork itself goes on
            import_module(f".{module}", __package__)
