"""The blocking, thread-safe Python client for MiniMax M2.5.

    from minimax_sync import MiniMaxClient

    client = MiniMaxClient()
    print(client.chat("Name three rivers.").text)

Every public name is here, imported when it is first used (PEP 562): `import minimax_sync` itself costs nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers assume True; importing it from typing would cost more than this module

if TYPE_CHECKING:
    from typing import Any

__version__ = "0.2.0"

_HOMES = {
    "auth.login": "Login login logout",
    "auth.static_key": "StaticKey",
    "auth.token_plan": "TokenPlan",
    "calls.stream": "ChatStream",
    "client": "MiniMaxClient",
    "conversation": "Conversation",
    "emulator": "Emulator Received",
    "errors": "AmbiguousResultError BundleError CallTimeoutError ConfigError ContentFilteredError ContextLengthError "
    "CredentialInvalidError InsufficientBalanceError LlmError QuotaExceededError RateLimitError RequestError "
    "ResponseFormatError ServerError StreamInterruptedError ToolArgumentsError TransportError",
    "hooks.events": "AttemptFailed CallEnded CallStarted FirstToken QuotaLow RateLimited TokenRefreshed ToolFailed",
    "hooks.logging": "logging_hook",
    "hooks.otel": "otel_hook",
    "hooks.prometheus": "prometheus_hook",
    "pacing.testing": "testing",
    "pacing.token_bucket": "TokenBucket",
    "pacing.redis_token_bucket": "RedisTokenBucket",
    "pacing.retry": "RetryPolicy",
    "functions.parse": "Parsed",
    "functions.run_tools": "ToolRun",
    "functions.toolbox": "tool",
    "values.chunks": "ReasoningDelta StreamChunk StreamEnd TextDelta ToolCallDelta ToolCallEnd ToolCallStart "
    "ToolResult UsageUpdate",
    "values.images": "Image",
    "values.messages": "ChatMessage ToolCall",
    "values.models": "ModelCard model_card",
    "values.quota": "Balance Quota QuotaWindow",
    "values.request": "ChatRequest",
    "values.response": "ChatResponse",
    "values.results": "MapResult",
    "values.tooldef": "ToolDef",
    "values.usage": "TokenUsage",
    "wires.services": "Embeddings Model",
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

_PACKAGES = ("emulator", "hooks")

__all__ = list(_MODULE_OF)


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _MODULE_OF and name not in _PACKAGES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _MODULE_OF.get(name, name)
    try:
        module = import_module(f".{home}", __name__)
    except AttributeError as error:  # Python would report it as a name that does not exist
        raise ImportError(f"{__name__}.{home} cannot be imported: {error}") from error
    value = globals()[name] = module if name in _PACKAGES else getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF, *_PACKAGES})


def load_ipython_extension(shell: Any) -> None:
    """Add the magics `%minimax` and `%%minimax` to a notebook; IPython calls it for `%load_ext minimax_sync`."""
    from .magic import register

    register(shell)
