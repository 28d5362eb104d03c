"""Logging in at the portal: what is sent and shown, and how a login may end before its answer."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import urllib.request
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from support.clock import Clock
from support.login_lab import BUNDLE, Codes, assert_nothing_is_left, forms, is_private

from minimax_sync import TokenPlan
from minimax_sync.auth.login import login
from minimax_sync.emulator import Emulator
from minimax_sync.errors import ConfigError


def test_a_login_shows_the_code_polls_and_writes_the_bundle(emulator: Emulator, clock: Clock) -> None:
    emulator.portal.pending_polls = 3
    codes = Codes()
    done = login(emulator.url, on_code=codes, clock=clock)
    current = emulator.portal.current
    assert current is not None
    stored = json.loads(BUNDLE.read_text())
    assert stored == {
        "access_token": current["access_token"],
        "refresh_token": current["refresh_token"],
        "expires_at": current["expires_at"].replace(microsecond=0, tzinfo=None).isoformat() + "Z",
        "region": emulator.url,
    }
    assert is_private(BUNDLE)
    assert is_private(BUNDLE.parent)
    assert re.fullmatch(r"[0-9A-F]{4}-[0-9A-F]{4}", codes.user_code)
    assert codes.verification_url.startswith(f"{emulator.url}/oauth-authorize?user_code={codes.user_code}")
    assert abs(codes.expires_at - datetime.now(timezone.utc) - timedelta(minutes=10)) < timedelta(seconds=5)
    assert clock.slept == [2.0] * 4
    assert (done.bundle, done.region, done.group_id, done.notification) == (BUNDLE, emulator.url, None, "")
    assert abs(done.expires_at - current["expires_at"]) < timedelta(seconds=1)


def test_what_is_sent_is_the_flow_with_pkce(emulator: Emulator, clock: Clock) -> None:
    login(emulator.url, on_code=Codes(), clock=clock)
    (code,) = forms(emulator, "/oauth/code")
    polls = forms(emulator, "/oauth/token")
    verifier = polls[0]["code_verifier"]
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert code == {
        "response_type": "code",
        "client_id": "78257093-7e40-4613-99e0-527b14b39113",
        "scope": "group_id profile model.completion",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "state": code["state"],
    }
    assert len(verifier) >= 43
    assert len(code["state"]) >= 16
    assert [sorted(poll) for poll in polls] == [["client_id", "code_verifier", "grant_type", "user_code"]] * 2
    assert polls[0]["grant_type"] == "urn:ietf:params:oauth:grant-type:user_code"
    ids = {received.headers["x-request-id"] for received in emulator.journal}
    assert len(ids) == 3
    assert {received.headers["content-type"] for received in emulator.journal} == {"application/x-www-form-urlencoded"}
    assert {received.headers["accept"] for received in emulator.journal} == {"application/json"}


@pytest.mark.parametrize("answer", [{}, {"device_code": "dc-1", "state": None, "interval": 3}])
def test_the_device_grant_of_another_client_is_kept_for_its_refreshes(
    answer: dict[str, Any], emulator: Emulator, clock: Clock
) -> None:
    emulator.portal.client_ids = {"of-another"}
    emulator.portal.pending_polls = 0
    emulator.portal.fault(fields={"interval": 3, **answer})
    client = {"client_id": "of-another", "scope": "openid profile coding_plan", "grant": "device_code"}
    login(emulator.url, on_code=Codes(), clock=clock, **client)
    (code,), (poll,) = forms(emulator, "/oauth/code"), forms(emulator, "/oauth/token")
    assert (code["client_id"], code["scope"]) == ("of-another", "openid profile coding_plan")
    assert poll["grant_type"] == "urn:ietf:params:oauth:grant-type:device_code"
    assert poll.get("device_code") == answer.get("device_code")
    assert clock.slept == [3.0]
    assert json.loads(BUNDLE.read_text())["client_id"] == "of-another"
    plan = TokenPlan(BUNDLE, base_url=emulator.url)
    plan.force_refresh(plan.bearer())
    assert forms(emulator, "/oauth/token")[-1]["client_id"] == "of-another"


@pytest.mark.parametrize(
    "client", [{"client_id": ""}, {"client_id": "a b"}, {"scope": ""}, {"scope": "a\nb"}, {"grant": "password"}]
)
def test_a_client_that_no_portal_can_know_is_a_config_error(client: dict[str, Any], emulator: Emulator) -> None:
    (name,) = client
    with pytest.raises(ConfigError, match=f"^{name}: "):
        login(emulator.url, on_code=Codes(), **client)
    assert emulator.journal == []


def test_a_login_waits_until_the_page_was_opened(emulator: Emulator) -> None:
    emulator.portal.auto_approve = False
    emulator.portal.interval_ms = 5
    codes = Codes()
    person = threading.Timer(0.03, lambda: urllib.request.urlopen(codes.verification_url).close())

    def open_page(user_code: str, verification_url: str, expires_at: datetime) -> None:
        codes(user_code, verification_url, expires_at)
        person.start()

    assert login(emulator.url, on_code=open_page).region == emulator.url
    person.join()
    assert len(forms(emulator, "/oauth/token")) > 1


def test_by_default_the_code_is_printed(emulator: Emulator, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    login(emulator.url, clock=clock)
    assert re.fullmatch(
        rf"Open {emulator.url}/oauth-authorize\S+\nand confirm the code \S+ before \d\d:\d\d\.\n",
        capsys.readouterr().out,
    )


def test_the_portals_message_is_returned(emulator: Emulator, clock: Clock) -> None:
    emulator.portal.notification_message = "Your plan ends\nsoon\x1b[31m"
    assert login(emulator.url, on_code=Codes(), clock=clock).notification == "Your plan ends soon [31m"


@pytest.mark.parametrize("region", ["us", "", "api.minimax.io", "https://", "http://api.minimax.io", "https://u:p@h"])
def test_an_invalid_region_is_a_config_error(region: str) -> None:
    with pytest.raises(ConfigError, match=r"^region: "):
        login(region, on_code=Codes())
    assert_nothing_is_left()


def test_ctrl_c_while_waiting_leaves_nothing_behind(emulator: Emulator) -> None:
    class Interrupted(Clock):
        def sleep(self, seconds: float) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        login(emulator.url, on_code=Codes(), clock=Interrupted.at_machine_time())
    assert_nothing_is_left()


def test_an_on_code_that_fails_ends_the_login(emulator: Emulator) -> None:
    def fail(user_code: str, verification_url: str, expires_at: datetime) -> None:
        raise RuntimeError("no browser")

    with pytest.raises(RuntimeError, match="no browser"):
        login(emulator.url, on_code=fail)
    assert_nothing_is_left()
