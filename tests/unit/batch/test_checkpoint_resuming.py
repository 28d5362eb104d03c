"""Resuming with other inputs: answers are found by what was asked, and the file follows the new order."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from support.checkpoints import lines, prompts_received

from minimax_sync import ChatMessage, ChatRequest, MiniMaxClient, ServerError
from minimax_sync.batch.checkpoint import Checkpoint, Line, key_of
from minimax_sync.emulator import Emulator


@pytest.mark.parametrize(
    ("first", "second", "asked"),
    [
        ("a b c", "a b c d", "d"),
        ("a b c d", "new a b c d", "new"),
        ("a b c d", "a c d", ""),
        ("a b c d", "d c b a", ""),
        ("a b a c", "c a a b", ""),
        ("a b a", "a a a b", "a"),
        ("a a b", "b a", ""),
        ("a b", "c d", "c d"),
    ],
)
def test_an_answer_is_found_by_what_was_asked_and_how_many_times(
    emulator: Emulator, any_client: MiniMaxClient, file: Path, first: str, second: str, asked: str
) -> None:
    list(any_client.map(first.split(), workers=1, checkpoint=file))
    before = prompts_received(emulator)
    for _ in range(2):
        results = list(any_client.map(second.split(), workers=1, checkpoint=file))
        assert [result.input for result in results] == second.split()
        assert all(result.response and f'"{result.input}"' in result.response.text for result in results)
        assert prompts_received(emulator) - before == Counter(asked.split())
        counting = {line["index"]: line["text"] for line in lines(file)}  # the last line with an index counts
        for index, prompt in enumerate(second.split()):
            assert f'"{prompt}"' in counting[index]
    kept = Counter(line["text"] for line in lines(file))
    assert sum(kept.values()) == sum(prompts_received(emulator).values())


def test_answers_to_one_prompt_keep_their_order(emulator: Emulator, client: MiniMaxClient, file: Path) -> None:
    for text in ("first", "other", "second"):
        emulator.answer(text)
    list(client.map(["same", "else", "same"], workers=1, checkpoint=file))
    file.write_bytes(b"".join(reversed(file.read_bytes().splitlines(keepends=True))))
    results = client.map(["new", "same", "same"], workers=1, checkpoint=file)
    assert [result.response and result.response.text for result in results][1:] == ["first", "second"]


def test_a_moved_line_gets_the_id_of_its_new_row(file: Path) -> None:
    with Checkpoint(file) as checkpoint:
        for index, key in enumerate("ab"):
            checkpoint.write(Line(index, f"id {key}", text=key, key=key))
    with Checkpoint(file) as checkpoint:
        assert checkpoint.find(0, "b", "id b") is not None
        assert checkpoint.find(1, "c", "id c") is None
        assert checkpoint.find(2, "a", "other id") is not None
        assert checkpoint.find(3, "a", "id a") is None
    assert [(line["index"], line["id"], line["text"]) for line in lines(file)] == [
        *((2, "other id", "a"), (0, "id b", "b")),
    ]
    assert not file.with_name(f"{file.name}.tmp").exists()


def test_a_run_that_is_left_keeps_every_line(emulator: Emulator, client: MiniMaxClient, file: Path) -> None:
    list(client.map(["a", "b", "c"], workers=1, checkpoint=file))
    results = client.map(["c", "x", "y"], workers=1, checkpoint=file)
    assert next(results).input == "c"
    results.close()  # type: ignore[attr-defined]  # an iterator to its users
    counts = Counter(line["text"][-4:-2] for line in lines(file))
    assert counts >= Counter({'"a': 1, '"b': 1, '"c': 1})
    assert [result.error for result in client.map(["a", "b", "c"], checkpoint=file)] == [None, None, None]
    assert {prompt: count for prompt, count in prompts_received(emulator).items() if prompt in "abc"} == dict.fromkeys(
        "abc", 1
    )


def test_an_answer_that_ended_in_an_error_is_a_failure_and_asked_again(
    emulator: Emulator, any_client: MiniMaxClient, file: Path
) -> None:
    emulator.answer("half an", finish_reason="error")
    (result,) = any_client.map(["one"], checkpoint=file)
    assert isinstance(result.error, ServerError)
    assert result.error.partial is not None
    assert result.error.partial.text == "half an"
    (line,) = lines(file)
    assert (line["error"]["type"], line["text"], line["finish_reason"]) == ("ServerError", "half an", "error")
    (result,) = any_client.map(["one"], checkpoint=file)
    assert result.error is None
    assert [line["finish_reason"] for line in lines(file)] == ["stop"]


def test_a_line_that_ended_in_an_error_is_asked_again(emulator: Emulator, client: MiniMaxClient, file: Path) -> None:
    with Checkpoint(file) as checkpoint:
        key = key_of(ChatRequest((ChatMessage.user("one"),)), "MiniMax-M2.5")
        checkpoint.write(Line(0, text="half an", finish_reason="error", key=key))
    (result,) = client.map(["one"], checkpoint=file)
    assert result.response is not None
    assert result.response.finish_reason == "stop"
    assert [line["finish_reason"] for line in lines(file)] == ["stop"]


@pytest.mark.parametrize(
    "edited",
    [
        lambda whole: b"\xef\xbb\xbf" + whole,
        lambda whole: whole.replace(b"\n", b"\r\n"),
        lambda whole: b"\n" + whole.replace(b"\n", b"\n  \n\n"),
        lambda whole: whole.rstrip(b"\n"),
    ],
    ids=["byte order mark", "CRLF", "blank lines", "no newline at the end"],
)
def test_a_file_that_an_editor_saved_goes_on(
    emulator: Emulator, client: MiniMaxClient, file: Path, edited: Callable[[bytes], bytes]
) -> None:
    list(client.map(["one", "two"], workers=1, checkpoint=file))
    file.write_bytes(edited(file.read_bytes()))
    assert [result.error for result in client.map(["one", "two", "three"], checkpoint=file)] == [None] * 3
    assert prompts_received(emulator) == {"one": 1, "two": 1, "three": 1}
    written = [json.loads(line) for line in file.read_bytes().decode("utf-8-sig").splitlines() if line.strip()]
    assert [line["index"] for line in written] == [0, 1, 2]
