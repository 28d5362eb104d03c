"""A40 to A42: where a token may be sent, redirects of the token endpoint, and how much of an answer is read."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from support.raw_server import Peer, RawServer, echo
from support.run_python import run_python
from support.token_lab import bundle_at, edit, expired_plan, files_beside

from minimax_sync.auth import TokenPlan
from minimax_sync.emulator import Emulator
from minimax_sync.errors import ConfigError, ResponseFormatError, ServerError
from minimax_sync.settings import endpoints

# A40

EVIL = [  # more of them are in tests/unit/settings/test_endpoints_trust.py
    "http://api.minimax.io",
    "https://api.minimax.io@127.0.0.2",
    "https://api.minimax.io\\@127.0.0.2",
    "https://0x7f.1",
    "http://127.0.0.2",
    "https://127.0.0.1\r\nHost: api.minimax.io",
]


@pytest.mark.parametrize("region", EVIL)
def test_A40_no_token_goes_to_a_region_that_only_the_bundle_names(
    emulator: Emulator, tmp_path: Path, region: str
) -> None:
    plan = expired_plan(emulator, tmp_path / "bundle.json")
    edit(plan.path, region=region)
    with pytest.raises(ConfigError, match="region of the Token Plan bundle") as caught:
        plan.bearer()
    assert bundle_at(plan.path).refresh_token.reveal() not in str(caught.value)
    edit(plan.path, region=emulator.url)
    del plan
    assert emulator.portal.posts == 0


def test_A40_a_loopback_region_needs_a_base_url_that_was_set_by_hand(emulator: Emulator, path: Path) -> None:
    emulator.portal.bundle(path, ttl=-10)
    for base_url in (None, "http://127.0.0.2:1", "https://api.minimax.io/anthropic"):
        with pytest.raises(ConfigError):
            TokenPlan(path, base_url=base_url).bearer()
    assert emulator.portal.posts == 0
    assert TokenPlan(path, base_url=f"{emulator.url}/anthropic").bearer()


# A41


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_A41_a_redirect_of_the_token_endpoint_elsewhere_is_not_followed(tmp_path: Path, status: int) -> None:
    with Emulator() as emulator, RawServer(echo, address="127.0.0.2") as elsewhere:
        plan = expired_plan(emulator, tmp_path / "bundle.json")
        location = f"{elsewhere.url}/oauth/token?secret=1"
        emulator.portal.fault(status=status, body=b"", headers={"Location": location})
        with pytest.raises(ResponseFormatError) as caught:
            plan.bearer()
        assert elsewhere.connections == 0
        assert "to 127.0.0.2, which is not followed" in str(caught.value)
        assert "secret" not in str(caught.value)
        assert (emulator.portal.posts, files_beside(plan.path)) == (1, [])


def test_A41_one_307_to_another_host_of_minimax_is_followed_with_the_form_and_a_second_is_not(
    emulator: Emulator, plan: TokenPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved: dict[str, Any] = {"status": 307, "body": b"", "headers": {"Location": f"{emulator.url}/oauth2/token"}}
    # MiniMax's own hosts are not on loopback, so the emulator is counted among them.
    monkeypatch.setattr(endpoints, "may_receive_token", lambda url, by_hand: url.startswith(emulator.url))
    emulator.portal.fault(**moved)
    assert emulator.portal.accepts(plan.bearer())
    assert [received.path for received in emulator.journal] == ["/oauth/token", "/oauth2/token"]
    assert emulator.journal[0].body == emulator.journal[1].body
    emulator.portal.fault(**moved)
    emulator.portal.fault(**moved)
    with pytest.raises(ResponseFormatError, match="redirect"):
        plan.force_refresh(plan.bearer())
    assert emulator.portal.posts == 4


# A42


def _flood(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n")
    for _ in range(1000):
        peer.send(b" " * 1_000_000)


def test_A42_a_gigabyte_from_the_endpoint_is_cut_at_64_kib(tmp_path: Path) -> None:
    with Emulator() as emulator, RawServer(_flood) as server:
        plan = expired_plan(emulator, tmp_path / "bundle.json")
        edit(plan.path, region=server.url)
        began = time.monotonic()
        with pytest.raises(ServerError, match="too long"):
            TokenPlan(plan.path, base_url=server.url).bearer()
        assert time.monotonic() - began < 2.0


DRIP = """
import sys, time
from minimax_sync.auth import spending, TokenPlan
from minimax_sync.errors import TransportError
spending.POST_TIMEOUT, spending.RESEND_WITHIN = 0.5, 1.0
plan = TokenPlan(sys.argv[1], base_url=sys.argv[2])
began = time.monotonic()
try:
    plan.bearer()
except TransportError as error:
    print(time.monotonic() - began < 15)
"""


def _drip(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
    peer.drip(b" " * 2000, 0.05)


def test_A42_an_endpoint_that_drips_is_given_up_at_the_total_deadline(tmp_path: Path) -> None:
    with Emulator() as emulator, RawServer(_drip) as server:
        path = tmp_path / "bundle.json"
        emulator.portal.bundle(path, ttl=-10)
        edit(path, region=server.url)
        assert run_python(DRIP, path, server.url, silent=False) == "True"
        assert files_beside(path) == ["bundle.json.intent"]
