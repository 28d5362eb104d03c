"""The emulator as its user holds it: who may call, the plain endpoints, the journal."""

from __future__ import annotations

import http.client
import json
import math
import time
from typing import Any

import pytest
from support.emulator_calls import ANTHROPIC, CHAT, FORM, OPENAI, anthropic, bearer, get, post, send

from minimax_sync.emulator import Emulator

EMBEDDING = {"model": "embo-01", "type": "db", "texts": ["the quick fox", "the quick dog", "elsewhere"]}


@pytest.mark.parametrize("path", [OPENAI, ANTHROPIC, "/v1/models", "/anthropic/v1/models"])
def test_a_wrong_key_is_refused(minimax_emulator: Emulator, path: str) -> None:
    method = "GET" if path.endswith("models") else "POST"
    answer = send(minimax_emulator, method, path, None, bearer("sk-wrong"))
    error = answer.value["error"]
    assert (answer.status, error["type"], error["message"]) == (401, "authorized_error", "invalid api key (2049)")


@pytest.mark.parametrize("name", ["x-api-key", "X-Nothing"])
def test_a_key_that_is_not_a_bearer_token_is_not_read(minimax_emulator: Emulator, name: str) -> None:
    answer = send(minimax_emulator, "POST", ANTHROPIC, "{}", {name: minimax_emulator.api_key})
    words = "login fail: Please carry the API secret key in the 'Authorization' field of the request header (1004)"
    assert (answer.status, answer.value["error"]["message"]) == (401, words)


def test_an_access_token_of_the_portal_is_as_good_as_the_key_on_both_wires(minimax_emulator: Emulator) -> None:
    token = minimax_emulator.portal.issue()["access_token"]
    assert post(minimax_emulator, ANTHROPIC, anthropic(), key=token).status == 200
    assert post(minimax_emulator, OPENAI, CHAT, key=token).status == 200


@pytest.mark.parametrize(
    "path", ["/v1/token_plan/remains", "/v1/api/openplatform/coding_plan/remains", "/account/query_balance"]
)
def test_the_quota_answers_a_wrong_key_with_200(minimax_emulator: Emulator, path: str) -> None:
    answer = send(minimax_emulator, "GET", path, None, {})
    assert answer.status == 200
    assert set(answer.value) == {"base_resp"}
    assert answer.value["base_resp"]["status_code"] == 1004


def test_the_quota_reports_what_is_left_in_percent(minimax_emulator: Emulator) -> None:
    general, video = get(minimax_emulator, "/v1/token_plan/remains").value["model_remains"]
    assert (general["model_name"], general["current_interval_remaining_percent"]) == ("general", 99)
    assert general["current_interval_total_count"] == 0
    assert general["end_time"] - general["start_time"] == 5 * 3600 * 1000
    assert 0 < general["remains_time"] <= 5 * 3600 * 1000
    assert general["start_time"] <= time.time() * 1000 <= general["end_time"]
    assert (video["model_name"], video["end_time"] - video["start_time"]) == ("video", 24 * 3600 * 1000)


def test_the_count_of_the_quota_is_what_was_used_on_one_path_and_what_is_left_on_the_other(
    minimax_emulator: Emulator,
) -> None:
    minimax_emulator.plan.total = 1000
    minimax_emulator.plan.used = 1000
    [row, _] = get(minimax_emulator, "/v1/token_plan/remains").value["model_remains"]
    assert (row["current_interval_total_count"], row["current_interval_usage_count"]) == (1000, 1000)
    assert (row["current_interval_remaining_percent"], row["current_interval_status"]) == (0, 2)
    [legacy] = get(minimax_emulator, "/v1/api/openplatform/coding_plan/remains").value["model_remains"]
    assert (legacy["current_interval_total_count"], legacy["current_interval_usage_count"]) == (1000, 0)
    assert not any(name.endswith("percent") for name in legacy)


def test_without_percentages_the_counts_of_the_quota_are_what_remains(minimax_emulator: Emulator) -> None:
    plan = minimax_emulator.plan
    plan.total, plan.used, plan.percent = 1000, 300, None
    general, video = get(minimax_emulator, "/v1/token_plan/remains").value["model_remains"]
    assert (general["current_interval_total_count"], general["current_interval_usage_count"]) == (1000, 700)
    assert (video["current_interval_usage_count"], video["current_weekly_usage_count"]) == (3, 21)
    assert not any(name.endswith("percent") for row in (general, video) for name in row)
    plan.used = 1000
    general, _ = get(minimax_emulator, "/v1/token_plan/remains").value["model_remains"]
    assert general["current_interval_status"] == 2


def test_a_service_outside_the_plan_has_status_3_and_no_counts(minimax_emulator: Emulator) -> None:
    minimax_emulator.plan.missing = ("video",)
    general, video = get(minimax_emulator, "/v1/token_plan/remains").value["model_remains"]
    assert (general["current_interval_status"], general["current_weekly_status"]) == (1, 1)
    assert (video["current_interval_status"], video["current_weekly_status"]) == (3, 3)
    assert {value for name, value in video.items() if name.endswith("_count")} == {0}


def test_a_boost_of_the_week_is_reported_in_permille(minimax_emulator: Emulator) -> None:
    assert b"boost" not in get(minimax_emulator, "/v1/token_plan/remains").body
    minimax_emulator.plan.weekly_boost_permille = 1500
    general, _ = get(minimax_emulator, "/v1/token_plan/remains").value["model_remains"]
    assert general["weekly_boost_permille"] == 1500


