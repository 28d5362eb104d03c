"""What the value of each setting may be, wherever it came from: argument, environment variable or file.

One table from a setting's name to its check. A check gets the value and the words that name its source, and returns the
value as the rest of the library uses it or raises ConfigError. Knows nothing of where settings are looked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from math import isfinite
from typing import Any, Literal

from ..errors import ConfigError
from ..pacing.retry import RetryPolicy
from ..secret import StoreUrl, check_key, is_one_word
from .endpoints import parse_chat_path, parse_flavor

AuthMode = Literal["static", "token_plan", "auto"]
Check = Callable[[Any, str], Any]

AUTH_MODES: tuple[AuthMode, ...] = ("static", "token_plan", "auto")
_STORES = ("redis://", "rediss://", "unix://")


def check_text(value: object, source: str) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ConfigError(f"{source}: must be a line of text")
    return value.strip()


def check_group_id(value: object, source: str) -> str:
    if not isinstance(value, str) or not is_one_word(value.strip()):
        raise ConfigError(f"{source}: a group id is printable ASCII without spaces; copy it again from the console")
    return value.strip()


def check_auth_mode(value: object, source: str) -> AuthMode:
    for mode in AUTH_MODES:
        if value == mode:
            return mode
    raise ConfigError(f"{source}: must be one of {', '.join(AUTH_MODES)}")


def check_bundle(value: object, source: str) -> str:
    """Accept a path, or the redis URL of a bundle that lives there."""
    text = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if isinstance(text, str) and _is_store(text.strip()):
        return StoreUrl(text.strip())
    if not isinstance(text, str) or not text.strip() or "\0" in text or "://" in text:
        del value, text  # it may hold a password, and a traceback may show locals
        raise ConfigError(f"{source}: must be the path of a Token Plan bundle or a URL like redis://host:6379/0/NAME")
    return text


def check_limiter(value: object, source: str) -> object:
    """Accept the URL of a store that hosts share, or an object that does what a TokenBucket does."""
    if isinstance(value, str) and _is_store(value.strip()):
        return StoreUrl(value.strip())
    if not isinstance(value, str) and _has(value, "acquire", "pause"):
        return value
    del value  # it may hold a password, and a traceback may show locals
    raise ConfigError(f"{source}: must be a URL like redis://host:6379/0, or have acquire() and pause()")


def check_auth(value: object, source: str) -> object:
    if not _has(value, "bearer", "force_refresh"):
        raise ConfigError(f"{source}: must have bearer() and force_refresh(rejected), as StaticKey and TokenPlan have")
    return value


def check_rate(value: Any, source: str) -> float | None:
    """Accept requests per second, or None for no limit."""
    if value is None:
        return None
    if not _is_number(value) or not 1e-6 <= value <= 1e6:
        raise ConfigError(f"{source}: must be a number from 0.000001 to 1000000, or None for no limit")
    return float(value)


def whole(least: int) -> Check:
    def check(value: Any, source: str) -> int:
        if not _is_number(value) or value != int(value) or value < least:
            raise ConfigError(f"{source}: must be a whole number of at least {least}")
        return int(value)

    return check


def check_retry(value: object, source: str) -> RetryPolicy:
    if not isinstance(value, RetryPolicy):
        raise ConfigError(f"{source}: must be a RetryPolicy, not {type(value).__name__}")
    return value


def _is_store(text: str) -> bool:
    return text.startswith(_STORES) and text not in _STORES and is_one_word(text)


def _has(value: object, *methods: str) -> bool:
    return all(callable(getattr(value, method, None)) for method in methods)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


CHECKS: dict[str, Check] = {
    "api_key": check_key,
    "auth": check_auth,
    "model": check_text,
    "base_url": check_text,
    "api_flavor": parse_flavor,
    "chat_path": parse_chat_path,
    "group_id": check_group_id,
    "auth_mode": check_auth_mode,
    "bundle": check_bundle,
    "requests_per_second": check_rate,
    "burst": whole(1),
    "limiter": check_limiter,
    "quota_alert_threshold": whole(0),
    "quota_budget": whole(1),
    "retry": check_retry,
}
