"""The status of a login for display: its location, expiry and state. No network, no lock."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

import msgspec

from ..errors import BundleError
from .bundle import HeldToken
from .interfaces import Store
from .protocol import Refresh

State = Literal["fresh", "due", "expired", "dead", "unreadable", "missing"]


class BundleStatus(msgspec.Struct, frozen=True):
    """The state of a Token Plan login.

    `path` is the file, or the URL of a bundle in Redis; `refreshed_at` is when that was last written. `state`: "fresh";
    "due": valid and about to be refreshed; "expired": refreshed at the next call; "dead": refused by the portal, log in
    again; "unreadable": `problem` has the reason; "missing". Unknown values are None.
    """

    path: Path | str
    state: State
    region: str | None = None
    expires_at: datetime | None = None
    refreshed_at: datetime | None = None
    problem: str = ""


def describe(store: Store, refresh: Refresh, now: float) -> BundleStatus:
    """Return the status of what `store` holds; `now` is Unix time."""
    path = Path(store.name) if Path(store.name).is_absolute() else store.name
    try:
        snapshot = store.read()
    except BundleError as error:
        return BundleStatus(path, "unreadable", problem=str(error))
    if snapshot is None:
        return BundleStatus(path, "missing")
    bundle, token = snapshot.bundle, HeldToken.of(snapshot)
    state: State = "fresh" if now < token.fresh_until else "due" if now < token.expires else "expired"
    if refresh.is_dead(bundle):
        state = "dead"
    written = store.modified_at()
    refreshed_at = None if written is None else datetime.fromtimestamp(written, timezone.utc)
    return BundleStatus(path, state, bundle.region, bundle.expires_at, refreshed_at)
