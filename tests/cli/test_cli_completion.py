"""`completion`: scripts that the shells themselves read and run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.cli import Run

from minimax_sync.cli import COMMANDS

SHELLS = ("bash", "zsh", "fish")
INSTALLED = [shell for shell in SHELLS if shutil.which(shell)]


def complete(script: str, *words: str) -> list[str]:
    """Return what bash offers for the last of `words`."""
    line = " ".join(f"'{word}'" for word in words)
    state = f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}"
    program = f"{script}\n{state}\n_shtab_minimax_sync\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
    found = subprocess.run(["bash", "-c", program], check=True, capture_output=True, text=True)
    return found.stdout.split()


@pytest.mark.parametrize("shell", [*SHELLS, "tcsh", "powershell"])
def test_a_script_names_every_command(run: Run, shell: str) -> None:
    status, out, err = run("completion", shell)
    assert (status, err) == (0, "")
    for command in COMMANDS:
        assert command.name in out


@pytest.mark.parametrize("shell", INSTALLED)
def test_the_shell_reads_its_script(run: Run, shell: str) -> None:
    script = run("completion", shell).out
    read = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")


def test_bash_completes_commands_options_choices_and_files(run: Run) -> None:
    script = run("completion", "bash").out
    Path("notes.yaml").touch()
    assert complete(script, "minimax-sync", "lo") == ["login", "logout"]
    assert complete(script, "minimax-sync", "--v") == ["--version"]
    assert complete(script, "minimax-sync", "chat", "--show") == ["--show-thinking"]
    assert complete(script, "minimax-sync", "login", "--region", "") == ["global", "cn"]
    assert complete(script, "minimax-sync", "quota", "--config", "no") == ["notes.yaml"]
    assert complete(script, "minimax-sync", "completion", "z") == ["zsh"]
    assert complete(script, "minimax-sync", "chat", "--model", "") == []


@pytest.mark.skipif("fish" not in INSTALLED, reason="fish is not installed")
def test_fish_completes_commands_and_options(run: Run) -> None:
    script = run("completion", "fish").out
    ask = "complete -C 'minimax-sync lo'; complete -C 'minimax-sync chat --show'"
    found = subprocess.run(["fish", "-N", "-c", f"{script}\n{ask}"], check=True, capture_output=True, text=True)
    assert [line.split("\t")[0] for line in found.stdout.splitlines()] == ["login", "logout", "--show-thinking"]


def test_without_the_extra_the_command_names_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert run("completion", "bash") == (
        1,
        "",
        "minimax-sync: completion needs the package shtab: pip install minimax-sync[cli]\n",
    )
