"""Where a bundle may be kept, a file or a Redis, and the store for each."""

from __future__ import annotations

import os
from pathlib import Path

from ..secret import StoreUrl
from ..settings.table import check_bundle
from .clock import Clock
from .file_store import FileStore
from .redis_store import RedisStore

Place = Path | StoreUrl


def bundle_place(bundle: str | os.PathLike[str]) -> Place:
    """Return the path or the URL that is meant; ConfigError when it can be neither."""
    checked = check_bundle(bundle, "bundle")
    return checked if isinstance(checked, StoreUrl) else Path(checked).expanduser()


def open_store(place: Place, clock: Clock) -> FileStore | RedisStore:
    """Return the store of the bundle there. Nothing is read or connected yet."""
    return RedisStore(place, clock) if isinstance(place, StoreUrl) else FileStore(place, clock)
