"""A real kernel on a real notebook: answers that grow, cells that are interrupted and run again, `%%minimax`."""

from __future__ import annotations

import asyncio
import gc
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from jupyter_core.utils import ensure_event_loop
from nbclient import NotebookClient

from minimax_sync import MiniMaxClient
from minimax_sync.emulator import Emulator
from minimax_sync.values.rendering import folded, preformatted

# Jupyter's own client warns of its event loops and leaves sockets to the garbage collector, whatever the notebook does.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

TIMEOUT = 30


@pytest.fixture(autouse=True)
def jupyters_leftovers() -> Iterator[None]:
    """Collect what Jupyter left behind while its warnings are still ignored, so that no other test gets them."""
    yield
    ensure_event_loop().close()
    asyncio.set_event_loop(None)
    gc.collect()


SETUP = "from minimax_sync import MiniMaxClient\nclient = MiniMaxClient(requests_per_second=None)"


class Cell(NamedTuple):
    """What came of a cell: its status, what was printed, and every Markdown that was shown, in order."""

    status: str
    error: str
    printed: str
    drawn: list[str]
    outputs: int


class Kernel:
    """A running kernel."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager, self._client = manager, client

    def run(self, code: str) -> Cell:
        messages: list[dict[str, Any]] = []
        reply = self._client.execute_interactive(code, allow_stdin=False, timeout=TIMEOUT, output_hook=messages.append)
        shown = [each for each in messages if "data" in each["content"]]
        return Cell(
            reply["content"]["status"],
            reply["content"].get("ename", ""),
            "".join(each["content"]["text"] for each in messages if each["msg_type"] == "stream"),
            [
                each["content"]["data"]["text/markdown"]
                for each in shown
                if each["content"]["data"].get("text/markdown")
            ],
            sum(each["msg_type"] in ("display_data", "execute_result") for each in shown),
        )


@pytest.fixture
def emulator(configured_emulator: Emulator) -> Emulator:
    return configured_emulator


@pytest.fixture
def kernel(emulator: Emulator, tmp_path: Path) -> Iterator[Kernel]:
    manager = KernelManager(connection_file=str(tmp_path / "kernel.json"))
    manager.start_kernel()
    client: BlockingKernelClient = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=TIMEOUT)
        kernel = Kernel(manager, client)
        assert kernel.run(SETUP).status == "ok"
        yield kernel
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_an_answer_grows_and_its_thinking_is_folded_away(emulator: Emulator, kernel: Kernel) -> None:
    emulator.answer("one " * 30, reasoning="thought " * 20, delay=0.03)
    cell = kernel.run("client.stream('Count.').display()")
    assert cell.status == "ok", cell
    assert cell.outputs == 1, "the answer is shown once, although it is the cell's value"
    assert len(cell.drawn) >= 4
    assert cell.drawn[0].startswith("<details open>")
    assert cell.drawn[-1].startswith("<details><summary>")
    assert cell.drawn[-1].endswith("one " * 30)
    growth = [len(text.replace(" open>", ">")) for text in cell.drawn]
    assert growth == sorted(growth)

    assert kernel.run("answer = _\nprint(type(answer).__mro__[1].__name__)").printed == "ChatResponse\n"
    assert kernel.run("answer").drawn == [cell.drawn[-1]]
    assert kernel.run("import pickle; print(pickle.loads(pickle.dumps(answer)) == answer)").printed == "True\n"


def test_an_interrupted_cell_keeps_what_came_and_leaves_the_client_usable(emulator: Emulator, kernel: Kernel) -> None:
    emulator.answer("word " * 200, delay=0.05)
    timer = threading.Timer(0.8, kernel.manager.interrupt_kernel)
    timer.start()
    cell = kernel.run("client.stream('Talk.').display()")
    timer.join()
    assert (cell.status, cell.error) == ("error", "KeyboardInterrupt")
    assert cell.drawn[-1].startswith("word word")
    assert kernel.run("print(client.chat('Still there?').text)").printed == 'You said: "Still there?".\n'

    emulator.answer("never", delay=60)
    timer = threading.Timer(0.3, kernel.manager.interrupt_kernel)
    timer.start()
    cell = kernel.run("list(client.map(['a', 'b'], workers=1))")
    timer.join()
    assert (cell.status, cell.error) == ("error", "KeyboardInterrupt")
    assert kernel.run("print(client.chat('Still there?').text)").printed == 'You said: "Still there?".\n'


def test_a_cell_that_is_run_again_leaves_no_thread_and_no_connection_behind(emulator: Emulator, kernel: Kernel) -> None:
    code = """
import gc, os, threading, time
client = MiniMaxClient(requests_per_second=None)
client.chat("hi")
stream = client.stream("hi")
next(iter(stream))
list(client.map(["a", "b"], progress=True))
gc.collect()
give_up = time.monotonic() + 5
while time.monotonic() < give_up and any(each.name == "minimax-map" for each in threading.enumerate()):
    time.sleep(0.01)
