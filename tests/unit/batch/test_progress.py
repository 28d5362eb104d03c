"""The line of progress on a terminal, in a notebook with widgets and without, and where nothing shows it."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import os
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from jupyter_core.utils import ensure_event_loop
from nbclient import NotebookClient

from minimax_sync import ChatMessage, ChatResponse, ConfigError, MiniMaxClient, TokenUsage
from minimax_sync.batch.progress import Progress
from minimax_sync.emulator import Emulator


@pytest.fixture
def emulator(configured_emulator: Emulator) -> Emulator:
    return configured_emulator


def test_progress_is_one_line_on_a_terminal(emulator: Emulator, tmp_path: Path) -> None:
    emulator.fault(status=400, message="no")
    code = """
import threading
from minimax_sync import MiniMaxClient
with MiniMaxClient(requests_per_second=None) as client:
    for _ in range(2):
        for result in client.map(["a", "b", "c"], progress=True, checkpoint="out.jsonl"):
            print(result.index)
print(threading.active_count() < 10, not any("tqdm" in type(each).__module__ for each in threading.enumerate()))
"""
    reader, writer = os.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    with os.fdopen(reader, "rb", buffering=0) as terminal:
        command = [sys.executable, "-c", code]
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=writer) as process:
            out, _ = process.communicate(timeout=20)
            os.close(writer)
        shown = b""
        try:
            while piece := terminal.read(65536):
                shown += piece
        except OSError:  # Linux raises this at the end of a terminal
            text = shown.decode()
    assert process.returncode == 0
    assert out == b"0\n1\n2\n0\n1\n2\nTrue True\n"
    assert "3/3" in text
    assert "1 failed" in text
    assert "tokens" in text
    assert "$0.0" in text
    assert "\x1b[A" not in text


def test_progress_prints_nothing_without_a_terminal(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    with MiniMaxClient(requests_per_second=None) as client:
        assert len(list(client.map(["a", "b"], progress=True))) == 2
    assert capsys.readouterr() == ("", "")


def test_progress_counts_tokens_cost_and_failures() -> None:
    usage = TokenUsage(1_000_000, 1_000_000, 2_000_000)
    answer = ChatResponse(ChatMessage.assistant("x"), usage=usage, model="MiniMax-M2.5")
    with Progress(range(4)) as progress:
        progress.count(answer, asked=True)
        progress.count(answer, asked=False)
        assert progress.summary == "2,000,000 tokens, $1.50"
        progress.count(None, asked=True)
        progress.count(ChatResponse(ChatMessage.assistant("x"), usage=usage, model="mine"), asked=True)
        assert progress.summary == "4,000,000 tokens, $1.50, 1 failed"


def test_progress_without_tqdm_names_the_package_to_install(
    monkeypatch: pytest.MonkeyPatch, emulator: Emulator
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with MiniMaxClient() as client, pytest.raises(ConfigError, match=r"minimax-sync\[cli\]"):
        client.map(["a"], progress=True)


# in a notebook


@pytest.fixture
def jupyters_leftovers() -> Iterator[None]:
    """Collect what Jupyter leaves to the garbage collector while its warnings are ignored."""
    yield
    ensure_event_loop().close()
    asyncio.set_event_loop(None)
    gc.collect()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("jupyters_leftovers")
@pytest.mark.parametrize(
    ("setup", "has_widget"),
    [("", True), ("import sys; sys.modules['ipywidgets'] = None\n", False)],
    ids=["with widgets", "without widgets"],
)
def test_progress_in_a_notebook_is_a_widget_or_a_line_and_never_on_stderr(
    emulator: Emulator, tmp_path: Path, setup: str, has_widget: bool
) -> None:
    code = f"""{setup}from minimax_sync import MiniMaxClient
client = MiniMaxClient(requests_per_second=None)
for result in client.map(["a", "b", "c"], progress=True): pass
"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=30, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = notebook.cells[0]["outputs"]
    assert [output for output in outputs if output.get("name") == "stderr"] == []
    widgets = [output for output in outputs if "application/vnd.jupyter.widget-view+json" in output.get("data", {})]
    lines = "".join(output["text"] for output in outputs if output.get("name") == "stdout")
    assert len(widgets) == int(has_widget)
    assert ("3/3" in lines) is not has_widget
