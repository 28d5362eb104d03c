"""`completion`: scripts that the shells themselves read."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from support.cli import Run

from minimax_sync.cli import COMMANDS

SHELLS = ("bash", "zsh", "fish")


def complete(script: str, *words: str) -> list[str]:
    """Let bash complete the last of `words`."""
    line = " ".join(f"'{word}'" for word in words)
    state = f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}"
    program = f"{script}\n{state}\n_minimax_sync\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
    found = subprocess.run(["bash", "-c", program], check=True, capture_output=True, text=True)
    return found.stdout.split()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_names_every_command_and_option(run: Run, shell: str) -> None:
    status, out, err = run("completion", shell)
    assert (status, err) == (0, "")
    for command in COMMANDS:
        assert command.name in out
        for argument in command.all_arguments:
            for flag in argument.flags if argument.is_option else ():
                assert (flag.lstrip("-") if shell == "fish" else flag) in out


@pytest.mark.parametrize("shell", [shell for shell in SHELLS if shutil.which(shell)])
def test_the_shell_reads_its_script(run: Run, shell: str) -> None:
    script = run("completion", shell).out
    read = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")


def test_bash_completes_commands_options_choices_and_files(run: Run) -> None:
    script = run("completion", "bash").out
    Path("notes.yaml").touch()
    assert complete(script, "minimax-sync", "lo") == ["login", "logout"]
    assert complete(script, "minimax-sync", "--v") == ["--version"]
    assert complete(script, "minimax-sync", "chat", "--no") == ["--no-stream"]
    assert complete(script, "minimax-sync", "login", "--region", "") == ["global", "cn"]
    assert complete(script, "minimax-sync", "quota", "--config", "no") == ["notes.yaml"]
    assert complete(script, "minimax-sync", "completion", "z") == ["zsh"]
    assert complete(script, "minimax-sync", "chat", "--model", "") == []
