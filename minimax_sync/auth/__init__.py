"""Sources of bearer tokens: static keys, and the Token Plan login that is refreshed while programs run.

The modules from top to bottom; imports point down:

    login                           the login in the browser: the order of its steps
    user_code                       its forms and answers
    static_key, user_auth           a key; a function or an object of the user's as the source of keys
    token_plan                      `TokenPlan`, the public handle on a bundle
    requests_auth                   the same as the `auth=` of the requests library
    single_flight, status           what all handles of one bundle in a process share; its state for display
    background                      the daemon thread of one bundle
    protocol                        the steps of one refresh, over interfaces: no file, socket or thread
    spending                        sending a refresh token, and again if the answer was lost
    token_endpoint                  one refresh request and its answers
    portal                          the HTTP client of the OAuth portal
    file_store, redis_store         a bundle in a file; a bundle in Redis
    file_rewrite, file_lock, file_access, redis_scripts
                                    the replacement of the file, its kernel lock, its descriptors; the steps in Redis
    interfaces                      what the protocol needs: store, lock, endpoint; the wait for a lock
    bundle, intent, instants, backoff, clock                        values and rules

The other packages know only `Auth` and `Refreshed`; `StaticKey` and `TokenPlan` are loaded when first used.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import msgspec

if TYPE_CHECKING:
    from .static_key import StaticKey
    from .token_plan import TokenPlan

__all__ = ["Auth", "StaticKey", "TokenPlan"]

# Imported late, so that a client with a static key never loads the modules of the Token Plan.
_MODULES = {"StaticKey": ".static_key", "TokenPlan": ".token_plan"}


@runtime_checkable
class Auth(Protocol):
    """A source of bearer tokens for calls. Implementations are thread-safe."""

    def bearer(self, timeout: float | None = None) -> str:
        """Return a token to send now. Wait for it at most `timeout` seconds."""

    def force_refresh(self, rejected: str, timeout: float | None = None) -> str:
        """Return another token than `rejected`, which the service answered with a 401."""


class Refreshed(msgspec.Struct, frozen=True):
    """The end of a refresh. `forced`: a 401 asked for it. `expires_at` is that of the token in memory now.

    `seconds` is the duration of the refresh.
    """

    outcome: Literal["refreshed", "adopted", "failed"]
    expires_at: datetime
    seconds: float
    forced: bool


Listener = Callable[[Refreshed], None]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(_MODULES[name], __name__)
    except AttributeError as error:  # Python would report it as a name that does not exist
        raise ImportError(f"{__name__}{_MODULES[name]} cannot be imported: {error}") from error
    return getattr(module, name)
