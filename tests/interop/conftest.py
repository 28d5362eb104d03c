"""Fixtures of the tests with other people's packages and programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests

from minimax_sync import MiniMaxClient
from minimax_sync.emulator import Emulator

ASKS: dict[str, Callable[[MiniMaxClient], str]] = {
    "chat": lambda client: client.chat("hi").text,
    "stream": lambda client: "".join(client.stream("hi").text_deltas()),
}


@pytest.fixture(params=["openai", "anthropic"])
def flavor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=list(ASKS))
def ask(request: pytest.FixtureRequest) -> Callable[[MiniMaxClient], str]:
    return ASKS[request.param]


@pytest.fixture
def client(emulator: Emulator, flavor: str) -> Iterator[MiniMaxClient]:
    """Give a client that sends by itself."""
    url = emulator.base_url if flavor == "openai" else emulator.anthropic_base_url
    with MiniMaxClient(emulator.api_key, base_url=url, requests_per_second=None) as client:
        yield client


@pytest.fixture(params=["own session", "user's session"])
def any_client(request: pytest.FixtureRequest, emulator: Emulator, flavor: str) -> Iterator[MiniMaxClient]:
    """Give a client that sends by itself, then one with a session of the user's."""
    url = emulator.base_url if flavor == "openai" else emulator.anthropic_base_url
    with requests.Session() as session:
        given = None if request.param == "own session" else session
        with MiniMaxClient(emulator.api_key, base_url=url, requests_per_second=None, session=given) as client:
            yield client
