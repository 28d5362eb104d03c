"""Many prompts in other processes, and the ends that only a whole program shows: Ctrl-C, exit, the line of progress."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path

import pytest

from minimax_sync import ConfigError, MiniMaxClient, RequestError
from minimax_sync.batch.progress import Progress
from minimax_sync.emulator import Emulator
from minimax_sync.values.messages import ChatMessage
from minimax_sync.values.response import ChatResponse
from minimax_sync.values.usage import TokenUsage


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


def test_progress_is_one_line_on_a_terminal(emulator: Emulator, tmp_path: Path) -> None:
    emulator.fault(status=400, message="no")
    code = """
import threading
from minimax_sync import MiniMaxClient
with MiniMaxClient(requests_per_second=None) as client:
    for _ in range(2):
        for result in client.map(["a", "b", "c"], progress=True, checkpoint="out.jsonl"):
            print(result.index)
print(threading.active_count() < 10, not any("tqdm" in type(each).__module__ for each in threading.enumerate()))
"""
    reader, writer = os.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    with os.fdopen(reader, "rb", buffering=0) as terminal:
        command = [sys.executable, "-c", code]
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=writer) as process:
            out, _ = process.communicate(timeout=20)
            os.close(writer)
        shown = b""
        try:
            while piece := terminal.read(65536):
                shown += piece
        except OSError:  # what Linux says at the end of a terminal
            text = shown.decode()
    assert process.returncode == 0
    assert out == b"0\n1\n2\n0\n1\n2\nTrue True\n"
    assert "3/3" in text
    assert "1 failed" in text
    assert "tokens" in text
    assert "$0.0" in text
    assert "\x1b[A" not in text


def test_progress_says_nothing_where_nobody_reads(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    with MiniMaxClient(requests_per_second=None) as client:
        assert len(list(client.map(["a", "b"], progress=True))) == 2
    assert capsys.readouterr() == ("", "")


def test_progress_counts_tokens_cost_and_failures() -> None:
    usage = TokenUsage(1_000_000, 1_000_000, 2_000_000)
    answer = ChatResponse(ChatMessage.assistant("x"), usage=usage, model="MiniMax-M2.5")
    with Progress(range(4)) as progress:
        progress.count(answer, asked=True)
        progress.count(answer, asked=False)
        assert progress.summary == "2,000,000 tokens, $1.50"
        progress.count(None, asked=True)
        progress.count(ChatResponse(ChatMessage.assistant("x"), usage=usage, model="mine"), asked=True)
        assert progress.summary == "4,000,000 tokens, $1.50, 1 failed"


def test_progress_without_tqdm_says_what_to_install(monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.std", None)
    with MiniMaxClient() as client, pytest.raises(ConfigError, match=r"minimax-sync\[cli\]"):
        client.map(["a"], progress=True)
