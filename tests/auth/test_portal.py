"""Logging in and out at the portal."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import stat
import threading
import time
import traceback
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import responses

from minimax_sync.auth.portal import login, logout
from minimax_sync.auth.token_plan import TokenPlan
from minimax_sync.emulator import Emulator
from minimax_sync.errors import (
    BundleError,
    CallTimeoutError,
    ConfigError,
    CredentialInvalidError,
    LlmError,
    RequestError,
    ResponseFormatError,
    ServerError,
    TransportError,
)

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


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def clock() -> QuickClock:
    return QuickClock()


def forms(emulator: Emulator, path: str) -> list[dict[str, str]]:
    return [received.body for received in emulator.journal if received.path == path]


def let_the_code_through(emulator: Emulator) -> None:
    """Faults are queued for both endpoints: give the code request an answer that is good."""
    emulator.portal.fault(fields={"interval": 2000})


def assert_nothing_is_left(folder: Path = BUNDLE.parent) -> None:
    assert not folder.exists() or not list(folder.iterdir())


def test_a_login_shows_the_code_polls_and_writes_the_bundle(emulator: Emulator, clock: QuickClock) -> None:
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
    assert stat.S_IMODE(BUNDLE.stat().st_mode) == 0o600
    assert stat.S_IMODE(BUNDLE.parent.stat().st_mode) == 0o700
    assert re.fullmatch(r"[0-9A-F]{4}-[0-9A-F]{4}", codes.user_code)
    assert codes.verification_url.startswith(f"{emulator.url}/oauth-authorize?user_code={codes.user_code}")
    assert abs(codes.expires_at - datetime.now(timezone.utc) - timedelta(minutes=10)) < timedelta(seconds=5)
    assert clock.slept == [2.0] * 4
    assert (done.bundle, done.region, done.group_id, done.notification) == (BUNDLE, emulator.url, None, "")
    assert abs(done.expires_at - current["expires_at"]) < timedelta(seconds=1)


def test_what_is_sent_is_the_flow_with_pkce(emulator: Emulator, clock: QuickClock) -> None:
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


def test_two_logins_share_no_secret(emulator: Emulator, clock: QuickClock) -> None:
    for _ in range(2):
        login(emulator.url, on_code=Codes(), clock=clock)
    first, second = forms(emulator, "/oauth/code")
    assert first["state"] != second["state"]
    assert first["code_challenge"] != second["code_challenge"]


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


def test_the_bundle_of_a_login_is_good_for_calls(emulator: Emulator, clock: QuickClock) -> None:
    login(emulator.url, on_code=Codes(), clock=clock)
    assert emulator.portal.accepts(TokenPlan(BUNDLE, base_url=emulator.url).bearer())


def test_by_default_the_code_is_printed(
    emulator: Emulator, clock: QuickClock, capsys: pytest.CaptureFixture[str]
) -> None:
    login(emulator.url, clock=clock)
    assert re.fullmatch(
        rf"Open {emulator.url}/oauth-authorize\S+\nand confirm the code \S+ before \d\d:\d\d\.\n",
        capsys.readouterr().out,
    )


def test_a_new_login_replaces_the_old_one_and_its_leftovers(emulator: Emulator, clock: QuickClock) -> None:
    emulator.portal.bundle(BUNDLE)
    for suffix in (".intent", ".rescue"):
        BUNDLE.with_name(BUNDLE.name + suffix).write_text("{}")
    login(emulator.url, on_code=Codes(), clock=clock)
    assert sorted(path.name for path in BUNDLE.parent.iterdir()) == [BUNDLE.name, f"{BUNDLE.name}.lock"]
    assert emulator.portal.current is not None
    assert json.loads(BUNDLE.read_text())["access_token"] == emulator.portal.current["access_token"]


def test_even_a_broken_bundle_is_replaced_by_a_login(emulator: Emulator, clock: QuickClock) -> None:
    BUNDLE.parent.mkdir()
    BUNDLE.write_text("{ broken")
    login(emulator.url, on_code=Codes(), clock=clock)
    assert json.loads(BUNDLE.read_text())["region"] == emulator.url


@pytest.mark.parametrize("expired_in", ["epoch_ms", "epoch_s", "ttl_s"])
def test_a18_the_lifetime_is_understood_in_every_unit(expired_in: str, emulator: Emulator, clock: QuickClock) -> None:
    emulator.portal.expired_in = expired_in
    emulator.portal.interval_ms = 0
    left = login(emulator.url, on_code=Codes(), clock=clock).expires_at - datetime.now(timezone.utc)
    assert abs(left - timedelta(hours=2)) < timedelta(seconds=5)


def test_what_the_portal_has_to_say_is_returned(emulator: Emulator, clock: QuickClock) -> None:
    emulator.portal.notification_message = "Your plan ends\nsoon\x1b[31m"
    assert login(emulator.url, on_code=Codes(), clock=clock).notification == "Your plan ends soon [31m"


@pytest.mark.parametrize(
    ("told", "group_id"), [("1820", "1820"), (1820, "1820"), ("a b", None), ("", None), (True, None), ({}, None)]
)
def test_a_group_id_is_written_beside_the_bundle(
    told: Any, group_id: str | None, emulator: Emulator, clock: QuickClock
) -> None:
    emulator.portal.pending_polls = 0
    let_the_code_through(emulator)
    emulator.portal.fault(fields={"group_id": told})
    assert login(emulator.url, bundle="own/b.json", on_code=Codes(), clock=clock).group_id == group_id
    file = Path("own/minimax_group_id.txt")
    assert file.exists() is (group_id is not None)
    if group_id:
        assert file.read_text() == "1820\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_group_id_that_cannot_be_written_is_a_warning(
    emulator: Emulator, clock: QuickClock, caplog: pytest.LogCaptureFixture
) -> None:
    Path("own/minimax_group_id.txt").mkdir(parents=True)
    emulator.portal.pending_polls = 0
    let_the_code_through(emulator)
    emulator.portal.fault(fields={"group_id": "1820"})
    assert login(emulator.url, bundle="own/b.json", on_code=Codes(), clock=clock).group_id == "1820"
    assert "1820 could not be written to own/minimax_group_id.txt: Is a directory" in caplog.text


@pytest.mark.parametrize(
    ("resource_url", "region"),
    [
        ("https://api.minimaxi.com/anthropic", "https://api.minimaxi.com"),
        ("https://api.minimax.io/v1/", "https://api.minimax.io"),
        ("https://evil.example/anthropic", None),
        ("http://api.minimax.io/anthropic", None),
        ("https://api.minimax.io@evil.example/anthropic", None),
        ("nonsense", None),
    ],
)
def test_a40_the_region_is_the_portals_word_only_where_tokens_may_go(
    resource_url: str, region: str | None, emulator: Emulator, clock: QuickClock
) -> None:
    emulator.portal.resource_url = resource_url
    assert login(emulator.url, on_code=Codes(), clock=clock).region == (region or emulator.url)


@pytest.mark.parametrize("region", ["us", "", "api.minimax.io", "https://", "http://api.minimax.io", "https://u:p@h"])
def test_a_region_that_is_none_is_a_config_error(region: str) -> None:
    with pytest.raises(ConfigError, match=r"^region: "):
        login(region, on_code=Codes())
    assert_nothing_is_left()


def test_an_answer_with_another_state_is_not_ours(emulator: Emulator, clock: QuickClock) -> None:
    emulator.portal.fault(fields={"state": "another"})
    codes = Codes()
    with pytest.raises(ResponseFormatError, match="its state is another"):
        login(emulator.url, on_code=codes, clock=clock)
    assert codes.user_code == ""
    assert_nothing_is_left()


@pytest.mark.parametrize(
    "fields",
    [
        {"user_code": None},
        {"user_code": ""},
        {"user_code": 7},
        {"user_code": "A\x1b[2J"},
        {"verification_uri": None},
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri": "http://evil.example/"},
        {"verification_uri": "https://www.minimax.io@evil.example/"},
        {"verification_uri": "https://www.minimax.io/\n"},
        {"verification_uri": ["https://www.minimax.io/"]},
    ],
)
def test_a_code_that_cannot_be_shown_is_refused(fields: dict[str, Any], emulator: Emulator) -> None:
    emulator.portal.fault(fields=fields)
    with pytest.raises(ResponseFormatError, match="no usable user_code and verification_uri"):
        login(emulator.url, on_code=Codes())
    assert_nothing_is_left()


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (
            "https://www.minimax.io/oauth-authorize?user_code=A",
            "https://platform.minimax.io/oauth-authorize?user_code=A",
        ),
        ("https://www.minimaxi.com/oauth-authorize?a=b", "https://platform.minimaxi.com/oauth-authorize?a=b"),
        ("https://platform.minimax.io/oauth#/code?x=1", "https://platform.minimax.io/oauth#/code?x=1"),
    ],
)
def test_the_page_that_moved_is_shown_at_its_present_host(
    told: str, shown: str, emulator: Emulator, clock: QuickClock
) -> None:
    emulator.portal.fault(fields={"verification_uri": told})
    codes = Codes()
    login(emulator.url, on_code=codes, clock=clock)
    assert codes.verification_url == shown


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        (
            {"status": 400, "body": {"base_resp": {"status_code": 1, "status_msg": "bad scope"}}},
            RequestError,
            "bad scope",
        ),
        (
            {"status": 200, "body": {"status": "error", "error": "unauthorized_client"}},
            RequestError,
            "unauthorized_client",
        ),
        ({"status": 200, "body": {"base_resp": {"status_code": 1002, "status_msg": "slow"}}}, LlmError, "slow"),
        ({"status": 503, "body": {"base_resp": {"status_code": 1, "status_msg": "later"}}}, ServerError, "later"),
        ({"kind": "html"}, ServerError, "not JSON"),
        ({"status": 200, "body": "[]"}, ServerError, "not JSON"),
        ({"kind": "disconnect"}, TransportError, "."),
    ],
)
def test_without_a_code_there_is_no_login(
    fault: dict[str, Any], error: type[LlmError], message: str, emulator: Emulator, clock: QuickClock
) -> None:
    emulator.portal.fault(**fault)
    with pytest.raises(error, match=message):
        login(emulator.url, on_code=Codes(), clock=clock)
    assert_nothing_is_left()


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 400, "body": {"base_resp": {"status_code": 1, "status_msg": "access_denied"}}},
        {"status": 400, "body": {"error": "access_denied", "error_description": "the user said no"}},
        {"status": 200, "body": {"status": "error", "base_resp": {"status_code": 1, "status_msg": "access_denied"}}},
        {
            "status": 200,
            "body": {"status": "success", "base_resp": {"status_code": "7", "status_msg": "access_denied"}},
        },
        {"status": 403, "body": {"error": "access_denied"}},
    ],
)
def test_a_denied_login_says_so_and_leaves_nothing(
    fault: dict[str, Any], emulator: Emulator, clock: QuickClock
) -> None:
    let_the_code_through(emulator)
    emulator.portal.fault(**fault)
    with pytest.raises(CredentialInvalidError, match=r"refused the login: access_denied.*run minimax-sync login again"):
        login(emulator.url, on_code=Codes(), clock=clock)
    assert_nothing_is_left()


@pytest.mark.parametrize(
    "body",
    [
        {"status": "pending"},
        {"status": "pending", "base_resp": {"status_code": 0}},
        {"error": "authorization_pending"},
        {"error": "slow_down"},
    ],
)
def test_pending_is_pending_in_every_spelling(body: Any, emulator: Emulator, clock: QuickClock) -> None:
    let_the_code_through(emulator)
    for _ in range(7):
        emulator.portal.fault(status=400 if "error" in body else 200, body=body)
    assert login(emulator.url, on_code=Codes(), clock=clock).region == emulator.url


@pytest.mark.parametrize(
    "fields",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": "a b"},
        {"refresh_token": None},
        {"refresh_token": 5},
    ],
)
def test_a17_a_grant_without_both_tokens_writes_nothing(
    fields: dict[str, Any], emulator: Emulator, clock: QuickClock
) -> None:
    emulator.portal.pending_polls = 0
    let_the_code_through(emulator)
    emulator.portal.fault(fields=fields)
    with pytest.raises(ResponseFormatError, match="no usable tokens"):
        login(emulator.url, on_code=Codes(), clock=clock)
    assert_nothing_is_left()


def test_a_portal_that_fails_for_a_moment_is_borne(emulator: Emulator, clock: QuickClock) -> None:
    let_the_code_through(emulator)
    emulator.portal.fault(status=503)
    emulator.portal.fault(status=429, retry_after=9)
    emulator.portal.fault("html")
    emulator.portal.fault("disconnect")
    login(emulator.url, on_code=Codes(), clock=clock)
    assert clock.slept[:4] == [2.0, 2.0, 9.0, 2.0]


def test_a_portal_that_keeps_failing_ends_the_login(emulator: Emulator, clock: QuickClock) -> None:
    let_the_code_through(emulator)
    for _ in range(5):
        emulator.portal.fault(status=503)
    with pytest.raises(ServerError, match="HTTP 503"):
        login(emulator.url, on_code=Codes(), clock=clock)
    assert_nothing_is_left()


def test_a_code_that_nobody_confirms_ends_in_time(emulator: Emulator, clock: QuickClock) -> None:
    emulator.portal.auto_approve = False
    emulator.portal.fault(fields={"expired_in": int((time.time() + 75) * 1000), "interval": 50_000})
    with pytest.raises(CallTimeoutError, match="nobody confirmed the code in time"):
        login(emulator.url, on_code=Codes(), clock=clock)
    assert clock.slept == [50.0, pytest.approx(25, abs=2)]
    assert_nothing_is_left()


@pytest.mark.parametrize(("life", "until"), [(5, 5), (-900, 60)])
def test_a_code_ends_when_the_portal_says_and_one_that_is_over_gets_a_minute(
    life: float, until: float, emulator: Emulator, clock: QuickClock
) -> None:
    emulator.portal.fault(fields={"expired_in": int((time.time() + life) * 1000)})
    codes = Codes()
    login(emulator.url, on_code=codes, clock=clock)
    assert codes.expires_at.timestamp() == pytest.approx(time.time() + until, abs=2)


@pytest.mark.parametrize(
    ("told", "interval"),
    [(1500, 1.5), (0, 0.0), (3_600_000, 60.0), (None, 2.0), ("fast", 2.0), (-5, 2.0), (True, 2.0), (1e999, 2.0)],
)
def test_the_interval_is_the_portals_within_reason(
    told: Any, interval: float, emulator: Emulator, clock: QuickClock
) -> None:
    emulator.portal.pending_polls = 0
    emulator.portal.fault(fields={"interval": told})
    login(emulator.url, on_code=Codes(), clock=clock)
    assert clock.slept == [interval]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a41_a_redirect_to_another_host_is_not_followed_and_named_by_its_host(
    status: int, emulator: Emulator, clock: QuickClock
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


def test_ctrl_c_while_waiting_leaves_nothing_behind(emulator: Emulator) -> None:
    class Interrupted(QuickClock):
        def sleep(self, seconds: float) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        login(emulator.url, on_code=Codes(), clock=Interrupted())
    assert_nothing_is_left()


def test_an_on_code_that_fails_ends_the_login(emulator: Emulator) -> None:
    def fail(user_code: str, verification_url: str, expires_at: datetime) -> None:
        raise RuntimeError("no browser")

    with pytest.raises(RuntimeError, match="no browser"):
        login(emulator.url, on_code=fail)
    assert_nothing_is_left()


def test_where_no_bundle_can_be_stored_nobody_is_bothered(emulator: Emulator) -> None:
    Path("file").write_text("")
    with pytest.raises(BundleError, match=r"cannot store the Token Plan bundle file/b\.json: .*no directory"):
        login(emulator.url, bundle="file/b.json", on_code=Codes())
    assert emulator.journal == []


@pytest.mark.parametrize("bundle", ["redis://:canary@host/0", "http://host/b.json", "", 5])
def test_a_bundle_that_is_no_file_is_a_config_error(bundle: Any, emulator: Emulator) -> None:
    for act in (lambda: login(emulator.url, bundle=bundle), lambda: logout(bundle)):
        with pytest.raises(ConfigError, match=r"^bundle: ") as caught:
            act()
        assert "canary" not in str(caught.value)
    assert emulator.journal == []


def test_b10_no_error_shows_a_verifier_or_token_in_text_or_locals(emulator: Emulator, clock: QuickClock) -> None:
    emulator.portal.pending_polls = 0
    let_the_code_through(emulator)
    emulator.portal.fault(fields={"refresh_token": None})
    with pytest.raises(ResponseFormatError) as caught:
        login(emulator.url, on_code=Codes(), clock=clock)
    assert emulator.portal.current is not None
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    for secret in (emulator.portal.current["access_token"], forms(emulator, "/oauth/token")[0]["code_verifier"]):
        assert secret not in shown


def test_a_verifier_that_the_portal_echoes_is_hidden(emulator: Emulator, clock: QuickClock) -> None:
    def echo(stage: str, request: Any) -> None:
        if stage == "received":
            emulator.portal.fault(status=400, body={"error": f"bad verifier {request.body['code_verifier']}"})

    emulator.portal.on_stage = echo
    with pytest.raises(CredentialInvalidError, match=r"bad verifier \*\*\*\*;"):
        login(emulator.url, on_code=Codes(), clock=clock)


@pytest.mark.parametrize(
    ("region", "domain"),
    [("global", "minimax.io"), ("cn", "minimaxi.com"), ("https://api.minimax.io/anthropic", "minimax.io")],
)
def test_a_307_to_the_portals_new_host_is_followed_once_with_the_form(
    region: str, domain: str, clock: QuickClock
) -> None:
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


def test_logout_removes_the_bundle_and_what_refreshes_left(emulator: Emulator) -> None:
    emulator.portal.bundle(BUNDLE)
    for suffix in (".intent", ".rescue"):
        BUNDLE.with_name(BUNDLE.name + suffix).write_text("{}")
    assert logout()
    assert [path.name for path in BUNDLE.parent.iterdir()] == [f"{BUNDLE.name}.lock"]
    assert not logout()


def test_logout_where_nobody_is_logged_in_makes_nothing() -> None:
    assert not logout("nowhere/b.json")
    assert os.listdir() == []
