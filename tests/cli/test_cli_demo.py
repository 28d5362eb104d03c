"""`demo` and `emulator`: the main job end to end, and a MiniMax until Ctrl-C."""

from __future__ import annotations

import re
import signal
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from support.cli import Run

from minimax_sync.emulator import Emulator

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.mark.usefixtures("quick_settings")
def test_without_a_credential_the_emulator_answers_and_the_first_line_reports_it(program: Start) -> None:
    process = program("demo")
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert re.match(r"There is no MiniMax credential, so the emulator .* answers, at http://127\.0\.0\.1:\d+", out)
    parts = ["Chat", "the Yangtze", "Stream", "tastes salt", "Tool call", 'get_weather({"city": "Lisbon"})', "21 °C"]
    parts += ["Token Plan", "refreshed with 1 request; good until"]
    positions = [out.index(part) for part in parts]
    assert positions == sorted(positions)


def test_with_a_key_the_service_answers_and_only_the_refresh_is_the_emulators(
    program: Start, emulator: Emulator
) -> None:
    emulator.answer("Three.")
    emulator.answer("A haiku.")
    emulator.answer(tool_calls=[("get_weather", {"city": "Oslo"})])
    emulator.answer("Snow.")
    process = program("demo")
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert out.startswith(f"The service answers, at {emulator.base_url}/text/chatcompletion_v2")
    assert "there is none, so the emulator on this machine answers here" in out
    assert "refreshed with 1 request" in out
    assert "thinks" not in out
    assert "\nmodel   A haiku.\n" in out
    assert len(emulator.journal) == 4
    result = emulator.journal[-1].body["messages"][-1]
    assert (result["role"], result["content"]) == ("tool", '{"temperature_c":4,"sky":"snow"}')


def test_a_login_is_used_and_not_refreshed_before_it_is_due(run: Run, emulator: Emulator) -> None:
    emulator.portal.bundle("secrets/minimax_token_plan.json")
    status, out, _ = run("demo")
    assert status == 0
    assert "secrets/minimax_token_plan.json is fresh" in out
    assert emulator.portal.posts == 0


def test_a_broken_setting_is_an_error_and_not_a_reason_for_the_emulator(
    run: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MINIMAX_API_KEY")
    Path("config/llm.yaml").write_text("providers: {minimax: {nonsense: 1}}\n")
    status, out, err = run("demo")
    assert (status, out) == (1, "")
    assert "nonsense" in err


def test_the_emulator_prints_its_environment_logs_requests_and_ends_with_ctrl_c(program: Start) -> None:
    process = program("emulator", "--port", "0")
    assert process.stdout is not None
    shown = ""
    while "minimax-sync login" not in shown:
        line = process.stdout.readline()
        assert line, f"it ended: {shown}"
        shown += line
    exports = dict(re.findall(r"export (\w+)=(\S+)", shown))
    assert exports["MINIMAX_API_KEY"].startswith("sk-")
    base_url = exports["MINIMAX_BASE_URL"]
    request = urllib.request.Request(
        f"{base_url}/text/chatcompletion_v2",
        b'{"model": "MiniMax-M2.5", "messages": [{"role": "user", "content": "private"}]}',
        {"Authorization": f"Bearer {exports['MINIMAX_API_KEY']}", "Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).close()
    process.stdout.readline()
    line = process.stdout.readline()
    assert re.fullmatch(r"[\d:]{8}  POST /v1/text/chatcompletion_v2  MiniMax-M2.5, 1 messages\n", line)
    process.send_signal(signal.SIGINT)
    rest, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (0, "")
    assert "private" not in rest


def test_the_emulator_names_a_port_that_is_taken_and_how_to_choose_another(run: Run, emulator: Emulator) -> None:
    port = emulator.url.rpartition(":")[2]
    result = run("emulator", "--port", port)
    assert result.status == 1
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use; choose another port" in result.err
    assert "--port 0" in result.err


def test_the_emulator_names_a_host_that_does_not_exist(run: Run) -> None:
    result = run("emulator", "--host", "999.1.1.1", "--port", "0")
    assert result.status == 1
    assert "cannot listen on 999.1.1.1 port 0: " in result.err
