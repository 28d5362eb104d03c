"""The arguments of a client and of `with_options`, for type checkers. Their meaning is in the table of settings."""

import os
import ssl
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

from ..hooks.events import Hook
from ..net import session as sessions
from ..pacing.retry import RetryPolicy

# No annotations from the future here: TypedDict would compile each of them.


class SiblingArguments(TypedDict, total=False):
    """Keyword arguments of `with_options`."""

    model: str
    retry: RetryPolicy
    timeout: float
    connect_timeout: float
    idle_timeout: float
    hooks: Iterable[Hook]


class ClientArguments(SiblingArguments, total=False):
    """Keyword arguments of `MiniMaxClient`, which `from_config` takes too; a test compares the two."""

    api_key: str | Callable[[], str] | None
    base_url: str | None
    api_flavor: str | None
    chat_path: str | None
    group_id: str | None
    auth: Any
    auth_mode: str
    bundle: str | os.PathLike[str] | None
    requests_per_second: float | None
    limiter: Any
    quota_alert_threshold: float | None
    quota_budget: float | None
    session: "sessions.Session | None"  # not loaded before it is needed
    verify: bool | str | os.PathLike[str] | ssl.SSLContext
    proxy: str | None
    default_headers: Mapping[str, str] | None
    background_refresh: bool
