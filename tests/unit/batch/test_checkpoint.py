"""Answers kept in a file: going on after an end of any kind, real SIGKILLs and full disks included."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.checkpoints import lines, prompts_received
from support.eventually import eventually
from support.run_python import run_python

from minimax_sync import ChatMessage, ChatRequest, ChatResponse, ConfigError, MiniMaxClient, RequestError, ToolDef
from minimax_sync.batch.checkpoint import Checkpoint, Line, key_of
from minimax_sync.emulator import Emulator

TOOL = ToolDef("weather", "Return the weather.", {"type": "object", "properties": {"city": {"type": "string"}}})

WORKER = """
import sys
from minimax_sync import MiniMaxClient
with MiniMaxClient(requests_per_second=None) as client:
    for result in client.map(map(str, range(int(sys.argv[1]))), workers=4, ordered=False, checkpoint="out.jsonl"):
        print(result.index, result.error, flush=True)
"""


def test_a_second_run_asks_nothing_and_gives_the_same(emulator: Emulator, client: MiniMaxClient, file: Path) -> None:
    emulator.answer("Wärme – 😀\n", reasoning="Let me see.")
    emulator.answer(tool_calls=[("weather", {"city": "Köln"}), ("weather", "{broken")])
    emulator.answer("cut", finish_reason="length")
    inputs = ["one", {"messages": [{"role": "user", "content": "two"}], "tools": [TOOL]}, "three"]
    first = [result.response for result in client.map(inputs, workers=1, checkpoint=file)]
    sent = len(emulator.journal)
    again = [result.response for result in client.map(inputs, workers=1, checkpoint=str(file))]
    assert len(emulator.journal) == sent == 3
    for old, new in zip(first, again, strict=True):
        assert isinstance(old, ChatResponse)
        assert isinstance(new, ChatResponse)
        assert (new.text, new.reasoning, new.finish_reason) == (old.text, old.reasoning, old.finish_reason)
        assert (new.usage, new.model) == (old.usage, old.model)
        assert [(call.id, call.name) for call in new.tool_calls] == [(call.id, call.name) for call in old.tool_calls]
    calls = again[1].tool_calls if again[1] else ()
    assert calls[0].arguments == {"city": "Köln"}
    assert calls[1].arguments_json == "{broken"


def test_a_line_has_the_fields_that_are_promised(emulator: Emulator, client: MiniMaxClient, file: Path) -> None:
    emulator.answer("yes", reasoning="hm", tool_calls=[("weather", {"city": "Ulm"})])
    emulator.fault(status=400, code=2013, message="invalid params")
    list(client.map(["one"], tools=[TOOL], checkpoint=file))
    (line,) = lines(file)
    assert list(line) == [
        *("index", "id", "text", "reasoning", "tool_calls"),
        *("finish_reason", "usage", "model", "error", "key"),
    ]
    assert line["error"]["type"] == "RequestError"
    list(client.map(["one"], tools=[TOOL], checkpoint=file))
    (line,) = lines(file)
    assert (line["index"], line["text"], line["reasoning"], line["error"]) == (0, "yes", "hm", None)
    assert line["tool_calls"][0]["arguments"] == {"city": "Ulm"}
    assert line["usage"]["total_tokens"] > 0


def test_what_failed_is_asked_again_and_leaves_one_line(emulator: Emulator, client: MiniMaxClient, file: Path) -> None:
    emulator.fault(status=400, message="no")
    assert [result.error is None for result in client.map(["one", "two"], workers=1, checkpoint=file)] == [False, True]
    assert [result.error for result in client.map(["one", "two"], workers=1, checkpoint=file)] == [None, None]
    assert prompts_received(emulator) == {"one": 2, "two": 1}
    assert sorted(line["index"] for line in lines(file)) == [0, 1]


def test_other_options_are_asked_anew_and_both_answers_kept(
    emulator: Emulator, client: MiniMaxClient, file: Path
) -> None:
    for temperature in (0.5, 0.7, 0.5, 0.7):
        list(client.map(["one"], temperature=temperature, checkpoint=file))
    assert len(emulator.journal) == len(lines(file)) == 2
    list(client.with_options(model="MiniMax-M2.1").map(["one"], temperature=0.5, checkpoint=file))
    assert len(emulator.journal) == 3


def test_the_same_input_twice_is_two_calls_and_two_lines(emulator: Emulator, client: MiniMaxClient, file: Path) -> None:
    for _ in range(2):
        assert len(list(client.map(["same", "same"], checkpoint=file))) == 2
    assert prompts_received(emulator) == {"same": 2}
    assert sorted(line["index"] for line in lines(file)) == [0, 1]


def test_a_run_over_one_wire_goes_on_over_the_other(emulator: Emulator, client: MiniMaxClient, file: Path) -> None:
    list(client.map(["one", "two"], system="Be brief.", checkpoint=file))
    other = MiniMaxClient(emulator.api_key, base_url=emulator.anthropic_base_url, requests_per_second=None)
    with other:
        assert len(list(other.map(["one", "two", "three"], system="Be brief.", checkpoint=file))) == 3
    assert len(emulator.journal) == 3


def test_a_torn_last_line_is_cut_off_and_asked_again(emulator: Emulator, client: MiniMaxClient, file: Path) -> None:
    list(client.map(["one", "two"], workers=1, checkpoint=file))
    whole = file.read_bytes()
    for missing in (1, 2, 40, len(whole.splitlines()[1]), len(whole.splitlines()[1]) + 1):
        file.write_bytes(whole[:-missing])
        assert [result.error for result in client.map(["one", "two"], checkpoint=file)] == [None, None]
        assert [line["index"] for line in lines(file)] == [0, 1]
    # Without its newline alone the line is whole.
    assert prompts_received(emulator) == {"one": 1, "two": 5}


@pytest.mark.parametrize("content", ["a letter", "# Title\n\ntext\n", '{"index": 1}x\n', '{"name": "x"}\n', "[]\n"])
def test_a_file_of_another_kind_is_refused_and_left_alone(client: MiniMaxClient, file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(ConfigError, match=r"out\.jsonl, line 1"):
        next(client.map(["one"], checkpoint=file))
    assert file.read_text() == content


def test_two_runs_do_not_write_to_one_file(client: MiniMaxClient, file: Path) -> None:
    first = client.map(map(str, range(100)), workers=1, checkpoint=file)
    next(first)
    with pytest.raises(ConfigError, match="another run"):
        next(client.map(["one"], checkpoint=file))
    del first
    assert next(client.map(["0"], checkpoint=file)).error is None


def test_a_path_that_cannot_be_opened_is_named(client: MiniMaxClient, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing" / "out.jsonl"):
        with pytest.raises(ConfigError, match=path.name):
            next(client.map(["one"], checkpoint=path))
    assert not (tmp_path / "missing").exists()


def test_lines_are_written_as_answers_come_not_as_results_are_taken(client: MiniMaxClient, file: Path) -> None:
    drawn = threading.Event()

    def inputs() -> Iterator[str]:
        yield from map(str, range(7))
        drawn.set()
        yield "7"

    after_drawing = client.with_options(hooks=[lambda event: drawn.wait(20)])
    results = after_drawing.map(inputs(), workers=2, checkpoint=file)
    next(results)
    eventually(lambda: len(file.read_bytes().splitlines()) == 8)
    assert sorted(line["index"] for line in lines(file)) == list(range(8))


def test_answers_that_come_after_the_end_are_not_written(emulator: Emulator, client: MiniMaxClient, file: Path) -> None:
    with Checkpoint(file) as checkpoint:
        checkpoint.write(Line(0, key="a"))
    checkpoint.write(Line(1, key="b"))
    assert [line["index"] for line in lines(file)] == [0]


def test_the_key_depends_on_everything_but_the_timeout() -> None:
    request = ChatRequest((ChatMessage.user("hi"),), timeout=3.0)
    key = key_of(request, "MiniMax-M2.5")
    assert key == key_of(msgspec.structs.replace(request, timeout=None, model="MiniMax-M2.5"), "other")
    changes: list[dict[str, Any]] = [
        {"messages": (ChatMessage.user("ho"),)},
        {"messages": (ChatMessage.user("hi", b"GIF89a"),)},
        *({"model": "MiniMax-M2"}, {"system": "s"}, {"max_tokens": 5}, {"temperature": 0.1}, {"top_p": 0.5}),
        *({"stop": ("x",)}, {"tools": (TOOL,)}, {"response_format": "json"}, {"extra_body": {"a": 1}}),
    ]
    keys = {key_of(msgspec.structs.replace(request, **change), "MiniMax-M2.5") for change in changes}
    assert len(keys | {key}) == len(changes) + 1


def test_what_json_cannot_hold_is_an_error_of_that_input(emulator: Emulator, client: MiniMaxClient, file: Path) -> None:
    (result,) = client.map(["one"], extra_body={"odd": object()}, checkpoint=file)
    assert isinstance(result.error, RequestError)
    assert emulator.journal == []


def run_worker(emulator: Emulator, cwd: Path, code: str, count: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "MINIMAX_API_KEY": emulator.api_key, "MINIMAX_BASE_URL": emulator.base_url}
    command = [sys.executable, "-c", code, str(count)]
    return subprocess.Popen(
        command, cwd=cwd, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_after_sigkill_at_random_points_every_prompt_is_answered_and_no_answer_is_lost(
    emulator: Emulator, tmp_path: Path
) -> None:
    """What was on its way when the program was killed may be asked again: at most one prompt for each worker."""
    emulator.delay = 0.004
    count, kills = 200, 3
    for _ in range(kills):
        target = len(emulator.journal) + random.randint(5, 45)
        with run_worker(emulator, tmp_path, WORKER, count) as process:
            while len(emulator.journal) < target and process.poll() is None:
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        assert process.returncode == -signal.SIGKILL
    with run_worker(emulator, tmp_path, WORKER, count) as process:
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err, len(out.splitlines())) == (0, "", count)
    written = lines(tmp_path / "out.jsonl")
    assert sorted(line["index"] for line in written) == list(range(count))
    assert all(line["text"] == f'You said: "{line["index"]}".' for line in written)
    asked = prompts_received(emulator)
    assert set(asked) == set(map(str, range(count)))
    assert sum(asked.values()) <= count + kills * 4


def test_a_full_disk_is_an_error_and_leaves_no_half_line(emulator: Emulator, tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
    with run_worker(emulator, tmp_path, limit + WORKER, 50) as process:
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "File too large: 'out.jsonl'" in err
    written = (tmp_path / "out.jsonl").read_bytes()
    assert written.endswith(b"}\n")
    assert len(written) < 3000
    with run_worker(emulator, tmp_path, WORKER, 50) as process:
        out, _ = process.communicate(timeout=30)
    assert len(out.splitlines()) == len(lines(tmp_path / "out.jsonl")) == 50


MORE_AND_MORE_DESCRIPTORS = """
import os, resource
from minimax_sync.batch.checkpoint import Checkpoint
from minimax_sync.errors import ConfigError

