"""The blocking, thread-safe Python client for MiniMax M2.5.

    from minimax_sync import MiniMaxClient

    client = MiniMaxClient()
    print(client.chat("Name three rivers.").text)

Every public name is here, imported when it is first used (PEP 562): `import minimax_sync` itself costs nothing.
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False  # type checkers take it for True; typing's own would cost 15 times what this module does

if TYPE_CHECKING:
    from typing import Any

    from . import emulator as emulator
    from . import hooks as hooks
    from .auth.login import Login as Login
    from .auth.login import login as login
    from .auth.login import logout as logout
    from .auth.static_key import StaticKey as StaticKey
    from .auth.token_plan import TokenPlan as TokenPlan
    from .batch.run import MapResult as MapResult
    from .calls.stream import ChatStream as ChatStream
    from .client import MiniMaxClient as MiniMaxClient
    from .conversation import Conversation as Conversation
    from .emulator import Emulator as Emulator
    from .emulator import Received as Received
    from .errors import AmbiguousResultError as AmbiguousResultError
    from .errors import BundleError as BundleError
    from .errors import CallTimeoutError as CallTimeoutError
    from .errors import ConfigError as ConfigError
    from .errors import ContentFilteredError as ContentFilteredError
    from .errors import ContextLengthError as ContextLengthError
    from .errors import CredentialInvalidError as CredentialInvalidError
    from .errors import InsufficientBalanceError as InsufficientBalanceError
    from .errors import LlmError as LlmError
    from .errors import QuotaExceededError as QuotaExceededError
    from .errors import RateLimitError as RateLimitError
    from .errors import RequestError as RequestError
    from .errors import ResponseFormatError as ResponseFormatError
    from .errors import ServerError as ServerError
    from .errors import StreamInterruptedError as StreamInterruptedError
    from .errors import ToolArgumentsError as ToolArgumentsError
    from .errors import TransportError as TransportError
    from .functions.run_tools import tool as tool
    from .hooks.events import AttemptFailed as AttemptFailed
    from .hooks.events import CallEnded as CallEnded
    from .hooks.events import CallStarted as CallStarted
    from .hooks.events import FirstToken as FirstToken
    from .hooks.events import QuotaLow as QuotaLow
    from .hooks.events import RateLimited as RateLimited
    from .hooks.events import TokenRefreshed as TokenRefreshed
    from .hooks.events import ToolFailed as ToolFailed
    from .hooks.logging import logging_hook as logging_hook
    from .hooks.otel import otel_hook as otel_hook
    from .hooks.prometheus import prometheus_hook as prometheus_hook
    from .pacing.quota_alert import Quota as Quota
    from .pacing.quota_alert import QuotaWindow as QuotaWindow
    from .pacing.redis_token_bucket import RedisTokenBucket as RedisTokenBucket
    from .pacing.retry import RetryPolicy as RetryPolicy
    from .pacing.token_bucket import TokenBucket as TokenBucket
    from .values.chunks import ReasoningDelta as ReasoningDelta
    from .values.chunks import StreamChunk as StreamChunk
    from .values.chunks import StreamEnd as StreamEnd
    from .values.chunks import TextDelta as TextDelta
    from .values.chunks import ToolCallDelta as ToolCallDelta
    from .values.chunks import ToolCallEnd as ToolCallEnd
    from .values.chunks import ToolCallStart as ToolCallStart
    from .values.chunks import UsageUpdate as UsageUpdate
    from .values.images import Image as Image
    from .values.messages import ChatMessage as ChatMessage
    from .values.messages import ToolCall as ToolCall
    from .values.request import ChatRequest as ChatRequest
    from .values.response import ChatResponse as ChatResponse
    from .values.tooldef import ToolDef as ToolDef
    from .values.usage import TokenUsage as TokenUsage
    from .wires.services import Embeddings as Embeddings
    from .wires.services import Model as Model

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
    "pacing.token_bucket": "TokenBucket",
    "batch.run": "MapResult",
    "pacing.quota_alert": "Quota QuotaWindow",
    "pacing.redis_token_bucket": "RedisTokenBucket",
    "pacing.retry": "RetryPolicy",
    "functions.run_tools": "tool",
    "values.chunks": "ReasoningDelta StreamChunk StreamEnd TextDelta ToolCallDelta ToolCallEnd ToolCallStart "
    "UsageUpdate",
    "values.images": "Image",
    "values.messages": "ChatMessage ToolCall",
    "values.request": "ChatRequest",
    "values.response": "ChatResponse",
    "values.tooldef": "ToolDef",
    "values.usage": "TokenUsage",
    "wires.services": "Embeddings Model",
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

_PACKAGES = ("emulator", "hooks")

__all__ = list(_MODULE_OF)


def __getattr__(name: str) -> Any:
    from .lean_import import load

    if name in _PACKAGES:
        return load(f".{name}")
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(load(f".{_MODULE_OF[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF, *_PACKAGES})


def load_ipython_extension(shell: Any) -> None:
    """Add the cell magic `%%minimax` to a notebook; IPython calls it for `%load_ext minimax_sync`."""
    from .magic import register

    register(shell)
