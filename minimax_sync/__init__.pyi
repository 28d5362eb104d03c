"""The public names, for type checkers and editors; at run time `__init__.py` imports each when it is first used."""

from typing import Any

from . import emulator as emulator
from . import hooks as hooks
from .auth.login import Login as Login
from .auth.login import login as login
from .auth.login import logout as logout
from .auth.static_key import StaticKey as StaticKey
from .auth.token_plan import TokenPlan as TokenPlan
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
from .functions.parse import Parsed as Parsed
from .functions.run_tools import ToolRun as ToolRun
from .functions.toolbox import tool as tool
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
from .pacing.redis_token_bucket import RedisTokenBucket as RedisTokenBucket
from .pacing.retry import RetryPolicy as RetryPolicy
from .pacing.testing import testing as testing
from .pacing.token_bucket import TokenBucket as TokenBucket
from .values.chunks import ReasoningDelta as ReasoningDelta
from .values.chunks import StreamChunk as StreamChunk
from .values.chunks import StreamEnd as StreamEnd
from .values.chunks import TextDelta as TextDelta
from .values.chunks import ToolCallDelta as ToolCallDelta
from .values.chunks import ToolCallEnd as ToolCallEnd
from .values.chunks import ToolCallStart as ToolCallStart
from .values.chunks import ToolResult as ToolResult
from .values.chunks import UsageUpdate as UsageUpdate
from .values.images import Image as Image
from .values.messages import ChatMessage as ChatMessage
from .values.messages import ToolCall as ToolCall
from .values.models import ModelCard as ModelCard
from .values.models import model_card as model_card
from .values.quota import Balance as Balance
from .values.quota import Quota as Quota
from .values.quota import QuotaWindow as QuotaWindow
from .values.request import ChatRequest as ChatRequest
from .values.response import ChatResponse as ChatResponse
from .values.results import MapResult as MapResult
from .values.tooldef import ToolDef as ToolDef
from .values.usage import TokenUsage as TokenUsage
from .wires.services import Embeddings as Embeddings
from .wires.services import Model as Model

__version__: str

__all__: list[str]

def load_ipython_extension(shell: Any) -> None: ...