print(f"{threading.active_count()}! {len(os.listdir('/dev/fd'))}!")
"""
    counts = [[int(number) for number in re.findall(r"(\d+)!", kernel.run(code).printed)] for _ in range(6)]
    (threads, descriptors), (threads_later, descriptors_later) = counts[1], counts[5]
    assert threads_later <= threads
    assert descriptors_later <= descriptors + 1


def test_a_cell_can_be_a_prompt(emulator: Emulator, kernel: Kernel) -> None:
    assert kernel.run("%load_ext minimax_sync").status == "ok"
    emulator.answer("Because of **Rayleigh**.", reasoning="Optics.")
    cell = kernel.run("%%minimax --model MiniMax-M2.1 -s 'Be brief, please.'\nWhy is the\nsky blue?\n")
    assert cell.status == "ok", cell
    assert cell.outputs == 1
    assert cell.drawn[-1].endswith("Because of **Rayleigh**.")
    body = emulator.journal[-1].body
    assert body["model"] == "MiniMax-M2.1"
    assert [message["content"] for message in body["messages"]] == ["Be brief, please.", "Why is the\nsky blue?"]
    assert kernel.run("print(_.finish_reason)").printed == "stop\n"

    emulator.fault(status=400, code=2013, message="invalid params")
    assert kernel.run("%%minimax\nhi").error == "UsageError"
    assert kernel.run("%%minimax --modell x\nhi").error == "UsageError"
    assert kernel.run("%%minimax -s 'open\nhi").error == "UsageError"
    assert kernel.run("%reload_ext minimax_sync").status == "ok"
    assert kernel.run("%%minimax\nhi").drawn[-1].endswith('You said: "hi".')


def test_a_notebook_keeps_its_answers_as_markdown(emulator: Emulator, tmp_path: Path) -> None:
    emulator.answer("- Rhine\n- Elbe\n- Weser", reasoning="Rivers.")
    emulator.answer("# Title")
    cells = [SETUP, "client.stream('Rivers?').display()", "client.chat('Title?')"]
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
    NotebookClient(notebook, timeout=TIMEOUT, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [[output["data"]["text/markdown"] for output in cell["outputs"]] for cell in notebook.cells[1:]]
    assert shown == [
        [folded("Thinking", preformatted("Rivers.")) + "\n\n- Rhine\n- Elbe\n- Weser"],
        ["# Title"],
    ]


TOOLS = """
import time
def get_weather(city: str) -> str:
    "Return the weather."
    time.sleep(0.05)
    return f"21 degrees in {city}"
def get_time(zone: str) -> str:
    "Return the time."
    raise ValueError("no such zone")
tools = [get_weather, get_time]
"""


@pytest.mark.parametrize("run", ["client.tool_run('Hm?', tools)", "client.conversation(tools=tools).stream('Hm?')"])
def test_tool_calls_and_results_are_shown_folded_as_they_come(emulator: Emulator, kernel: Kernel, run: str) -> None:
    kernel.run(TOOLS)
    calls = [("get_weather", {"city": "Paris"}), ("get_time", {"zone": "X"})]
    emulator.answer("Let me look.", reasoning="Both.", tool_calls=calls)
    emulator.answer("It is warm.", reasoning="Enough.")
    cell = kernel.run(f"answer = {run}.display()")
    assert cell.status == "ok", cell
    assert cell.outputs == 1
    *_, last = cell.drawn
    assert last.count("<details>") == 4
    places = [
        last.index(text) for text in ("Both.", "Let me look.", "get_weather", "21 degrees", "get_time</code> failed")
    ]
    assert places == sorted(places)
    assert last.endswith("It is warm.")
    waiting = [text for text in cell.drawn if "get_weather" in text and "21 degrees" not in text]
    assert waiting, "a call is shown before its result"
    assert any("21 degrees" in text and "no such zone" not in text for text in cell.drawn), "each result at once"
    assert kernel.run("print(answer.text)").printed == "It is warm.\n"


def test_open_calls_of_the_history_are_shown_first(emulator: Emulator, kernel: Kernel) -> None:
    kernel.run(TOOLS)
    kernel.run(
        "from minimax_sync import ChatMessage, ToolCall\n"
        "history = [ChatMessage.user('Hm?'),"
        " ChatMessage.assistant('', [ToolCall('a', 'get_weather', {'city': 'Rome'})])]"
    )
    emulator.answer("Warm.")
    cell = kernel.run("client.tool_run(history, tools).display()")
    assert cell.status == "ok", cell
    assert "21 degrees in Rome" in cell.drawn[0]
    assert cell.drawn[-1].startswith("<details>")
    assert cell.drawn[-1].endswith("Warm.")


def test_a_run_that_fails_keeps_what_was_shown(emulator: Emulator, kernel: Kernel) -> None:
    kernel.run(TOOLS)
    emulator.answer("Let me look.", tool_calls=[("get_weather", {"city": "Paris"})])
    cell = kernel.run("client.tool_run('Hm?', tools, approve=lambda call: 1 / 0).display()")
    assert (cell.status, cell.error) == ("error", "ZeroDivisionError")
    assert cell.drawn[-1].startswith("Let me look.\n\n<details><summary><code>get_weather</code>")


def test_a_line_can_be_a_prompt(emulator: Emulator, kernel: Kernel) -> None:
    assert kernel.run("%load_ext minimax_sync\ntopic = 'rivers'").status == "ok"
    cell = kernel.run("answer = %minimax --temperature 0.5 What's up with {topic}?")
    assert cell.status == "ok", cell
    assert cell.drawn[-1].endswith('You said: "What\'s up with rivers?".')
    assert emulator.journal[-1].body["temperature"] == 0.5


def test_outside_of_a_notebook_each_round_of_a_run_is_a_line(
    emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    def clock() -> str:
        return "12:00"

    emulator.answer("Let me look.", tool_calls=[("clock", {})])
    emulator.answer(tool_calls=[("clock", {})])
    emulator.answer("Noon.")
    with MiniMaxClient(emulator.api_key, base_url=emulator.base_url, requests_per_second=None) as client:
        assert client.tool_run("hi", [clock]).display().text == "Noon."
    assert capsys.readouterr().out == "Let me look.\nNoon.\n"


def test_outside_of_a_notebook_the_answer_is_printed(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    emulator.answer("plain", reasoning="hm")
    with MiniMaxClient(emulator.api_key, base_url=emulator.base_url) as client:
        assert client.stream("hi").display().text == "plain"
    assert capsys.readouterr().out == "plain\n"