with Checkpoint("out.jsonl"):
    pass
open_now = len(os.listdir("/dev/fd"))
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
for more in range(5):
    checkpoint, outcome = Checkpoint("out.jsonl"), "open"
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_now - 1 + more, hard))  # listing the folder took one itself
    try:
        with checkpoint:
            pass
    except ConfigError as error:
        outcome = str(error)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    print(outcome, len(os.listdir("/dev/fd")) - open_now)
"""


def test_without_descriptors_enough_it_is_refused_and_keeps_none(tmp_path: Path) -> None:
    printed = run_python(MORE_AND_MORE_DESCRIPTORS, cwd=tmp_path)
    refused = "checkpoint out.jsonl: Too many open files 0"
    assert printed.splitlines() == [refused, refused, refused, "open 0", "open 0"]


@pytest.mark.posix
@pytest.mark.parametrize("kind", ["device", "pipe", "link"])
def test_what_is_not_a_regular_file_is_refused_and_not_read(tmp_path: Path, kind: str) -> None:
    path = Path("/dev/full") if kind == "device" else tmp_path / "answers.jsonl"
    if kind == "pipe":
        os.mkfifo(path)
    if kind == "link":
        path.symlink_to("/dev/zero")
    with pytest.raises(ConfigError, match=rf"^checkpoint {path}: not a regular file$"):
        Checkpoint(path).__enter__()


@pytest.mark.posix
def test_a_lock_that_cannot_be_taken_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "answers.jsonl.lock"
    lock.mkdir()
    with pytest.raises(ConfigError, match=r"answers\.jsonl\.lock cannot be used: Is a directory"):
        Checkpoint(tmp_path / "answers.jsonl").__enter__()
