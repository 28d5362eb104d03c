"""A MiniMax on loopback, for demos and for tests of programs that use MiniMax.

    from minimax_sync.emulator import Emulator

    with Emulator() as emulator:
        client = MiniMaxClient(emulator.api_key, base_url=emulator.base_url)
        emulator.answer("Hello!")
        assert client.chat("Hi").text == "Hello!"
        assert emulator.journal[-1].body["model"] == "MiniMax-M2.5"

It serves both wires, streams, refuses what the service refuses, runs the Token Plan's portal, fails on request, and
records and replays a real server. The package imports only the standard library and must not know the client. Names
load on first use, so that the pytest plugin costs nothing where its fixtures are not used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .journal import Headers as Headers
    from .journal import Received as Received
    from .portal import Portal as Portal
    from .quota import Balance as Balance
    from .quota import Plan as Plan
    from .service import Emulator as Emulator

_HOMES = {
    "Balance": "quota",
    "Emulator": "service",
    "Headers": "journal",
    "Plan": "quota",
    "Portal": "portal",
    "Received": "journal",
}

__all__ = ["Balance", "Emulator", "Headers", "Plan", "Portal", "Received"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
