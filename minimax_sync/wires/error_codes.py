"""The one table from the service's codes, HTTP statuses and words to the errors. Pure: it must not know envelopes."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from ..errors import (
    MAX_MESSAGE_CHARS,
    ContentFilteredError,
    ContextLengthError,
    CredentialInvalidError,
    InsufficientBalanceError,
    LlmError,
    QuotaExceededError,
    RateLimitError,
    RequestError,
    ResponseFormatError,
    ServerError,
)

CODE_ERRORS: dict[int, type[LlmError]] = {
    **dict.fromkeys((1002, 1041, 2045, 2046, 2047), RateLimitError),
    **dict.fromkeys((1028, 1030, 2056, 2057, 2062, 2067), QuotaExceededError),
    **dict.fromkeys((1000, 1001, 1013, 1024, 1033), ServerError),
    **dict.fromkeys((1004, 2049), CredentialInvalidError),
    1008: InsufficientBalanceError,
    **dict.fromkeys((1026, 1027), ContentFilteredError),
    1039: ContextLengthError,
    **dict.fromkeys((1042, 2013, 2038, 2061), RequestError),
}

STATUS_ERRORS: dict[int, type[LlmError]] = {
    401: CredentialInvalidError,
    402: InsufficientBalanceError,
    403: CredentialInvalidError,
    408: ServerError,
    413: ContextLengthError,
    429: RateLimitError,
}

WORD_ERRORS: dict[str, type[LlmError]] = {
    **dict.fromkeys(("insufficient_quota", "billing_hard_limit_reached"), QuotaExceededError),
    **dict.fromkeys(("context_length_exceeded", "exceed_context_size_error"), ContextLengthError),
    **dict.fromkeys(
        ("content_filter", "content_policy_violation", "moderation_blocked", "prohibited_content"), ContentFilteredError
    ),
}
"""The words that other servers and gateways put in an error's `type` or `code`."""

# Patterns are text: re compiles them when an error is read, and not at every start.
_CONTEXT = (
    r"(?i)context (window|length|size|limit)|maximum context|exceeds? .{0,40}context|"
    r"prompt is too long|input is too long|maximum number of (input )?tokens|max_(new_)?tokens.{0,20} must be <="
)
_MODERATION = r"(?i)moderation|was flagged|content (policy|management)|safety (system|filter)"
_RESETS_AT = r"resets? at (\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?"
_TRAILING_CODE = r"\((\d{4})\)\s*$"

_MOST_TERSE_CHARS = 100
"""The length up to which the message of a 404 is a router's "not found", which does not name the cause."""


def code_in(message: str) -> int | None:
    """Return the code that MiniMax writes at the end of its messages, as in "insufficient balance (1008)"."""
    found = re.search(_TRAILING_CODE, message)
    return int(found[1]) if found else None


def error_class(status: int, code: int | None, message: str = "", words: tuple[str, ...] = ()) -> type[LlmError]:
    """Choose the class for an answer: the code outranks the status, because MiniMax sends 1008 and 2061 as HTTP 500.

    `words` are the error's own `type` and `code`, as other servers write them.
    """
    by_code = CODE_ERRORS.get(code) if code else None
    if by_code is None:
        by_code = next((WORD_ERRORS[word] for word in words if word in WORD_ERRORS), None) or _by_status(status)
    if by_code is RequestError and re.search(_CONTEXT, message):
        return ContextLengthError
    if status == 403 and by_code is CredentialInvalidError and not code and re.search(_MODERATION, message):
        return ContentFilteredError
    return by_code


def _by_status(status: int) -> type[LlmError]:
    if status in STATUS_ERRORS:
        return STATUS_ERRORS[status]
    if status >= 500:
        return ServerError
    return ResponseFormatError if 300 <= status < 400 else RequestError


def error_for(
    status: int,
    code: int | None,
    message: str,
    *,
    words: tuple[str, ...] = (),
    path: str = "",
    **attributes: Any,
) -> LlmError:
    """Build the error for an answer with this HTTP status, MiniMax code and message (all already free of secrets).

    The requested `path` is appended to the message of a 404 that is short and does not mention a model; `attributes`
    are those of `LlmError`.
    """
    kind = error_class(status, code, message, words)
    text = " ".join(message.split())[:MAX_MESSAGE_CHARS] or "the service gave no reason"
    if code and code_in(text) is None:
        text = f"{text} ({code})"
    text = f"HTTP {status}: {text}" if status != 200 else text
    explains_itself = code or "model" in message.lower() or len(message) > _MOST_TERSE_CHARS
    if status == 404 and path and not explains_itself:
        text = (
            f"{text}. Nothing is served at {path}: check base_url, and chat_path for a server other than MiniMax's, "
            "such as chat_path='/chat/completions'"
        )
    if kind is QuotaExceededError:
        attributes["resets_at"] = resets_at(message)
    return kind(text, status=status, code=code, **attributes)


def resets_at(message: str) -> datetime | None:
    """Read the instant in "usage limit exceeded, ... resets at 2026-05-15T15:00:00Z (2056)"; no zone means UTC."""
    found = re.search(_RESETS_AT, message)
    if not found:
        return None
    day, time, zone = found.groups()
    zone = "+00:00" if zone in (None, "Z") else zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
    try:
        return datetime.fromisoformat(f"{day}T{time}{zone}")
    except ValueError:
        return None
