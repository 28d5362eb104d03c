"""Draw a notebook as SVG: its cells are executed against the emulator and rendered in JupyterLab's light theme."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import pymupdf
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from traitlets.config import Config

WIDTH, HEIGHT = 860, 3000
"""The page in CSS pixels; what is empty at its end is cut off."""

MARGIN = 8

CHROMIUM = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer")

_SETUP = """
from minimax_sync import MiniMaxClient
from minimax_sync.emulator import Emulator

emulator = Emulator().start()
client = MiniMaxClient(emulator.api_key, base_url=emulator.base_url, requests_per_second=None)
emulator.plan.total, emulator.plan.used, emulator.plan.percent = 1500, 1110, 26
head = "| River | Length | Mouth |\\n|---|---|---|"
rows = "| **Loire** | 1,006 km | Atlantic |\\n| **Seine** | 775 km | Channel |"
emulator.answer(f"Two rivers of France:\\n\\n{head}\\n{rows}", reasoning="The Loire and the Seine.")
emulator.answer("Let me look it up.", tool_calls=[("length", {"river": "Seine"})])
emulator.answer("The Seine is **775 km** long.", reasoning="The tool knows.")
"""
_CELLS = (
    'client.stream("Name two rivers of France.").display();',
    """\
def length(river: str) -> int:
    "Return the length of a river in kilometres."
    return {"Loire": 1006, "Seine": 775}[river]

talk = client.conversation("You are a geographer.", tools=[length])
talk.say("How long is the Seine?")
talk""",
    "client.quota()",
)


def main(folder: Path) -> None:
    """Draw `notebook.svg` into `folder`."""
    with tempfile.TemporaryDirectory() as work:
        page, printed = Path(work, "notebook.html"), Path(work, "notebook.pdf")
        page.write_text(as_html(), encoding="utf-8")
        subprocess.run([*CHROMIUM, f"--print-to-pdf={printed}", page.as_uri()], check=True, timeout=60)
        drawn = as_svg(pymupdf.open(printed)[0])
    (folder / "notebook.svg").write_text(drawn, encoding="utf-8")


def as_html() -> str:
    """Execute the cells and return the page; the first cell, which prepares the emulator, is not shown."""
    cells = [nbformat.v4.new_code_cell(source) for source in (_SETUP, *_CELLS)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    notebook.cells.pop(0)
    for number, cell in enumerate(notebook.cells, 1):
        for each in (cell, *cell.outputs):
            if "execution_count" in each:
                each.execution_count = number
    config = Config()
    config.HTMLExporter.mathjax_url = config.HTMLExporter.require_js_url = ""
    html, _ = HTMLExporter(template_name="lab", config=config).from_notebook_node(notebook)
    style = f"<style>@page {{ size: {WIDTH}px {HEIGHT}px; margin: 0 }} body {{ width: {WIDTH - 40}px }}</style>"
    return str(html).replace("</head>", f"{style}</head>")


def as_svg(page: Any) -> str:
    """Draw a page of a PDF down to its last line of text."""
    end = max(block[3] for block in page.get_text("blocks"))
    page.set_cropbox(pymupdf.Rect(0, 0, page.rect.width, end + MARGIN))
    drawn = re.sub(r' data-text="[^"]*"|(?<=\.\d\d)\d+', "", page.get_svg_image(text_as_path=True))
    head, inner = re.sub(r">\s+<", "><", drawn).split(">", 1)
    return f'{head}><rect width="100%" height="100%" fill="white"/>{inner}'


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
