"""Draw sessions of `minimax-sync` on a terminal as SVG. Program and terminal are real, the answers are scripted."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text

from minimax_sync.emulator import Emulator

COLUMNS, ROWS = 84, 40
RIVERS = """\
Three rivers of France:

| River | Length | Mouth |
|---|---|---|
| **Loire** | 1,006 km | Atlantic |
| **Seine** | 775 km | Channel |
| **Rhône** | 813 km | Mediterranean |
"""
COLOURS = {"default": None, "brown": "yellow"}
"""What pyte calls otherwise than rich does."""


def main(folder: Path) -> None:
    """Draw all pictures into `folder`."""
    folder.mkdir(exist_ok=True)
    with Emulator(delay=0.01) as emulator, tempfile.TemporaryDirectory() as home:
        environment = {
            **os.environ,
            "MINIMAX_API_KEY": emulator.api_key,
            "MINIMAX_BASE_URL": emulator.base_url,
            "MINIMAX_REQUESTS_PER_SECOND": "8",
            "HOME": home,
            "XDG_STATE_HOME": home,
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
        }
        os.chdir(home)
        emulator.answer(RIVERS)
        draw(folder / "chat.svg", ["chat", "Name three rivers of France."], [], environment)
        emulator.answer("The **Loire**, with 1,006 km.")
        emulator.answer("775 km: *230 km less*.")
        typed = ["Which river of France is the longest?\r", "And how long is the Seine?\r", "\x04"]
        draw(folder / "conversation.svg", ["chat"], typed, environment)
        Path("IN.jsonl").write_text("".join(f'"What is {n} squared?"\n' for n in range(24)))
        draw(folder / "map.svg", ["map", "IN.jsonl", "-o", "OUT.jsonl"], [], environment)


def draw(target: Path, arguments: Sequence[str], typed: Sequence[str], environment: dict[str, str]) -> None:
    """Run the program on a terminal, type into it whenever it is quiet, and draw what the terminal shows at its end."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    shown = [f'"{argument}"' if " " in argument else argument for argument in arguments]
    stream.feed(f"\x1b[1m$ minimax-sync {' '.join(shown)}\x1b[0m\r\n".encode())
    child, terminal = pty.fork()
    if child == 0:
        os.execve(sys.executable, [sys.executable, "-m", "minimax_sync", *arguments], environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    keys = list(typed)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 1.5)
        if not ready:
            if keys:
                os.write(terminal, keys.pop(0).encode())
            continue
        try:
            stream.feed(os.read(terminal, 65536))
        except OSError:  # the program has ended
            break
    os.waitpid(child, 0)
    os.close(terminal)
    target.write_text(as_svg(screen, f"minimax-sync {arguments[0]}"), encoding="utf-8")


def as_svg(screen: pyte.Screen, title: str) -> str:
    """Draw the lines of the screen that have text."""
    lines = [line(screen, row) for row in range(ROWS)]
    while lines and not lines[-1].plain.strip():
        lines.pop()
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    for text in lines:
        console.print(text, no_wrap=True, overflow="crop")
    drawn = console.export_svg(title=title, unique_id=title.replace(" ", "-"))
    return re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)  # no fonts from elsewhere


def line(screen: pyte.Screen, row: int) -> Text:
    """Return one line of the screen with its colours."""
    text = Text()
    for column in range(COLUMNS):
        cell = screen.buffer[row][column]
        style = Style(color=colour(cell.fg), bgcolor=colour(cell.bg), bold=cell.bold, italic=cell.italics)
        text.append(cell.data, style)
    text.rstrip()
    return text


def colour(name: str) -> str | None:
    """Return pyte's name of a colour as rich's."""
    if name in COLOURS:
        return COLOURS[name]
    return f"#{name}" if len(name) == 6 and not name.isalpha() else name.replace("bright", "bright_")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
