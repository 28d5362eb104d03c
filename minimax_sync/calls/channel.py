"""`Channel` and `Options`: what the calls of a client use, as frozen values. They know no request and no wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from ..auth import Auth
from ..hooks.events import Hook
from ..net.session import Http
from ..pacing.quota_alert import QuotaAlert
from ..pacing.retry import RetryPolicy
from ..pacing.token_bucket import Limiter
from ..settings.endpoints import Endpoint

if TYPE_CHECKING:
    from ..auth.background import Lease


class Channel(msgspec.Struct, frozen=True):
    """What a client and its siblings share: connections, credentials, limiter, quota alert. Thread-safe.

    `headers` go with every request, `query` with chats and embeddings; `hint` is the likely cause of a refused
    credential, appended to such an error; `lease` keeps the background refresh of a Token Plan alive.
    """

    http: Http
    auth: Auth
    endpoint: Endpoint
    headers: Mapping[str, str]
    limiter: Limiter | None
    quota: QuotaAlert | None
    provider: str
    query: str = ""
    hint: str = ""
    lease: Lease | None = None

    def close(self) -> None:
        """Close the connections and release the background thread of the credentials."""
        self.http.close()
        if self.lease is not None:
            self.lease.close()


class Options(msgspec.Struct, frozen=True):
    """How one client, or a sibling of it, calls. Times are seconds."""

    retry: RetryPolicy
    timeout: float
    connect_timeout: float
    idle_timeout: float
    hooks: tuple[Hook, ...] = ()
