"""What the tests of logging in share: a quick clock, somebody to show a code to, and a look at what was sent."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from pathlib import Path

from minimax_sync.emulator import Emulator

BUNDLE = Path("secrets/minimax_token_plan.json")


class QuickClock:
    """The wall clock, but sleeping is instant: it moves the clock instead."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.slept: list[float] = []

    def time(self) -> float:
        return time.time() + self.ahead

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.ahead += seconds


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
