"""`status`: every setting with its source, the login's state, the places, and no secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.cli import Run

from minimax_sync.emulator import Emulator
from minimax_sync.settings.table import BY_NAME, ENVIRONMENT

BUNDLE = "secrets/minimax_token_plan.json"


def rows(out: str) -> dict[str, list[str]]:
    """Return the cells of each row by the first of them."""
    cells = [re.split(r"  +", line) for line in out.splitlines()]
    return {first: rest for first, *rest in cells}


def test_nothing_configured_is_an_error_that_shows_where_was_looked(run: Run) -> None:
    status, out, err = run("status")
    assert status == 1
    assert err.startswith("minimax-sync: no MiniMax credential")
    assert rows(out)["MINIMAX_API_KEY"] == ["not set"]
    assert rows(out)["./secrets/minimax_token_plan.json"] == ["not there"]


def test_a_key_is_masked_and_its_source_is_named(run: Run, emulator: Emulator) -> None:
    status, out, err = run("status")
    table = rows(out)
    assert (status, err) == (0, "")
    assert table["credential"] == ["a key"]
    assert table["calls go to"] == [f"{emulator.base_url}/text/chatcompletion_v2"]
    assert table["api_key"][1] == "environment variable MINIMAX_API_KEY"
    assert table["requests_per_second"][1].startswith("config/llm.yaml:1")
    assert table["MINIMAX_API_KEY"] == ["set"]
    assert table["config/llm.yaml"] == ["there"]
    assert emulator.api_key not in out
    assert emulator.api_key[4:-4] not in out
    assert emulator.journal == []


def test_an_argument_is_called_by_its_flag(run: Run, emulator: Emulator) -> None:
    table = rows(run("status", "--base-url", emulator.anthropic_base_url).out)
    assert table["base_url"] == [emulator.anthropic_base_url, "--base-url"]
    assert table["wire"] == ["anthropic_messages"]


@pytest.mark.parametrize(("ttl", "state"), [(7200.0, "fresh"), (30.0, "due"), (-5.0, "expired")])
def test_the_state_of_a_login_is_shown(run: Run, emulator: Emulator, ttl: float, state: str) -> None:
    pair = emulator.portal.bundle(BUNDLE, ttl=ttl)
    status, out, _ = run("status")
    table = rows(out)
    assert status == 0
    assert table["credential"] == ["the Token Plan login"]
    assert table["state"][0].split(":")[0] == state
    assert table["region"] == [emulator.url]
    assert ("ago" if ttl < 0 else "in ") in table["access token until"][0]
    assert pair["access_token"] not in out
    assert pair["refresh_token"] not in out
    assert emulator.journal == [], "looking at a login must not refresh it"


def test_an_unreadable_login_is_reported(run: Run, emulator: Emulator) -> None:
    Path(BUNDLE).parent.mkdir()
    Path(BUNDLE).write_text("{half")
    Path(BUNDLE).chmod(0o600)
    status, out, err = run("status")
    assert status == 1
    assert rows(out)["state"] == ["unreadable"]
    assert "it is not JSON" in rows(out)["problem"][0]
    assert "it is not JSON" in err


def test_the_check_makes_one_small_call(run: Run, emulator: Emulator) -> None:
    status, out, _ = run("status", "--check")
    assert status == 0
    assert "ok: MiniMax-M2.5 answered in" in out.splitlines()[-1]
    assert len(emulator.journal) == 1
    assert emulator.journal[0].body["max_tokens"] == 64


def test_the_check_reports_an_unreachable_shared_limit(run: Run, emulator: Emulator) -> None:
    Path("config").mkdir(exist_ok=True)
    Path("config/llm.yaml").write_text("providers: {minimax: {rate_limit: {store: 'redis://127.0.0.1:1/0'}}}\n")
    status, out, _ = run("status", "--check")
    assert status == 0
    assert "Redis cannot be reached" in out.splitlines()[-1]


def test_a_check_that_fails_is_an_error(run: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIMAX_API_KEY", "sk-api-this-is-not-the-right-key")
    status, out, err = run("status", "--check")
    assert status == 1
    assert "ok:" not in out
    assert "(2049)" in err


def test_the_places_named_in_the_error_are_variables_of_the_table(run: Run) -> None:
    named = set(re.findall(r"MINIMAX_\w+", run("status").err))
    assert named == set(BY_NAME["api_key"].variables)
    assert named <= {name for name, _ in ENVIRONMENT}


def test_a_variable_with_a_misspelt_name_is_pointed_out(
    run: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINIMAX_TIME_OUT", "5")
    others = ("ANOTHER_PROGRAM", "EFFORT", "API_HOST", "MCP_BASE_PATH", "TEMPERATURE")
    for name in others:
        monkeypatch.setenv(f"MINIMAX_{name}", "5")
    out = run("status").out
    assert "MINIMAX_TIME_OUT is set, but is not a variable of minimax-sync; did you mean MINIMAX_TIMEOUT?" in out
    monkeypatch.setenv("MINIMAX_DEFAULT_HEADERS", "5")
    assert "MINIMAX_DEFAULT_HEADERS is set, but is not a variable of minimax-sync; set default" in run("status").out
    assert [name for name in others if f"MINIMAX_{name} is" in out] == []


def test_a_deleted_working_directory_does_not_stop_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setenv("MINIMAX_API_KEY", "sk-api-0123456789")
    status, out, err = run("status")
    assert (status, err) == (0, "")
    assert rows(out)["credential"] == ["a key"]
