"""Redirects of the portal: followed once, with the form, to a host of MiniMax, and nowhere else."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import parse_qs

import pytest
import responses
from support.clock import Clock
from support.login_lab import BUNDLE, Codes, assert_nothing_is_left, let_the_code_through

from minimax_sync.auth.login import login
from minimax_sync.emulator import Emulator
from minimax_sync.errors import ResponseFormatError


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_A41_a_redirect_to_another_host_is_not_followed_and_named_by_its_host(
    status: int, emulator: Emulator, clock: Clock
) -> None:
    with Emulator(host="127.0.0.2") as other:
        headers = {"Location": f"{other.url}/oauth2/device/code?secret=1"}
        emulator.portal.fault(status=status, headers=headers, body="")
        with pytest.raises(ResponseFormatError, match=rf"HTTP {status}\) to 127\.0\.0\.2, which is not followed$"):
            login(emulator.url, on_code=Codes(), clock=clock)
        let_the_code_through(emulator)
        emulator.portal.fault(status=status, headers=headers, body="")
        with pytest.raises(ResponseFormatError, match=r"127\.0\.0\.2"):
            login(emulator.url, on_code=Codes(), clock=clock)
        assert other.journal == []
    assert_nothing_is_left()


@pytest.mark.parametrize(
    ("region", "domain"),
    [
        ("global", "minimax.io"),
        ("cn", "minimax.cn"),
        ("https://api.minimaxi.com/", "minimaxi.com"),
        ("https://api.minimax.io/anthropic", "minimax.io"),
    ],
)
def test_a_307_to_the_portals_new_host_is_followed_once_with_the_form(region: str, domain: str, clock: Clock) -> None:
    codes = Codes()
    with responses.RequestsMock() as portal:
        for old, new in (("code", "device/code"), ("token", "token")):
            headers = {"Location": f"https://account.{domain}/oauth2/{new}"}
            portal.post(f"https://api.{domain}/oauth/{old}", status=307, headers=headers)

        def code(request: Any) -> tuple[int, dict[str, str], str]:
            form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
            answer = {
                "user_code": "AB-12",
                "verification_uri": f"https://www.{domain}/oauth-authorize?user_code=AB-12",
                "expired_in": int((time.time() + 300) * 1000),
                "interval": 10,
                "state": form["state"],
            }
            return 200, {}, json.dumps(answer)

        portal.add_callback("POST", f"https://account.{domain}/oauth2/device/code", code)
        granted = {
            "status": "success",
            "access_token": "at-1",
            "refresh_token": "rt-1",
            "expired_in": 7200,
            "resource_url": f"https://api.{domain}/anthropic",
        }
        portal.post(f"https://account.{domain}/oauth2/token", json=granted)
        done = login(region, on_code=codes, clock=clock)
    assert (done.region, codes.verification_url) == (
        f"https://api.{domain}",
        f"https://platform.{domain}/oauth-authorize?user_code=AB-12",
    )
    assert clock.slept == [2.0 if region in ("global", "cn") else 0.01]
    assert json.loads(BUNDLE.read_text())["refresh_token"] == "rt-1"
