"""MiniMax's error codes and HTTP statuses, and the class that each must become, apart from the product's own table."""

from __future__ import annotations

from minimax_sync.errors import (
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

CODES: dict[int, type[LlmError]] = {
    **dict.fromkeys((1002, 1041, 2045, 2046, 2047), RateLimitError),
    **dict.fromkeys((1028, 1030, 2056, 2057, 2062, 2067), QuotaExceededError),
    **dict.fromkeys((1000, 1001, 1013, 1024, 1033), ServerError),
    **dict.fromkeys((1004, 2049), CredentialInvalidError),
    1008: InsufficientBalanceError,
    **dict.fromkeys((1026, 1027), ContentFilteredError),
    1039: ContextLengthError,
    **dict.fromkeys((1042, 2013, 2038, 2061), RequestError),
}

STATUSES: dict[int, type[LlmError]] = {
    **dict.fromkeys((301, 302, 307), ResponseFormatError),
    **dict.fromkeys((400, 404, 422), RequestError),
    **dict.fromkeys((401, 403), CredentialInvalidError),
    402: InsufficientBalanceError,
    413: ContextLengthError,
    429: RateLimitError,
    **dict.fromkeys((408, 500, 502, 503, 504, 529), ServerError),
}
"""The class of an answer without a known code."""
