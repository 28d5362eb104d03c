"""Refreshes that go wrong on request: late, lost, refused, or with fields that are not what they should be."""

from __future__ import annotations

import http.client
import threading
import time
from typing import Any

import pytest
from support.emulator_calls import (
    ANTHROPIC,
    CODE_FORM,
    FORM,
    INVALID_GRANT,
    anthropic,
    connect,
    form,
    post,
    refresh,
    refresh_form,
    works,
)

from minimax_sync.emulator import Emulator, Received


def test_the_hook_is_called_at_each_stage_with_the_request(minimax_emulator: Emulator) -> None:
    seen: list[tuple[str, str, int]] = []
    answered = threading.Event()

    def on_stage(stage: str, request: Received) -> None:
        seen.append((stage, request.body["grant_type"], minimax_emulator.portal.grants))
        if stage == "answered":
            answered.set()

    minimax_emulator.portal.on_stage = on_stage
    refresh(minimax_emulator, minimax_emulator.portal.issue()["refresh_token"])
    assert answered.wait(5)
    assert seen == [
        ("received", "refresh_token", 0),
        ("committed", "refresh_token", 1),
        ("answered", "refresh_token", 1),
    ]


@pytest.mark.parametrize("when", ["before", "after"])
def test_latency_stands_on_either_side_of_the_commit(minimax_emulator: Emulator, when: str) -> None:
    portal = minimax_emulator.portal
    setattr(portal, f"latency_{when}_commit", 0.05)
    at: dict[str, float] = {}
    portal.on_stage = lambda stage, request: at.setdefault(stage, time.monotonic())
    began = time.monotonic()
    refresh(minimax_emulator, portal.issue()["refresh_token"])
    assert time.monotonic() - began >= 0.05
    assert (at["committed"] - at["received"] >= 0.05) == (when == "before")


def test_a_commit_stands_though_its_client_is_gone(minimax_emulator: Emulator) -> None:
    portal = minimax_emulator.portal
    committed = threading.Event()
    portal.latency_before_commit = 0.03
    portal.on_stage = lambda stage, request: committed.set() if portal.grants else None
    connection = connect(minimax_emulator)
    connection.request("POST", "/oauth/token", refresh_form(portal.issue()["refresh_token"]), FORM)
    connection.close()
    assert committed.wait(5)
    assert (portal.grants, portal.generation) == (1, 1)


def test_a_lost_answer_is_reset_after_the_commit(minimax_emulator: Emulator) -> None:
    first = minimax_emulator.portal.issue()
    minimax_emulator.portal.fault("lost")
    with pytest.raises(ConnectionResetError):
        refresh(minimax_emulator, first["refresh_token"])
    assert (minimax_emulator.portal.grants, minimax_emulator.portal.generation) == (1, 1)
    assert refresh(minimax_emulator, first["refresh_token"]).value == INVALID_GRANT


def test_a_disconnect_comes_before_the_commit(minimax_emulator: Emulator) -> None:
    first = minimax_emulator.portal.issue()
    minimax_emulator.portal.fault("disconnect")
    with pytest.raises(http.client.RemoteDisconnected):
        refresh(minimax_emulator, first["refresh_token"])
    assert (minimax_emulator.portal.posts, minimax_emulator.portal.grants) == (1, 0)
    assert refresh(minimax_emulator, first["refresh_token"]).status == 200


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        ({"status": 503}, 503, {"base_resp": {"status_code": 1, "status_msg": "service unavailable"}}),
        ({"status": 400, "body": INVALID_GRANT}, 400, INVALID_GRANT),
        ({"body": {"status": "error", "base_resp": {"status_msg": "refresh_token_reused"}}}, 200, None),
    ],
)
def test_a_refusal_on_request_grants_nothing(
    minimax_emulator: Emulator, fault: dict[str, Any], status: int, body: Any
) -> None:
    first = minimax_emulator.portal.issue()
    minimax_emulator.portal.fault(**fault)
    answer = refresh(minimax_emulator, first["refresh_token"])
    assert (answer.status, answer.value) == (status, body or fault["body"])
    assert minimax_emulator.portal.grants == 0
    assert refresh(minimax_emulator, first["refresh_token"]).status == 200


def test_html_and_redirects_come_from_either_endpoint(minimax_emulator: Emulator) -> None:
    portal = minimax_emulator.portal
    portal.fault("html")
    assert refresh(minimax_emulator, portal.issue()["refresh_token"]).body.startswith(b"<!DOCTYPE html>")
    portal.fault(status=307, headers={"Location": "https://account.minimax.io/oauth2/device/code"}, retry_after=3)
    answer = form(minimax_emulator, "/oauth/code", **CODE_FORM)
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (307, b"", "3")
    assert answer.headers["location"] == "https://account.minimax.io/oauth2/device/code"


def test_a_success_without_a_refresh_token_leaves_the_old_one_good(minimax_emulator: Emulator) -> None:
    first = minimax_emulator.portal.issue()
    minimax_emulator.portal.fault(fields={"refresh_token": None})
    answer = refresh(minimax_emulator, first["refresh_token"]).value
    assert "refresh_token" not in answer
    assert works(minimax_emulator, answer["access_token"])
    assert refresh(minimax_emulator, first["refresh_token"]).status == 200


@pytest.mark.parametrize("value", ["7200", -5, 0, 1e300])
def test_fields_of_a_success_can_be_replaced(minimax_emulator: Emulator, value: Any) -> None:
    minimax_emulator.portal.fault(fields={"expired_in": value})
    answer = refresh(minimax_emulator, minimax_emulator.portal.issue()["refresh_token"]).value
    assert (answer["expired_in"], answer["status"]) == (value, "success")


def test_a_state_can_come_back_wrong(minimax_emulator: Emulator) -> None:
    minimax_emulator.portal.fault(fields={"state": "another"})
    assert form(minimax_emulator, "/oauth/code", **CODE_FORM).value["state"] == "another"


def test_portal_faults_leave_the_api_alone(minimax_emulator: Emulator) -> None:
    minimax_emulator.portal.fault(status=500)
    assert post(minimax_emulator, ANTHROPIC, anthropic()).status == 200
    assert refresh(minimax_emulator, "x").status == 500
    with pytest.raises(ValueError, match="unknown fault 'truncate': use one of disconnect, stall, html, lost"):
        minimax_emulator.portal.fault("truncate")
