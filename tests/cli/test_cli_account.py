"""`quota` and `models`: tables for people, JSON for programs."""

from __future__ import annotations

import json

import pytest
from support.cli import Run

from minimax_sync.emulator import Emulator


def test_quota_shows_each_window_in_percent_as_a_bar_and_in_words(run: Run, emulator: Emulator) -> None:
    emulator.plan.percent = 49
    status, out, err = run("quota")
    lines = out.splitlines()
    assert (status, err, len(lines)) == (0, "", 5)
    assert lines[0].startswith(" 49 %  [#########-----------]  general: 49 % left of the 5 h window, resets in ")
    assert lines[1].startswith("100 %  [####################]  general: 100 % left of the 7 d window, resets in ")
    assert "video: 100 % left of the 1 d window (0 of 3 used)" in lines[2]


def test_a_bar_is_full_only_when_nothing_is_used_and_empty_when_nothing_is_left(run: Run, emulator: Emulator) -> None:
    assert "[###################-]" in run("quota").out.splitlines()[0]
    emulator.plan.percent = 0
    first = run("quota").out.splitlines()[0]
    assert first.startswith("  0 %  [--------------------]  general: nothing left of the 5 h window")


@pytest.fixture
def plan_key(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let the emulator accept the key of a plan, and the commands find it."""
    emulator.api_key = "sk-cp-0123456789abcdef"
    monkeypatch.setenv("MINIMAX_API_KEY", emulator.api_key)
    return emulator.api_key


@pytest.mark.usefixtures("plan_key")
def test_quota_without_figures_is_marked_as_such(run: Run, emulator: Emulator) -> None:
    emulator.fault(body={"model_remains": [{"model_name": "general"}], "base_resp": {"status_code": 0}})
    assert run("quota").out == "  ? %  [????????????????????]  general: no figures for the window\n"
    emulator.fault(body={"model_remains": [], "base_resp": {"status_code": 0}})
    assert run("quota").out == "the plan has no windows\n"


BALANCE = "balance: 12.34 available (cash 10.00, voucher 2.34, credit 0.00, owed 0.00)\n"


def test_quota_shows_the_balance_of_a_pay_as_you_go_key(run: Run, emulator: Emulator) -> None:
    assert run("quota").out.endswith("\n" + BALANCE)
    assert json.loads(run("quota", "--json").out)["balance"]["voucher"] == "2.34"
    emulator.fault(code=2049)  # a key without a plan
    assert run("quota") == (0, BALANCE, "")


@pytest.mark.usefixtures("plan_key")
def test_quota_asks_for_no_balance_with_the_key_of_a_plan(run: Run, emulator: Emulator) -> None:
    assert "balance" not in run("quota").out + run("quota", "--json").out
    assert len(emulator.journal) == 2


def test_quota_of_a_server_without_balances_shows_the_windows(run: Run, emulator: Emulator) -> None:
    emulator.fault(body={"model_remains": [{"model_name": "general"}], "base_resp": {"status_code": 0}})
    emulator.fault(status=404)
    assert run("quota") == (0, "  ? %  [????????????????????]  general: no figures for the window\n", "")


def test_quota_as_json_has_everything_that_the_service_sent(run: Run, emulator: Emulator) -> None:
    emulator.plan.total, emulator.plan.used = 1500, 228
    window = json.loads(run("quota", "--json").out)["windows"][0]
    assert (window["model"], window["total"], window["used"]) == ("general", 1500, 228)
    assert window["resets_at"].endswith("Z")
    assert window["weekly"]["status"] == "active"


def test_models_are_listed_with_their_prices(run: Run, emulator: Emulator) -> None:
    status, out, err = run("models")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["MODEL", "SINCE", "IN", "OUT", "NOTE"]
    assert lines[1].split() == [
        *("MiniMax-M2.5", "2026-02-13", "0.30", "1.20"),
        *("retired", "2026-11-18,", "use", "MiniMax-M3.1-Flash"),
    ]
    assert "USD per million tokens" in lines[-1]


def test_a_model_without_a_price_or_a_date_is_listed_all_the_same(run: Run, emulator: Emulator) -> None:
    emulator.fault(body={"data": [{"id": "New\x1b[2J"}]})
    assert run("models").out.splitlines()[1] == "New[2J"


def test_models_as_json_are_a_list(run: Run, emulator: Emulator) -> None:
    models = json.loads(run("models", "--json").out)
    assert models[0] == {
        "id": "MiniMax-M2.5",
        "created_at": "2026-02-13T02:00:00Z",
        "owned_by": "minimax",
        "retired": "2026-11-18",
        "successor": "MiniMax-M3.1-Flash",
    }


def test_a_refused_key_is_an_error(run: Run, emulator: Emulator) -> None:
    for _ in range(2):
        emulator.fault(code=1004)
    status, out, err = run("quota")
    assert (status, out) == (1, "")
    assert "(1004)" in err
