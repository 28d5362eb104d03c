"""The magics in a real shell of IPython: options, answers, errors."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from minimax_sync import magic
from minimax_sync.emulator import Emulator


@pytest.fixture
def shell(configured_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # a shell puts its own there
    shell = InteractiveShell()
    magic.register(shell)
    yield shell
    shell.atexit_operations()
    atexit.unregister(shell.atexit_operations)


def test_a_cell_is_a_prompt_and_its_options_are_the_calls(shell: Any, configured_emulator: Emulator) -> None:
    configured_emulator.answer("blue")
    answer = shell.run_cell_magic("minimax", '--model MiniMax-M2 --system "Be brief."', "Which colour?\n")
    assert answer.text == "blue"
    (received,) = configured_emulator.journal
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
    shell: Any, configured_emulator: Emulator, line: str, prompt: str
) -> None:
    shell.run_line_magic("minimax", line)
    (received,) = configured_emulator.journal
    assert received.body["messages"][-1]["content"] == prompt
    assert received.body["model"] == ("MiniMax-M2" if "MiniMax-M2" in line else "MiniMax-M2.5")


def test_the_options_of_the_command_line_are_options_of_the_magics(shell: Any, configured_emulator: Emulator) -> None:
    line = "-m MiniMax-M3.1-Flash -s 'Be brief.' --effort high --temperature 0.5 --max-tokens=99"
    shell.run_line_magic("minimax", f"{line} Hello")
    shell.run_cell_magic("minimax", f"{line} Translate:", "Hello\n")
    one, two = (received.body for received in configured_emulator.journal)
    assert (one["model"], one["temperature"], one["max_tokens"]) == ("MiniMax-M3.1-Flash", 0.5, 99)
    assert one["reasoning_effort"] == "high"
    assert [message["content"] for message in one["messages"]] == ["Be brief.", "Hello"]
    assert [message["content"] for message in two["messages"]] == ["Be brief.", "Translate:\n\nHello"]


@pytest.mark.parametrize("line", ["--nonsense", '--system "open', "--temperature warm hi", "-m", "", "--"])
def test_a_bad_line_is_an_error_of_one_line_and_nothing_is_sent(
    shell: Any, configured_emulator: Emulator, line: str
) -> None:
    with pytest.raises(UsageError):
        shell.run_line_magic("minimax", line)
    assert configured_emulator.journal == []


@pytest.mark.parametrize("line", ["--nonsense", '--system "open'])
def test_a_bad_option_is_an_error_of_one_line_and_nothing_is_sent(
    shell: Any, configured_emulator: Emulator, line: str
) -> None:
    with pytest.raises(UsageError):
        shell.run_cell_magic("minimax", line, "hi")
    assert configured_emulator.journal == []


def test_a_failed_call_is_an_error_of_one_line(shell: Any, configured_emulator: Emulator) -> None:
    configured_emulator.fault(status=401)
    with pytest.raises(UsageError, match="CredentialInvalidError: "):
        shell.run_cell_magic("minimax", "", "hi")
