"""Reports of resumed batches on the command line: only what is new is asked, and OUT.jsonl follows IN.jsonl."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from minimax_sync.cli import main
from minimax_sync.emulator import Emulator


def row(id: str, prompt: str) -> bytes:
    return json.dumps({"id": id, "prompt": prompt}).encode() + b"\n"


A, B, C, NEW = row("x", "a"), row("y", "b"), row("z", "c"), row("w", "new")


@pytest.mark.parametrize(
    ("first", "second", "asked", "ids"),
    [
        (A + B, NEW + A + B, ["new"], ["w", "x", "y"]),
        (A + B + C, A + C, [], ["x", "z"]),
        (A + B + C, C + A + B, [], ["z", "x", "y"]),
        (A + B, b"\xef\xbb\xbf" + A + b"\r\n" + B.rstrip(), [], ["x", "y"]),
        (A + A, A + A + A, ["a"], ["x", "x", "x"]),
        (A, row("other", "a"), [], ["other"]),
        (b'"a\xe2\x80\xa8b"\n"c"\n', b'"c"\n"a\xe2\x80\xa8b"\n', [], [None, None]),
    ],
)
def test_only_new_rows_are_asked_and_lines_get_their_new_index(
    configured_emulator: Emulator,
    tmp_path: Path,
    first: bytes,
    second: bytes,
    asked: list[str],
    ids: list[str | None],
) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    command = ("map", str(source), "-o", str(output), "--workers", "1")
    source.write_bytes(first)
    assert main(command) == 0
    sent = len(configured_emulator.journal)
    source.write_bytes(second)
    assert main(command) == 0
    prompts = [each.body["messages"][-1]["content"] for each in configured_emulator.journal[sent:]]
    assert Counter(prompts) == Counter(asked)
    lines = [json.loads(line) for line in output.read_bytes().splitlines()]
    last = {line["index"]: line["id"] for line in lines}
    assert [last[index] for index in range(len(ids))] == ids
