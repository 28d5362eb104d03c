"""Many prompts in other processes, and the ends that only a whole program shows: Ctrl-C and exit."""

from __future__ import annotations

import json
import multiprocessing
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path

import pytest

from minimax_sync import ConfigError, MiniMaxClient, RequestError
from minimax_sync.emulator import Emulator


@pytest.fixture
def emulator(configured_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    monkeypatch.setenv("MINIMAX_BASE_URL", configured_emulator.anthropic_base_url)
    return configured_emulator


@pytest.fixture
def processes() -> Iterator[Executor]:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


def test_other_processes_answer_and_the_executor_is_left_running(
    emulator: Emulator, processes: Executor, tmp_path: Path
) -> None:
    emulator.answer(reasoning="Let me see.", tool_calls=[("add", {"a": 1})])
    with MiniMaxClient(requests_per_second=None) as client:
        results = list(client.map([*map(str, range(20)), ""], executor=processes, checkpoint=tmp_path / "out.jsonl"))
        assert [result.index for result in results] == list(range(21))
        assert isinstance(results[20].error, RequestError)
        assert len({received.headers["authorization"] for received in emulator.journal}) == 1

        emulator.fault(status=400, code=2013, message="no")
        (failed,) = client.map(["x"], executor=processes)
        assert isinstance(failed.error, RequestError)
        assert failed.error.code == 2013
        assert processes.submit(abs, -1).result() == 1
    calls = [call for result in results if result.response for call in result.response.tool_calls]
    assert [(call.name, call.arguments) for call in calls] == [("add", {"a": 1})]
    assert len((tmp_path / "out.jsonl").read_bytes().splitlines()) == 21


def test_a_key_in_the_code_is_refused_before_anything_is_sent(emulator: Emulator, processes: Executor) -> None:
    with MiniMaxClient(emulator.api_key, base_url=emulator.base_url) as client:
        with pytest.raises(ConfigError, match="put it into the environment") as caught:
            client.map(["one"], executor=processes)
        assert emulator.api_key not in str(caught.value)
    with (
        MiniMaxClient(hooks=[lambda event: None]) as client,
        pytest.raises(ConfigError, match=r"executor: .*pickled"),
    ):
        client.map(["one"], executor=processes)
    assert emulator.journal == []


def program(code: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_ctrl_c_stops_at_once_and_keeps_what_is_done(emulator: Emulator, tmp_path: Path) -> None:
    for _ in range(20):
        emulator.answer("fast")
    for _ in range(4):
        emulator.answer("hangs", delay=60)
    code = """
import threading
from minimax_sync import MiniMaxClient
with MiniMaxClient(requests_per_second=None) as client:
    try:
        for result in client.map(map(str, range(1000)), workers=4, ordered=False, checkpoint="out.jsonl"):
            print(result.response.text, flush=True)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""
    with program(code, tmp_path) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(20)] == ["fast\n"] * 20
        while len(emulator.journal) < 24:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        out, err = process.communicate(timeout=20)
    assert time.monotonic() - began < 5
    assert (process.returncode, err, out) == (0, "", "interrupted\n")
    written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["text"] for line in written] == ["fast"] * 20


def test_a_program_that_leaves_the_loop_ends_although_calls_are_under_way(emulator: Emulator, tmp_path: Path) -> None:
    emulator.answer("fast")
    for _ in range(4):
        emulator.answer("hangs", delay=60)
    code = """
from minimax_sync import MiniMaxClient
for result in MiniMaxClient(requests_per_second=None).map(map(str, range(1000)), workers=4, ordered=False):
    print(result.response.text)
    break
"""
    with program(code, tmp_path) as process:
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "fast\n", "")
