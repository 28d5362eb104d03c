"""Helpers of the login tests: the code that was shown, the forms that were sent, and the files that are left."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from support import windows

from minimax_sync.emulator import Emulator

BUNDLE = Path("secrets/minimax_token_plan.json")


class Codes:
    """An `on_code` that remembers what it was told."""

    def __init__(self) -> None:
        self.user_code = ""
        self.verification_url = ""
        self.expires_at = datetime.fromtimestamp(0, timezone.utc)

    def __call__(self, user_code: str, verification_url: str, expires_at: datetime) -> None:
        self.user_code, self.verification_url, self.expires_at = user_code, verification_url, expires_at


def forms(emulator: Emulator, path: str) -> list[dict[str, str]]:
    return [received.body for received in emulator.journal if received.path == path]


def let_the_code_through(emulator: Emulator) -> None:
    """Faults are queued for both endpoints: give the code request an answer that is good."""
    emulator.portal.fault(fields={"interval": 2000})


def assert_nothing_is_left(folder: Path = BUNDLE.parent) -> None:
    assert not folder.exists() or not list(folder.iterdir())


def is_private(path: Path) -> bool:
    """Return True if only the owner may open `path`; on Windows modes do not say, so always."""
    return windows.installed() or path.stat().st_mode & 0o077 == 0
