"""The README's code runs: its Python as one program, its YAML as a configuration, its commands as commands."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from docutils import nodes
from docutils.core import publish_doctree
from support.run_python import run

from minimax_sync.emulator import Emulator
from minimax_sync.settings.resolve import resolve_settings

README = Path(__file__).parents[2] / "README.rst"
ANSWERS: dict[str, list[dict[str, Any]]] = {
    "client.run_tools(": [{"tool_calls": [("get_weather", {"city": "Paris"})]}, {"text": "21 degrees."}],
    "client.parse(": [{"text": 'Here: {"name": "Loire", "km": 1006}'}],
}
"""What the emulator answers, by a line of the code that is about to run."""


def blocks() -> Iterator[tuple[str, int, str]]:
    """Yield language, line and text of every code block."""
    document = publish_doctree(README.read_text(), settings_overrides={"report_level": 2, "halt_level": 2})
    for block in document.findall(nodes.literal_block):
        language = [name for name in block["classes"] if name != "code"]
        if language:
            yield language[0], block.line or 0, block.astext()


def test_the_python_of_the_readme_runs_as_one_program(
    configured_emulator: Emulator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = ModuleType("readme")
    monkeypatch.setitem(sys.modules, "readme", program)
    for language, line, text in blocks():
        if language == "python":
            for marker, answers in ANSWERS.items():
                if marker in text:
                    for answer in answers:
                        configured_emulator.answer(**answer)
            exec(compile("\n" * line + text, str(README), "exec", dont_inherit=True), vars(program))
    assert 'You said: "Name three rivers."' in capsys.readouterr().out
    for value in vars(program).values():
        if type(value).__name__ in ("MiniMaxClient", "Session"):
            value.close()


@pytest.mark.usefixtures("configured_emulator")
def test_the_configuration_of_the_readme_is_one(quick_settings: Path) -> None:
    for language, _, text in blocks():
        if language == "yaml":
            quick_settings.write_text(text)
            assert resolve_settings(arguments={}).api_key.source.startswith("config/llm.yaml")


def test_the_commands_of_the_readme_run(configured_emulator: Emulator, own_world: Path) -> None:
    commands = [
        line.removeprefix("$ ")
        for language, _, text in blocks()
        if language == "console"
        for line in text.splitlines()
        if line.startswith("$ minimax-sync")
    ]
    (own_world / "IN.jsonl").write_text('"Name a river."\n{"prompt": "Name a city.", "id": "b"}\n')
    assert commands
    for command in commands:
        run("-m", "minimax_sync", *shlex.split(command)[1:], silent=False)