def test_the_balance_is_reported_as_text(minimax_emulator: Emulator) -> None:
    minimax_emulator.balance.available = "0.00"
    minimax_emulator.balance.owed = "1.50"
    assert get(minimax_emulator, "/account/query_balance").value == {
        "available_amount": "0.00",
        "cash_balance": "10.00",
        "voucher_balance": "2.34",
        "credit_balance": "0.00",
        "owed_amount": "1.50",
        "base_resp": {"status_code": 0, "status_msg": "success"},
    }


def test_both_lists_of_models_have_their_own_shape(minimax_emulator: Emulator) -> None:
    models = get(minimax_emulator, "/v1/models").value
    assert (models["object"], models["data"][0]["id"], models["data"][0]["owned_by"]) == (
        "list",
        "MiniMax-M2.5",
        "minimax",
    )
    listed = get(minimax_emulator, "/anthropic/v1/models").value
    assert (listed["first_id"], listed["has_more"]) == ("MiniMax-M2.5", False)
    assert listed["data"][0]["type"] == "model"


def test_embeddings_are_near_for_texts_that_share_words(minimax_emulator: Emulator) -> None:
    answer = post(minimax_emulator, "/v1/embeddings", EMBEDDING).value
    assert answer["base_resp"] == {"status_code": 0, "status_msg": "success"}
    assert answer["total_tokens"] == 11
    fox, dog, other = answer["vectors"]
    assert {len(vector) for vector in answer["vectors"]} == {1536}
    assert math.isclose(math.hypot(*fox), 1.0, abs_tol=1e-3)
    assert sum(a * b for a, b in zip(fox, dog, strict=True)) > 0.5
    assert abs(sum(a * b for a, b in zip(fox, other, strict=True))) < 0.2
    assert post(minimax_emulator, "/v1/embeddings", EMBEDDING).value["vectors"] == answer["vectors"]


@pytest.mark.parametrize("changes", [{"texts": []}, {"texts": "one"}, {"texts": [""]}, {"type": "x"}, {"model": ""}])
def test_embeddings_refuse_with_200_and_no_vectors(minimax_emulator: Emulator, changes: dict[str, Any]) -> None:
    answer = post(minimax_emulator, "/v1/embeddings", {**EMBEDDING, **changes})
    assert (answer.status, answer.value["vectors"], answer.value["base_resp"]["status_code"]) == (200, None, 2013)


def test_the_journal_has_all_that_was_received(minimax_emulator: Emulator) -> None:
    before = time.monotonic()
    post(minimax_emulator, f"{OPENAI}?GroupId=7", CHAT)
    send(minimax_emulator, "POST", "/nowhere", b"\xff\xfe", {"X-One": "1"})
    send(minimax_emulator, "POST", "/oauth/token", "a=1&b=", FORM)
    send(minimax_emulator, "POST", OPENAI, json.dumps(CHAT), FORM)
    get(minimax_emulator, "/v1/models")
    chat, nowhere, token, curl, models = minimax_emulator.journal
    assert (chat.method, chat.path, chat.route) == ("POST", f"{OPENAI}?GroupId=7", OPENAI)
    assert chat.query == {"GroupId": "7"}
    assert chat.body == CHAT
    assert chat.headers["AUTHORIZATION"] == f"Bearer {minimax_emulator.api_key}"
    assert before < chat.monotonic < nowhere.monotonic
    assert (nowhere.body, nowhere.headers.get("x-one"), nowhere.headers.get("x-two")) == (b"\xff\xfe", "1", None)
    assert "x-ONE" in nowhere.headers
    assert token.body == {"a": "1", "b": ""}
    assert curl.body == CHAT
    assert models.body is None


def test_the_journals_text_shows_no_key_and_no_prompt(minimax_emulator: Emulator) -> None:
    post(minimax_emulator, OPENAI, CHAT)
    shown = f"{minimax_emulator.journal} {minimax_emulator.journal[0].headers}"
    assert minimax_emulator.api_key not in shown
    assert "Hello there" not in shown
    assert OPENAI in shown
    assert "messages" in shown


def test_emulators_have_keys_of_their_own() -> None:
    with Emulator() as one, Emulator() as other, Emulator(api_key="sk-mine") as mine:
        assert len({one.api_key, other.api_key, mine.api_key}) == 3
        assert post(one, OPENAI, CHAT, key=other.api_key).status == 401
        assert post(mine, OPENAI, CHAT, key="sk-mine").status == 200


def test_an_error_in_a_hook_is_printed_on_stderr_and_ends_that_call_only(
    minimax_emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    def on_stage(stage: str, request: object) -> None:
        raise ValueError("the hook is broken")

    minimax_emulator.portal.on_stage = on_stage
    with pytest.raises(http.client.RemoteDisconnected):
        post(minimax_emulator, "/oauth/token", {})
    assert post(minimax_emulator, OPENAI, CHAT).status == 200
    assert "the hook is broken" in capsys.readouterr().err


def test_the_journal_of_a_long_run_keeps_the_latest(
    minimax_emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minimax_sync.emulator.service.JOURNAL_LIMIT", 2)
    for number in range(4):
        get(minimax_emulator, f"/v1/models?n={number}")
    assert [received.query["n"] for received in minimax_emulator.journal] == ["2", "3"]
