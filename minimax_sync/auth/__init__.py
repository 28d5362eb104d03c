"""Everything that knows a token: static keys, and the Token Plan login that is refreshed while programs run.

Read it from the bottom up, imports point down:

    login           the login in the browser
    token_plan      what a user holds
    single_flight   one per bundle and process, shared by all its users · status, for people
    background      the one daemon thread of a bundle
    protocol        the protocol of one refresh, over small interfaces; knows no file, socket or thread
    stores          which store a path or a URL means
    token_endpoint · file_store   one request to the token endpoint · the bundle's file, written so that nothing is lost
    file_rewrite · file_lock · file_access     its temporary files, its kernel lock, how they are opened
    redis_store · redis_scripts   the bundle in Redis · its atomic steps
    bundle · intent · instants · backoff · clock · interfaces       values, rules and interfaces

The rest of the library sees `Auth` alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .static_key import StaticKey
    from .token_plan import TokenPlan

__all__ = ["Auth", "StaticKey", "TokenPlan"]

# Late, so that a client with a static key never loads the machinery of the Token Plan.
_HOMES = {"StaticKey": ".static_key", "TokenPlan": ".token_plan"}


class Auth(Protocol):
    """Where a call gets its bearer token from. Implementations are thread-safe."""

    def bearer(self, timeout: float | None = None) -> str:
        """Return a token to send now, waiting at most `timeout` seconds."""
        ...

    def force_refresh(self, rejected: str, timeout: float | None = None) -> str:
        """Return another token than `rejected`, which the service answered with a 401."""
        ...


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
