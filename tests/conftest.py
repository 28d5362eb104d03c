"""Every test runs in a world of its own: an empty home and working directory, no settings from outside, no network but
loopback, and nothing left behind where it does not belong.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

_FOREIGN = ("MINIMAX_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_REAL_HOME = Path.home()
_REAL_CWD = Path.cwd()


@pytest.fixture(autouse=True)
def own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the test an empty home and working directory, and fail it if it touched the real ones."""
    for name in list(os.environ):
        if name.upper().startswith(_FOREIGN) or name in ("NETRC", "SSLKEYLOGFILE"):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    work = tmp_path / "work"
    for folder in (home, work):
        folder.mkdir()
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.chdir(work)
    before = _precious()
    yield work
    assert _precious() == before, "the test touched ./secrets, ./config or the home directory of whoever runs it"


def _precious() -> list[tuple[str, int]]:
    places = (
        _REAL_CWD / "secrets",
        _REAL_CWD / "config",
        _REAL_HOME / ".netrc",
        _REAL_HOME / ".config" / "minimax-sync",
    )
    return [(str(place), place.stat().st_mtime_ns) for place in places if place.exists()]


def _refuse_the_outside(event: str, arguments: tuple[Any, ...]) -> None:
    """Stop a connection that would leave this machine, whatever library makes it."""
    if event != "socket.connect":
        return
    address = arguments[1]
    if isinstance(address, tuple) and not _is_loopback(str(address[0])):
        raise PermissionError(f"a test tried to connect to {address[0]}, which is not loopback")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host in ("localhost", "")


sys.addaudithook(_refuse_the_outside)
