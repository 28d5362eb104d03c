"""The cell magic, in a real shell of IPython: its options, its answer, its errors."""

from __future__ import annotations

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


def test_a_cell_is_a_prompt_and_its_options_are_the_calls(shell: Any, configured_emulator: Emulator) -> None:
    configured_emulator.answer("blue")
    answer = shell.run_cell_magic("minimax", '--model MiniMax-M2 --system "Be brief."', "Which colour?\n")
    assert answer.text == "blue"
    (received,) = configured_emulator.journal
    assert received.body["model"] == "MiniMax-M2"
    assert "Be brief." in str(received.body)
    assert "Which colour?" in str(received.body)


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
