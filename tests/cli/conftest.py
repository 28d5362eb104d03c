"""The command line as a test uses it: in this process, or as a program of its own, against an emulator."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import IO

import pytest
from support.cli import Result, Run

from minimax_sync.cli import main
from minimax_sync.emulator import Emulator


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process, with `stdin` piped in."""

    def run(*arguments: str, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        status = main(arguments)
        return Result(status, *capsys.readouterr())

    return run


@pytest.fixture
def emulator(configured_emulator: Emulator) -> Emulator:
    """Run an emulator that every command finds by itself."""
    return configured_emulator


@pytest.fixture
def program() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `python -m minimax_sync` as a program of its own; it is gone when the test ends."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, stdout: int | IO[str] = subprocess.PIPE) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "minimax_sync", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
