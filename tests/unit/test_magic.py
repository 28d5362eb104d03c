"""The magics in a real shell of IPython: options, answers, errors."""

from __future__ import annotations

import atexit
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from minimax_sync import magic
from minimax_sync.cli.chat import COMMAND
from minimax_sync.cli.parser import COMMON
from minimax_sync.emulator import Emulator


@pytest.fixture
def emulator(configured_emulator: Emulator) -> Emulator:
    """Run an emulator that the magics find by themselves."""
    return configured_emulator


@pytest.fixture
def shell(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # a shell puts its own there
    shell = InteractiveShell()
    magic.register(shell)
    yield shell
    shell.atexit_operations()
    atexit.unregister(shell.atexit_operations)


def test_a_cell_is_a_prompt_and_its_options_are_the_calls(shell: Any, emulator: Emulator) -> None:
    emulator.answer("blue")
    answer = shell.run_cell_magic("minimax", '--model MiniMax-M2 --system "Be brief."', "Which colour?\n")
    assert answer.text == "blue"
    (received,) = emulator.journal
    assert received.body["model"] == "MiniMax-M2"
    assert "Be brief." in str(received.body)
    assert "Which colour?" in str(received.body)


@pytest.mark.parametrize(
    ("line", "prompt"),
    [
        ("What's 2 + 2?", "What's 2 + 2?"),
        ("-m MiniMax-M2 -- - one\t- two", "- one\t- two"),
        ('-mMiniMax-M2 say  "hi" -s', 'say  "hi" -s'),
        ("--model=MiniMax-M2 #1?", "#1?"),
        ("- one", "- one"),
        ("C:\\temp\\new", "C:\\temp\\new"),
    ],
)
def test_the_text_behind_the_options_of_a_line_is_the_prompt_as_it_was_written(
    shell: Any, emulator: Emulator, line: str, prompt: str
) -> None:
    shell.run_line_magic("minimax", line)
    (received,) = emulator.journal
    assert received.body["messages"][-1]["content"] == prompt
    assert received.body["model"] == ("MiniMax-M2" if "MiniMax-M2" in line else "MiniMax-M2.5")


def test_the_options_of_the_command_line_are_options_of_the_magics(shell: Any, emulator: Emulator) -> None:
    line = "-m MiniMax-M3.1-Flash -s 'Be brief.' --effort high --temperature 0.5 --max-tokens=99"
    shell.run_line_magic("minimax", f"{line} Hello")
    shell.run_cell_magic("minimax", f"{line} Translate:", "Hello\n")
    one, two = (received.body for received in emulator.journal)
    assert (one["model"], one["temperature"], one["max_tokens"]) == ("MiniMax-M3.1-Flash", 0.5, 99)
    assert one["reasoning_effort"] == "high"
    assert [message["content"] for message in one["messages"]] == ["Be brief.", "Hello"]
    assert [message["content"] for message in two["messages"]] == ["Be brief.", "Translate:\n\nHello"]


def test_a_schema_gives_the_value(shell: Any, emulator: Emulator, tmp_path: Path) -> None:
    schema = tmp_path / "a city.json"
    schema.write_text('{"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}')
    emulator.answer('{"name": "Paris"}')
    assert shell.run_line_magic("minimax", f'--schema "{schema}" Which city?') == {"name": "Paris"}


def test_json_gives_the_object_that_the_command_line_prints(shell: Any, emulator: Emulator) -> None:
    emulator.answer("blue")
    record = shell.run_line_magic("minimax", "--json Which colour?")
    assert (record["text"], record["finish_reason"], record["error"]) == ("blue", "stop", None)
    assert "key" not in record


def test_images_go_with_the_prompt(shell: Any, emulator: Emulator, tmp_path: Path) -> None:
    image = tmp_path / "dot.png"
    image.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(16))
    shell.run_line_magic("minimax", f'-m MiniMax-M3 --image "{image}" --image https://host/b.png What is this?')
    (received,) = emulator.journal
    assert [part["type"] for part in received.body["messages"][-1]["content"]] == ["text", "image_url", "image_url"]


def test_the_last_conversation_of_the_notebook_can_be_continued(shell: Any, emulator: Emulator) -> None:
    shell.run_line_magic("minimax", "-s 'Be brief.' one")
    shell.run_cell_magic("minimax", "-c", "two")
    emulator.fault(status=400)
    with pytest.raises(UsageError):
        shell.run_line_magic("minimax", "lost")
    shell.run_line_magic("minimax", "--continue -s 'Be long.' three")
    shell.run_line_magic("minimax", "four")
    sent = [[part["content"] for part in received.body["messages"]] for received in emulator.journal]
    assert [len(messages) for messages in sent] == [2, 4, 1, 6, 1]
    assert (sent[1][0], sent[1][3]) == ("Be brief.", "two")
    assert (sent[3][0], sent[3][1], sent[3][3], sent[3][5]) == ("Be long.", "one", "two", "three")


def test_help_is_printed_and_nothing_is_sent(
    shell: Any, emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_line_magic("minimax", "--help")
    printed = capsys.readouterr().out
    flags = {flag for each in (*COMMAND.arguments, *COMMON) for flag in each.flags if flag.startswith("--")}
    assert {flag for flag in flags if re.search(rf"{flag}\b", printed)} == flags - {
        *("--stdin", "--no-stdin", "--no-stream", "--show-thinking")
    }
    assert printed.startswith("usage: %minimax [OPTIONS] PROMPT, or a cell below %%minimax")
    assert emulator.journal == []


def test_the_common_options_of_the_command_line_choose_the_client(shell: Any, emulator: Emulator) -> None:
    with Emulator(api_key=emulator.api_key) as other:
        shell.run_line_magic("minimax", "here")
        for prompt in ("there", "again"):
            shell.run_line_magic("minimax", f"--base-url={other.base_url} {prompt}")
        assert [len(each.journal) for each in (emulator, other)] == [1, 2]


def test_a_backslash_is_part_of_a_path_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    words, prompt = magic._split(r"--image C:\temp\a.png --schema 'C:\a b.json' What?")
    monkeypatch.undo()
    assert words == ["--image", r"C:\temp\a.png", "--schema", r"C:\a b.json"]
    assert prompt == "What?"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("--json --schema a.json hi", "mutually exclusive"),
        ("--schema missing.json hi", "missing.json"),
        ("--schema list.json hi", "a JSON schema is an object"),
        ("--image missing.png hi", "missing.png"),
        ("--config missing.yaml hi", "missing.yaml"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_of_one_line(
    shell: Any, emulator: Emulator, line: str, problem: str
) -> None:
    Path("list.json").write_text("[]")
    with pytest.raises(UsageError, match=problem):
        shell.run_line_magic("minimax", line)
    assert emulator.journal == []


@pytest.mark.parametrize("line", ["--nonsense", '--system "open', "--temperature warm hi", "-m", "", "--"])
def test_a_bad_line_is_an_error_of_one_line_and_nothing_is_sent(shell: Any, emulator: Emulator, line: str) -> None:
    with pytest.raises(UsageError):
        shell.run_line_magic("minimax", line)
    if line[2:]:
        with pytest.raises(UsageError):
            shell.run_cell_magic("minimax", line.removesuffix(" hi"), "hi")
    assert emulator.journal == []


def test_a_failed_call_is_an_error_of_one_line(shell: Any, emulator: Emulator) -> None:
    emulator.fault(status=401)
    with pytest.raises(UsageError, match="CredentialInvalidError: "):
        shell.run_cell_magic("minimax", "", "hi")
