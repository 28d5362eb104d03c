"""`map`: lines in, lines out, and on from where it stopped."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.cli import Run

from minimax_sync.emulator import Emulator

IN = """\
"hi"

{"prompt": "yo", "id": 7, "temperature": 0.5}
{"messages": [{"role": "user", "content": "x"}], "id": "m", "max_tokens": 9}
"""


def answers(path: str = "OUT.jsonl") -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    return sorted(lines, key=lambda line: int(line["index"]))


def test_every_line_is_answered_with_its_index_and_id(run: Run, emulator: Emulator) -> None:
    Path("IN.jsonl").write_text(IN)
    result = run("map", "IN.jsonl", "-o", "OUT.jsonl")
    assert result == (0, "", "")
    assert [(line["index"], line["id"], line["text"], line["error"]) for line in answers()] == [
        (0, None, 'You said: "hi".', None),
        (1, 7, 'You said: "yo".', None),
        (2, "m", 'You said: "x".', None),
    ]
    bodies = {received.body["messages"][-1]["content"]: received.body for received in emulator.journal}
    assert (bodies["yo"]["temperature"], bodies["x"]["max_tokens"]) == (0.5, 9)


def test_run_again_it_goes_on_where_it_stopped(run: Run, emulator: Emulator) -> None:
    Path("IN.jsonl").write_text(IN)
    emulator.fault(status=400, message="not now")
    first = run("map", "IN.jsonl", "-o", "OUT.jsonl", "--workers", "1")
    assert first.status == 1
    assert "1 of 3 lines failed" in first.err
    assert answers()[0]["error"]["type"] == "RequestError"
    assert run("map", "IN.jsonl", "-o", "OUT.jsonl").status == 0
    assert [line["error"] for line in answers()] == [None] * 3
    assert len(emulator.journal) == 4
    assert run("map", "IN.jsonl", "-o", "OUT.jsonl").status == 0
    assert len(emulator.journal) == 4


def test_a_schema_holds_for_every_line(run: Run, emulator: Emulator) -> None:
    Path("IN.jsonl").write_text('"one"\n"two"\n')
    Path("city.json").write_text(
        '{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], '
        '"additionalProperties": false}'
    )
    emulator.answer('{"city": "Lyon"}')
    for _ in range(3):
        emulator.answer("no idea")
    result = run("map", "IN.jsonl", "-o", "OUT.jsonl", "--workers", "1", "--schema", "city.json")
    assert result.status == 1
    assert "1 of 2 lines failed" in result.err
    first, second = answers()
    assert (first["text"], first["error"]) == ('{"city": "Lyon"}', None)
    assert second["error"]["type"] == "ResponseFormatError"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("nope", "not JSON"),
        ("[1]", "neither a string nor an object"),
        ('{"id": 3}', '"prompt" or "messages"'),
        ('{"prompt": "a", "messages": []}', '"prompt" or "messages"'),
        ('{"prompt": 3}', "prompt must be a string"),
        ('{"prompt": "a", "temprature": 1}', "temprature"),
        ('{"messages": [{"role": "robot", "content": "x"}]}', "robot"),
        ('{"messages": "x", "max_tokens": 0}', "max_tokens"),
        ('""', "empty"),
    ],
)
def test_a_broken_line_is_named_and_the_others_are_answered(
    run: Run, emulator: Emulator, line: str, problem: str
) -> None:
    Path("IN.jsonl").write_text(f'"good"\n\n{line}\n"better"\n')
    result = run("map", "IN.jsonl", "-o", "OUT.jsonl")
    assert result.status == 1
    assert "IN.jsonl, line 3: " in result.err
    assert problem in result.err
    assert [line["error"] is None for line in answers()] == [True, False, True]
    assert len(emulator.journal) == 2


def test_many_broken_lines_are_not_all_named(run: Run, emulator: Emulator) -> None:
    Path("IN.jsonl").write_text("x\n" * 40)
    result = run("map", "IN.jsonl", "-o", "OUT.jsonl")
    assert len(result.err.splitlines()) == 11
    assert "40 of 40 lines failed, 30 more of them broken" in result.err


def test_lines_may_be_piped_in_with_a_byte_order_mark(run: Run, emulator: Emulator) -> None:
    assert run("map", "-", "-o", "OUT.jsonl", stdin=b'\xef\xbb\xbf"one"\n{"prompt": "zwei \xc3\xa4"}').status == 0
    assert [line["text"] for line in answers()] == ['You said: "one".', 'You said: "zwei ä".']


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("missing.jsonl", "-o", "OUT.jsonl"), 1, "missing.jsonl: No such file"),
        (("IN.jsonl", "-o", "./IN.jsonl"), 2, "same file"),
        (("IN.jsonl", "-o", "missing/OUT.jsonl"), 1, "missing/OUT.jsonl: No such file"),
        (("IN.jsonl", "-o", "notes.txt"), 1, "notes.txt, line 1"),
        (("IN.jsonl", "-o", "OUT.jsonl", "--workers", "0"), 2, "--workers"),
        (("IN.jsonl", "-o", "OUT.jsonl", "--workers", "x"), 2, "--workers"),
        (("IN.jsonl",), 2, "-o"),
    ],
)
def test_an_impossible_run_is_refused_and_nothing_is_sent(
    run: Run, emulator: Emulator, arguments: tuple[str, ...], status: int, message: str
) -> None:
    Path("IN.jsonl").write_text(IN)
    Path("notes.txt").write_text("my notes")
    result = run("map", *arguments)
    assert result.status == status
    assert message in result.err
    assert emulator.journal == []
    assert Path("IN.jsonl").read_text() == IN
    assert Path("notes.txt").read_text() == "my notes"


def test_without_distributed_dask_names_what_to_install(
    run: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("IN.jsonl").write_text(IN)
    monkeypatch.setitem(sys.modules, "distributed", None)
    result = run("map", "IN.jsonl", "-o", "OUT.jsonl", "--dask", "tcp://127.0.0.1:1")
    assert result.status == 1
    assert "minimax-sync[dask]" in result.err


def test_ctrl_c_ends_it_with_130_and_keeps_the_answers(
    emulator: Emulator, program: Callable[..., subprocess.Popen[str]]
) -> None:
    Path("IN.jsonl").write_text("".join(f'"{number}"\n' for number in range(200)))
    emulator.delay = 0.02
    process = program("map", "IN.jsonl", "-o", "OUT.jsonl", "--workers", "4")
    while len(emulator.journal) < 30:
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")
    kept = answers()
    assert 20 <= len(kept) < 200
    assert all(line["text"] == f'You said: "{line["index"]}".' for line in kept)


@pytest.mark.parametrize("first", ["\ufeff\n", "\ufeff  \n", "\ufeff"])
def test_a_byte_order_mark_is_no_line(run: Run, emulator: Emulator, first: str) -> None:
    Path("IN.jsonl").write_text(f'{first}"good"\n', encoding="utf-8")
    result = run("map", "IN.jsonl", "-o", "OUT.jsonl")
    assert (result.status, result.err) == (0, "")
    assert [line["text"] for line in answers()] == ['You said: "good".']
