"""The emulated portal: the user-code flow, strict refresh tokens, the life of access tokens, the bundle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from support.emulator_calls import (
    ANTHROPIC,
    CLIENT_ID,
    CODE_FORM,
    INVALID_GRANT,
    VERIFIER,
    Answer,
    anthropic,
    form,
    get,
    post,
    refresh,
    works,
)

from minimax_sync.emulator import Emulator


def _poll(emulator: Emulator, user_code: str, verifier: str = VERIFIER) -> Answer:
    grant = "urn:ietf:params:oauth:grant-type:user_code"
    return form(emulator, "/oauth/token", grant_type=grant, user_code=user_code, code_verifier=verifier)


def test_a_login_goes_from_code_to_tokens(minimax_emulator: Emulator) -> None:
    code = form(minimax_emulator, "/oauth/code", **CODE_FORM).value
    assert (code["state"], code["interval"]) == ("s1", 2000)
    assert 0 < code["expired_in"] / 1000 - time.time() <= 600
    assert code["verification_uri"].startswith(f"{minimax_emulator.url}/oauth-authorize?user_code={code['user_code']}")
    assert _poll(minimax_emulator, code["user_code"]).value == {"status": "pending"}
    pair = _poll(minimax_emulator, code["user_code"]).value
    assert (pair["status"], pair["token_type"]) == ("success", "Bearer")
    assert pair["resource_url"] == minimax_emulator.anthropic_base_url
    assert "notification_message" not in pair
    assert works(minimax_emulator, pair["access_token"])
    assert _poll(minimax_emulator, code["user_code"]).status == 400


OPENCLAW, COMMAND_LINE = "78257093-7e40-4613-99e0-527b14b39113", "659cf4c1-615c-45f6-a5f6-4bf15eb476e5"


@pytest.mark.parametrize(
    ("code_path", "token_path"), [("/oauth/code", "/oauth/token"), ("/oauth2/device/code", "/oauth2/token")]
)
@pytest.mark.parametrize(
    ("client_id", "grant", "scope"),
    [
        (OPENCLAW, "user_code", "group_id profile model.completion"),
        (COMMAND_LINE, "device_code", "openid profile coding_plan"),
    ],
)
def test_both_grants_work_on_both_families_of_paths(
    minimax_emulator: Emulator, code_path: str, token_path: str, client_id: str, grant: str, scope: str
) -> None:
    minimax_emulator.portal.pending_polls = 0
    asked = {name: value for name, value in CODE_FORM.items() if name != "response_type"}
    code = form(minimax_emulator, code_path, **{**asked, "client_id": client_id, "scope": scope}).value
    fields = {"client_id": client_id, "grant_type": f"urn:ietf:params:oauth:grant-type:{grant}"}
    login = {"user_code": code["user_code"], "code_verifier": VERIFIER}
    pair = form(minimax_emulator, token_path, **fields, **login).value
    assert works(minimax_emulator, pair["access_token"])


def test_a_client_id_of_ones_own_can_be_accepted(minimax_emulator: Emulator) -> None:
    request = {**CODE_FORM, "client_id": "mine"}
    assert form(minimax_emulator, "/oauth/code", **request).status == 400
    minimax_emulator.portal.client_ids.add("mine")
    assert form(minimax_emulator, "/oauth/code", **request).status == 200


def test_a_login_waits_until_the_page_is_opened(minimax_emulator: Emulator) -> None:
    minimax_emulator.portal.auto_approve = False
    minimax_emulator.portal.notification_message = "Welcome"
    code = form(minimax_emulator, "/oauth2/device/code", **CODE_FORM).value
    for _ in range(3):
        assert _poll(minimax_emulator, code["user_code"]).value == {"status": "pending"}
    page = get(minimax_emulator, code["verification_uri"].removeprefix(minimax_emulator.url))
    assert (page.status, page.headers["content-type"]) == (200, "text/html")
    assert _poll(minimax_emulator, code["user_code"]).value["notification_message"] == "Welcome"


def test_a_code_that_does_not_exist_cannot_be_approved(minimax_emulator: Emulator) -> None:
    assert get(minimax_emulator, "/oauth-authorize?user_code=NO-SUCH").status == 404
    with pytest.raises(ValueError, match="NO-SUCH"):
        minimax_emulator.portal.approve("NO-SUCH")


def test_a_code_approved_by_hand_needs_the_verifier_of_its_challenge(minimax_emulator: Emulator) -> None:
    code = form(minimax_emulator, "/oauth/code", **CODE_FORM).value
    minimax_emulator.portal.approve(code["user_code"])
    refused = _poll(minimax_emulator, code["user_code"], "another verifier")
    assert (refused.status, refused.value) == (400, INVALID_GRANT)
    assert _poll(minimax_emulator, code["user_code"]).value["status"] == "success"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"client_id": ""}, "client_id is required"),
        ({"client_id": "someone"}, "invalid_client"),
        ({"state": ""}, "state is required"),
        ({"scope": ""}, "scope is required"),
        ({"code_challenge": ""}, "code_challenge is required"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "invalid_request"),
    ],
)
def test_a_code_request_that_lacks_a_field_is_refused_by_name(
    minimax_emulator: Emulator, changes: dict[str, str], words: str
) -> None:
    answer = form(minimax_emulator, "/oauth/code", **{**CODE_FORM, **changes})
    assert (answer.status, answer.value["base_resp"]["status_msg"]) == (400, words)


def test_a_body_that_is_not_a_form_is_refused(minimax_emulator: Emulator) -> None:
    answer = post(minimax_emulator, "/oauth/token", {"grant_type": "refresh_token", "refresh_token": "x"})
    assert (answer.status, answer.value["base_resp"]["status_msg"]) == (400, "client_id is required")


def test_another_grant_type_is_refused(minimax_emulator: Emulator) -> None:
    answer = form(minimax_emulator, "/oauth/token", grant_type="password", user_code="x", code_verifier="y")
    assert answer.value["base_resp"]["status_msg"] == "unsupported_grant_type"


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth2/token"])
def test_a_refresh_rotates_both_tokens(minimax_emulator: Emulator, path: str) -> None:
    portal = minimax_emulator.portal
    first = portal.issue()
    second = form(minimax_emulator, path, grant_type="refresh_token", refresh_token=first["refresh_token"]).value
    assert second["access_token"] != first["access_token"]
    assert second["refresh_token"] != first["refresh_token"]
    assert portal.current is not None
    assert portal.current["refresh_token"] == second["refresh_token"]
    assert (portal.posts, portal.grants, portal.reused, portal.generation) == (1, 1, 0, 1)
    assert works(minimax_emulator, first["access_token"])
    assert works(minimax_emulator, second["access_token"])


def test_a_refresh_token_used_twice_revokes_its_whole_family_and_no_other(minimax_emulator: Emulator) -> None:
    other = minimax_emulator.portal.issue()
    first = minimax_emulator.portal.issue()
    second = refresh(minimax_emulator, first["refresh_token"]).value
    again = refresh(minimax_emulator, first["refresh_token"])
    assert (again.status, again.value) == (400, INVALID_GRANT)
    assert refresh(minimax_emulator, second["refresh_token"]).value == INVALID_GRANT
    assert not works(minimax_emulator, first["access_token"])
    assert not works(minimax_emulator, second["access_token"])
    assert (minimax_emulator.portal.reused, minimax_emulator.portal.grants) == (1, 1)
    assert works(minimax_emulator, other["access_token"])
    assert refresh(minimax_emulator, other["refresh_token"]).status == 200


def test_an_unknown_refresh_token_is_refused_and_revokes_nothing(minimax_emulator: Emulator) -> None:
    pair = minimax_emulator.portal.issue()
    assert refresh(minimax_emulator, "rt-unknown").value == INVALID_GRANT
    assert minimax_emulator.portal.reused == 0
    assert works(minimax_emulator, pair["access_token"])


def test_within_the_reuse_interval_the_same_successor_is_given_again(minimax_emulator: Emulator) -> None:
    minimax_emulator.portal.reuse_interval = 30.0
    first = minimax_emulator.portal.issue()
    second = refresh(minimax_emulator, first["refresh_token"]).value
    assert refresh(minimax_emulator, first["refresh_token"]).value == second
    assert (minimax_emulator.portal.grants, minimax_emulator.portal.reused) == (1, 0)
    third = refresh(minimax_emulator, second["refresh_token"]).value
    assert third["status"] == "success"
    assert refresh(minimax_emulator, first["refresh_token"]).value == INVALID_GRANT
    assert minimax_emulator.portal.reused == 1


def test_past_the_reuse_interval_a_second_use_revokes(minimax_emulator: Emulator) -> None:
    minimax_emulator.portal.reuse_interval = 0.02
    first = minimax_emulator.portal.issue()
    refresh(minimax_emulator, first["refresh_token"])
    time.sleep(0.03)
    assert refresh(minimax_emulator, first["refresh_token"]).value == INVALID_GRANT


def test_of_many_refreshes_at_once_exactly_one_is_granted(minimax_emulator: Emulator) -> None:
    token = minimax_emulator.portal.issue()["refresh_token"]
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: refresh(minimax_emulator, token).status, range(16)))
    assert sorted(statuses) == [200] + [400] * 15
    portal = minimax_emulator.portal
    assert (portal.posts, portal.grants, portal.reused) == (16, 1, 15)


def test_other_processes_are_served_alike(minimax_emulator: Emulator) -> None:
    token = minimax_emulator.portal.issue()["refresh_token"]
    program = (
        "import sys, urllib.request as u, urllib.parse as p\n"
        "body = p.urlencode({'client_id': sys.argv[2], 'grant_type': 'refresh_token', 'refresh_token': sys.argv[3]})\n"
        "try: print(u.urlopen(sys.argv[1] + '/oauth/token', body.encode()).status)\n"
        "except u.HTTPError as error: print(error.code); error.close()\n"
    )
    arguments = [sys.executable, "-c", program, minimax_emulator.url, CLIENT_ID, token]
    children = [subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert sorted(child.communicate(timeout=20)[0].strip() for child in children) == ["200", "400", "400"]


@pytest.mark.parametrize(("format", "scale"), [("epoch_ms", 1000.0), ("epoch_s", 1.0), ("ttl_s", None)])
def test_expired_in_has_the_format_that_was_asked_for(
    minimax_emulator: Emulator, format: str, scale: float | None
) -> None:
    minimax_emulator.portal.expired_in = format
    minimax_emulator.portal.access_ttl = 500.0
    value = refresh(minimax_emulator, minimax_emulator.portal.issue()["refresh_token"]).value["expired_in"]
    assert isinstance(value, int)
    left = value if scale is None else value / scale - time.time()
    assert 497 < left <= 500


def test_an_access_token_dies_at_the_end_of_its_life(minimax_emulator: Emulator) -> None:
    pair = minimax_emulator.portal.issue(ttl=0.03)
    assert works(minimax_emulator, pair["access_token"])
    time.sleep(0.04)
    refused = post(minimax_emulator, ANTHROPIC, anthropic(), key=pair["access_token"])
    assert refused.status == 401
    assert refused.value["error"]["message"].endswith("(1004)")
    assert refresh(minimax_emulator, pair["refresh_token"]).status == 200


def test_access_can_be_taken_while_the_refresh_token_stays_good(minimax_emulator: Emulator) -> None:
    first, second, third = (minimax_emulator.portal.issue() for _ in range(3))
    minimax_emulator.portal.revoke_access(first["access_token"])
    assert [works(minimax_emulator, pair["access_token"]) for pair in (first, second, third)] == [False, True, True]
    minimax_emulator.portal.expire_access()
    assert [works(minimax_emulator, pair["access_token"]) for pair in (first, second, third)] == [False] * 3
    assert refresh(minimax_emulator, first["refresh_token"]).status == 200


def test_a_bundle_is_private_and_names_the_emulator_as_its_region(minimax_emulator: Emulator, tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "bundle.json"
    pair = minimax_emulator.portal.bundle(path, ttl=90.0)
    written = json.loads(path.read_text())
    assert written["region"] == minimax_emulator.url
    assert written["access_token"] == pair["access_token"]
    assert written["expires_at"].endswith("Z")
    left = datetime.fromisoformat(written["expires_at"].replace("Z", "+00:00")) - datetime.now(timezone.utc)
    assert timedelta(seconds=85) < left < timedelta(seconds=91)
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(path.parent) == ["bundle.json"]
