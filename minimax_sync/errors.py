"""The tree of errors. `wires.error_codes` has the table that maps the service's codes to them.

No I/O, no clock. A message names the cure and never contains a key, a token or a prompt; everything that a handler
needs is an attribute.

    LlmError
    ├── ConfigError                  a setting is missing, unknown or impossible; nothing was sent
    ├── BundleError                  the Token Plan bundle cannot be read; it is left as it is
    ├── RequestError                 the service, or the client before sending, refuses this request
    │   ├── ContextLengthError
    │   ├── ContentFilteredError
    │   └── InsufficientBalanceError
    ├── CredentialInvalidError       the key or the login is not accepted
    ├── RateLimitError               too fast: wait and try again
    │   └── QuotaExceededError       the plan's window is used up until `resets_at`
    ├── ServerError                  the service failed: try again
    ├── TransportError               no complete answer came over the wire
    │   ├── CallTimeoutError         also a TimeoutError
    │   └── AmbiguousResultError     lost after sending: it may have been processed, so it is not sent again
    ├── ResponseFormatError          an answer that is malformed or of the wrong kind
    ├── StreamInterruptedError       a stream that ended early; `.partial` is the part received
    └── ToolArgumentsError           the model's arguments are not a JSON object
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal

import msgspec

import minimax_sync

MAX_BODY_CHARS = 64 * 1024
MAX_MESSAGE_CHARS = 500

Budget = Literal["rate_limit", "server"]


class LlmError(Exception):
    """Base of every error of this library.

    Attributes: `status`, the HTTP status; `code`, MiniMax's own code; `request_id`, to quote to MiniMax's support;
    `retry_after_ms`, the wait that the service asked for, in milliseconds; `body`, the answer as text, at most 64 KiB;
    `headers`, those of the answer, with names in lower case; `partial`, the part of the answer received before a stream
    or a run of tools failed; `budget`, which of the two retry budgets an attempt with this error is charged to, None if
    it is not retried. Each is None (or empty) where it does not apply. Pickles, without the messages of `partial`;
    holds no credential.

    >>> emulator.fault(status=400, code=2013)
    >>> try:
    ...     client.chat("Hello")
    ... except LlmError as error:
    ...     print(type(error).__name__, error.status, error.code)
    RequestError 400 2013
    """

    default_budget: ClassVar[Budget | None] = None

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        code: int | None = None,
        request_id: str | None = None,
        retry_after_ms: int | None = None,
        body: str = "",
        headers: Mapping[str, str] | None = None,
        partial: minimax_sync.ChatResponse | None = None,
        budget: Budget | Literal["default"] | None = "default",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after_ms = retry_after_ms
        self.body = body[:MAX_BODY_CHARS]
        self.headers: Mapping[str, str] = headers or {}
        self.partial = partial
        self.budget: Budget | None = self.default_budget if budget == "default" else budget

    def __reduce__(self) -> tuple[Any, ...]:
        attributes = self.__dict__.copy()
        if self.partial is not None:
            attributes["partial"] = msgspec.structs.replace(self.partial, messages=())
        return _rebuild, (type(self), self.args, attributes)


def _rebuild(kind: type[LlmError], args: tuple[Any, ...], attributes: dict[str, Any]) -> LlmError:
    error = kind(*args)
    error.__dict__.update(attributes)
    return error


class ConfigError(LlmError):
    """A setting is missing, unknown or impossible. The message names the argument, variable, or file and line.

    >>> try:
    ...     MiniMaxClient("a-key", base_url="nowhere")
    ... except ConfigError as error:
    ...     print(str(error)[:8])
    base_url
    """


class BundleError(LlmError):
    """The Token Plan bundle cannot be read or stored; the message names its path. The file is left as it is.

    >>> from pathlib import Path
    >>> length = Path("plan.json").write_text("not JSON")
    >>> try:
    ...     MiniMaxClient(bundle="plan.json", auth_mode="token_plan")
    ... except BundleError as error:
    ...     print(str(error)[:33])
    cannot read the Token Plan bundle
    """


class RequestError(LlmError):
    """The request cannot be served as it is: refused by the service (4xx, 2013, ...) or by a check before sending.

    >>> try:
    ...     client.chat("Hello", max_tokens=0)
    ... except RequestError as error:
    ...     print(error)
    max_tokens must be an integer of at least 1
    """


class ContextLengthError(RequestError):
    """The conversation is longer than the model's context window.

    >>> emulator.fault(status=400, message="context window exceeds limit (2013)")
    >>> try:
    ...     client.chat("Hello")
    ... except ContextLengthError as error:
    ...     print(error.code)
    2013
    """


class ContentFilteredError(RequestError):
    """The service's content filter refused the input (1026) or the output (1027).

    >>> emulator.fault(code=1026)
    >>> try:
    ...     client.chat("Hello")
    ... except ContentFilteredError as error:
    ...     print(error.code)
    1026
    """


class InsufficientBalanceError(RequestError):
    """The account has no balance left (1008), whatever the HTTP status.

    >>> emulator.fault(status=500, code=1008)
    >>> try:
    ...     client.chat("Hello")
    ... except InsufficientBalanceError as error:
    ...     print(error.status, error.code)
    500 1008
    """


class CredentialInvalidError(LlmError):
    """The key or the login was not accepted. The message names the likely cause and what to do.

    >>> emulator.fault(status=401)
    >>> try:
    ...     client.chat("Hello")
    ... except CredentialInvalidError as error:
    ...     print(error.status)
    401
    """


class RateLimitError(LlmError):
    """The service asks to slow down (429, 1002, ...).

    >>> emulator.fault(status=429, retry_after=7)
    >>> try:
    ...     client.with_options(retry=RetryPolicy(rate_limit_attempts=1)).chat("Hello")
    ... except RateLimitError as error:
    ...     print(error.retry_after_ms)
    7000
    """

    default_budget: ClassVar[Budget | None] = "rate_limit"


class QuotaExceededError(RateLimitError):
    """The plan's quota is used up. `resets_at` is an aware datetime where the service sent it. Never retried.

    >>> emulator.fault(code=2056, message="usage limit exceeded, resets at 2026-12-01T15:00:00Z")
    >>> try:
    ...     client.chat("Hello")
    ... except QuotaExceededError as error:
    ...     print(error.resets_at)
    2026-12-01 15:00:00+00:00
    """

    default_budget = None

    def __init__(self, message: str = "", *, resets_at: datetime | None = None, **attributes: Any) -> None:
        super().__init__(message, **attributes)
        self.resets_at = resets_at


class ServerError(LlmError):
    """The service failed (5xx, 529, 408, ...).

    >>> emulator.fault(status=529)
    >>> try:
    ...     client.with_options(retry=RetryPolicy(server_attempts=1)).chat("Hello")
    ... except ServerError as error:
    ...     print(error.status)
    529
    """

    default_budget = "server"


class TransportError(LlmError):
    """No complete answer arrived: no connection, a certificate that is not accepted, a truncated body.

    >>> lonely = MiniMaxClient("a-key", base_url="http://127.0.0.1:1", retry=RetryPolicy(server_attempts=1))
    >>> try:
    ...     lonely.chat("Hello")
    ... except TransportError as error:
    ...     print(str(error)[:33])
    no connection to http://127.0.0.1
    """


class CallTimeoutError(TransportError, TimeoutError):
    """A time limit passed. `sent`: whether the request had been sent, so that it may have been processed.

    >>> emulator.answer("Too late.", delay=60)
    >>> try:
    ...     client.chat("Hello", timeout=0.02)
    ... except CallTimeoutError as error:
    ...     print(isinstance(error, TimeoutError))
    True
    """

    def __init__(self, message: str = "", *, sent: bool = False, **attributes: Any) -> None:
        super().__init__(message, **attributes)
        self.sent = sent


class AmbiguousResultError(TransportError):
    """The connection was lost after sending and before the answer: outcome unknown, so it was not sent again.

    >>> emulator.fault("disconnect")
    >>> try:
    ...     client.chat("Hello")
    ... except AmbiguousResultError as error:
    ...     print(str(error)[-24:])
    so it was not sent again
    """


class ResponseFormatError(LlmError):
    """An answer that is malformed or of the wrong kind: HTML, invalid JSON, a redirect, more than a size limit allows.

    >>> emulator.fault("html")
    >>> try:
    ...     client.chat("Hello")
    ... except ResponseFormatError as error:
    ...     print(error.body[:15])
    <!DOCTYPE html>
    """


class StreamInterruptedError(LlmError):
    """A stream ended without its terminal event. `partial` is a ChatResponse of the part received; it is never None.

    >>> emulator.answer("one two three")
    >>> emulator.fault("truncate")
    >>> try:
    ...     client.stream("Count to three.").response
    ... except StreamInterruptedError as error:
    ...     print(error.partial.text)
    one two
    """

    partial: minimax_sync.ChatResponse


class ToolArgumentsError(LlmError):
    """The arguments that the model wrote for a tool call are not a JSON object.

    >>> call = ToolCall("call_1", "get_weather", arguments_json="{broken")
    >>> try:
    ...     call.arguments
    ... except ToolArgumentsError as error:
    ...     print(call.arguments_json)
    {broken
    """
