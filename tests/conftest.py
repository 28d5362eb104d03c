"""Every test runs in a world of its own: an empty home and working directory, no settings from outside, no network but
loopback, and nothing left behind where it does not belong.

`emulator` and the clients of it that most tests ask for stand here too, and the `Http` of the tests of one exchange.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import HealthCheck, settings

from minimax_sync import MiniMaxClient
from minimax_sync.emulator import Emulator
from minimax_sync.net.session import Http

if TYPE_CHECKING:
    from support.raw_server import Certificate

_FOREIGN = ("MINIMAX_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_REAL_HOME = Path.home()
_REAL_CWD = Path.cwd()

# What a shell starts in the background ignores Ctrl-C, and so would every program that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A slow machine fails no test: in a fresh clone the first example alone waits a second for Hypothesis' own tables.
# In CI every run has the same examples, so that a change is not stopped by what another one did.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("any machine")


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
    assert _precious() == before, "the test touched ./secrets, ./config or the home directory of the user who runs it"


@pytest.fixture
def emulator(minimax_emulator: Emulator) -> Emulator:
    """Give the emulator that a user's own tests are given, under a short name."""
    return minimax_emulator


@pytest.fixture
def quick_settings(own_world: Path) -> Path:
    """Write a configuration for clients without arguments: the default is two requests and a retry per second."""
    file = own_world / "config" / "llm.yaml"
    file.parent.mkdir()
    file.write_text(
        "providers: {minimax: {rate_limit: {requests_per_second: 1000}}}\n"
        "retry: {initial_backoff_ms: 20, max_backoff_ms: 20}\n"
    )
    return file


@pytest.fixture
def configured_emulator(minimax_emulator: Emulator, quick_settings: Path, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """Let the environment lead to the emulator, for clients without arguments."""
    monkeypatch.setenv("MINIMAX_API_KEY", minimax_emulator.api_key)
    monkeypatch.setenv("MINIMAX_BASE_URL", minimax_emulator.base_url)
    return minimax_emulator


@pytest.fixture(params=["openai_compat", "anthropic_messages"])
def base_url(request: pytest.FixtureRequest, emulator: Emulator) -> str:
    """Give the emulator's address on each wire in turn."""
    return emulator.base_url if request.param == "openai_compat" else emulator.anthropic_base_url


@pytest.fixture(params=["chat", "stream"])
def how(request: pytest.FixtureRequest) -> str:
    """Run the test with a plain call and with a stream."""
    return str(request.param)


@pytest.fixture
def any_client(emulator: Emulator, base_url: str) -> Iterator[MiniMaxClient]:
    """Open a client of the emulator, on each wire in turn, without pacing."""
    with MiniMaxClient(emulator.api_key, base_url=base_url, requests_per_second=None) as client:
        yield client


@pytest.fixture
def client(emulator: Emulator) -> Iterator[MiniMaxClient]:
    """Open a client of the emulator for what is the same on both wires, without pacing."""
    with MiniMaxClient(emulator.api_key, base_url=emulator.base_url, requests_per_second=None) as client:
        yield client


def pytest_collection_finish() -> None:
    """Spare the collector what the imports made: hundreds of thousands of objects, none ever garbage."""
    gc.collect()
    gc.freeze()


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


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    from support.raw_server import Certificate

    return Certificate.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=["own session", "user's session"])
def http(request: pytest.FixtureRequest) -> Iterator[Http]:
    """Give an Http over its own session, then one over a plain session as a user would make it."""
    if request.param == "own session":
        http = Http()
        yield http
        http.close()
    else:
        with requests.Session() as session:
            yield Http(session)


@pytest.fixture
def own() -> Iterator[Http]:
    http = Http()
    yield http
    http.close()


@pytest.fixture(params=["http", "https"])
def tls(
    request: pytest.FixtureRequest, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> Certificate | None:
    """Give the certificate that a server is to use, or none; the client trusts it."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate.file)
    return certificate if request.param == "https" else None
