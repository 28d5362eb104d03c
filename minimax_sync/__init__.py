"""The blocking, thread-safe Python client for MiniMax M2.5.

    from minimax_sync import MiniMaxClient

    client = MiniMaxClient()
    print(client.chat("Name three rivers.").text)

Every public name is here, imported when it is first used (PEP 562): `import minimax_sync` itself costs nothing.

Glossary:

    accumulator     turns the events of one answer, or its whole body, into chunks and a `ChatResponse`
    agent           an entry of `agents.d/*.yaml` that chooses a provider and a model
    ambiguous       a request that was sent and got no answer: it may have been processed
    attempt         one HTTP request of a call; a call makes more of them only after failures
    backoff         the wait between two attempts, random within growing limits
    bearer          the key or access token in the Authorization header
    budget          how many attempts of a call may fail, counted for rate limits and server errors together
    bundle          the stored Token Plan login: access token, refresh token, expiry, region
    call            one use of a client's method, with all its attempts and waits
    channel         what a client and its siblings share: connections, credentials, limiter
    checkpoint      the file in which `map` keeps answers, so that a second run continues the first
    chunk           one item of a stream as the user sees it, such as `TextDelta`
    core            a client's channel, wire, model and options, as one frozen value
    deadline        the monotonic instant by which a call must be over, unlike a timeout, which is a duration
    delta           a piece of text, thinking or tool arguments in a stream
    emulator        a local server that imitates MiniMax, for tests and for `demo`
    envelope        the JSON fields in which a service reports an error
    finish reason   why an answer ended: "stop", "tool_calls", "length", "content_filter"
    flavor          the name of a wire in settings: "openai_compat" or "anthropic_messages"
    generation      an identifier of a bundle's stored text, which changes with every write
    hook            a function that is called with the events of a client
    idle timeout    the longest silence on a connection
    intent          the record that a refresh token is about to be sent, kept beside the bundle
    lease           keeps the background refresh running while open; in Redis, a lock that expires
    limiter         paces requests: a `TokenBucket`, or one in Redis that hosts share
    model card      the known facts of a model: limits, prices, retirement
    partial         the part of an answer received before a failure
    portal          MiniMax's OAuth server, which grants and refreshes tokens
    provider        a named section of `llm.yaml`
    quota           what remains of a plan's windows
    region          the base URL of the portal that granted a login
    rescue file     a new pair of tokens that could not be written to the bundle's file
    round           one answer of `run_tools` and the tool calls in it
    sibling         a client made by `with_options`, over the same channel
    single flight   one refresh at a time in a process, whose result all waiting threads share
    slot            the permission of the limiter to send one request
    source          where the value of a setting came from, in words
    stand-in        a mock, recorder or instrumentation that replaces parts of requests or urllib3
    store           where a bundle is kept: a file or a key in Redis
    turn            one user message of a conversation and the answer to it
    wire            a protocol for chat: OpenAI chat completions or Anthropic Messages
"""

from __future__ import annotations

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


def __getattr__(name: str) -> object:
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


def load_ipython_extension(shell: object) -> None:
    """Add the magics `%minimax` and `%%minimax` to a notebook; IPython calls it for `%load_ext minimax_sync`."""
    from .magic import register

    register(shell)
