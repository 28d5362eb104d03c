"""Helpers of the login tests: the code that was shown, the forms that were sent, and the files that are left."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import parse_qs

from support import windows
from support.raw_server import Peer, answer

from minimax_sync.auth.bundle import Bundle
from minimax_sync.emulator import Emulator
from minimax_sync.secret import Secret

BUNDLE = Path("secrets/minimax_token_plan.json")


class Codes:
    """An `on_code` that records what it was called with."""

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


def small_portal(peer: Peer) -> None:
    """Be a portal that approves every login, and grants the pair at-2 and rt-2; also the proxy in front of one."""
    while True:
        request = peer.read_request()
        _, url, _ = request.line.split(" ")
        if url.endswith("/oauth/code"):
            (state,) = parse_qs(request.body.decode())["state"]
            origin = url.removesuffix("/oauth/code") or f"https://{request.headers['host']}"
            code = {"user_code": "AB-CD", "verification_uri": f"{origin}/page", "interval": 1, "expired_in": 60}
            found: dict[str, object] = {**code, "status": "success", "state": state}
        else:
            assert url.endswith("/oauth/token")
            found = {"status": "success", "access_token": "at-2", "refresh_token": "rt-2", "expired_in": 3600}
        peer.send(answer(json.dumps(found).encode()))


def write_expired_bundle(path: Path, region: str) -> Path:
    """Write a login whose access token has expired."""
    path.write_bytes(
        Bundle(Secret("at-1"), Secret("rt-1"), datetime(2026, 5, 1, tzinfo=timezone.utc), region).to_json()
    )
    path.chmod(0o600)
    return path


def is_private(path: Path) -> bool:
    """Return True if only the owner may open `path`; always on Windows, whose modes do not show it."""
    return windows.installed() or path.stat().st_mode & 0o077 == 0
