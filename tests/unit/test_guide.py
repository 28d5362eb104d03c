"""Every code block of the README and of the guide runs, and every link between the pages leads to a page.

The language of a block chooses what is done with it:

    python    the blocks of a page run as one program, in order, on the emulator
    python3   compiled only: it needs a browser, a cluster, or a server that is not on this machine
    console   every line after "$ " runs in a shell; the lines below it must be in its output
    bash      parsed only, for the same reasons as python3
    yaml      read as config/llm.yaml
    json      parsed
    text      cells of a notebook when it begins with "%", else nothing
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from docutils import nodes
from docutils.core import publish_doctree
from support.run_python import run_python

import minimax_sync
from minimax_sync.emulator import Emulator
from minimax_sync.settings.resolve import resolve_settings

README = Path(__file__).parents[2] / "README.rst"
GUIDE = Path(minimax_sync.__file__).parent / "guide"
PAGES = [README, *sorted(GUIDE.glob("*.rst"))]
MOST_LINES_OF_README = 250
REPOSITORY = re.compile(
    "https://(github.com/minimax-sync/minimax-sync/blob|raw.githubusercontent.com/minimax-sync/minimax-sync)/main/"
)
"""The README is shown on PyPI too, where a relative link leads nowhere."""

ANSWERS: dict[str, list[dict[str, Any]]] = {
    "[get_weather]": [{"tool_calls": [("get_weather", {"city": "Paris"})]}, {"text": "It is 21 degrees in Paris."}],
}
"""What the emulator answers next, by a piece of the code that is about to run."""


RUN_CELLS = """
import sys
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell()
for cell in sys.argv[1:]:
    shell.run_cell(cell).raise_error()
"""


class Block(NamedTuple):
    language: str
    line: int
    text: str


def document(page: Path) -> nodes.document:
    return publish_doctree(page.read_text(encoding="utf-8"), settings_overrides={"report_level": 2, "halt_level": 2})


def blocks(page: Path) -> Iterator[Block]:
    for block in document(page).findall(nodes.literal_block):
        languages = [name for name in block["classes"] if name != "code"]
        text = block.astext()
        first_line = (block.line or 0) - len(text.splitlines())
        yield Block(languages[0] if languages else "", first_line, text)


def pages_with(*languages: str) -> pytest.MarkDecorator:
    pages = [page for page in PAGES if any(block.language in languages for block in blocks(page))]
    return pytest.mark.parametrize("page", pages, ids=lambda page: page.stem)


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Give the module in which the blocks of a page run; what they leave open is closed."""
    module = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)
    yield module
    for value in vars(module).values():
        if type(value).__name__ in ("MiniMaxClient", "Session"):
            value.close()


@pages_with("python")
def test_the_python_of_a_page_runs_as_one_program(
    page: Path, configured_emulator: Emulator, program: ModuleType, request: pytest.FixtureRequest
) -> None:
    for block in blocks(page):
        if block.language == "python":
            for piece, answers in ANSWERS.items():
                if piece in block.text and "emulator.answer(" not in block.text:
                    for answer in answers:
                        configured_emulator.answer(**answer)
            code = compile("\n" * (block.line - 1) + block.text, str(page), "exec", dont_inherit=True)
            exec(code, vars(program))
    for name, value in vars(program).items():
        if name.startswith("test_"):
            value(**{fixture: request.getfixturevalue(fixture) for fixture in inspect.signature(value).parameters})


@pages_with("console")
@pytest.mark.usefixtures("configured_emulator")
def test_the_commands_of_a_page_run_and_print_what_it_shows(page: Path) -> None:
    for block in blocks(page):
        if block.language == "console":
            for command, expected in session(block.text):
                path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
                done = subprocess.run(
                    ["bash", "-c", command],
                    env={**os.environ, "PATH": path},
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    timeout=60,
                    check=False,
                )
                assert done.returncode == 0, f"{command}: {done.stderr}"
                printed = " ".join((done.stdout + done.stderr).split())
                for line in expected:
                    assert " ".join(line.split()) in printed, command


def session(text: str) -> Iterator[tuple[str, list[str]]]:
    """Split a console session into commands and the lines that each prints."""
    commands = text.replace("\\\n", " ").split("\n$ ")
    for command in commands:
        first, *printed = command.removeprefix("$ ").splitlines()
        yield first, [line for line in printed if line.strip()]


@pages_with("yaml")
@pytest.mark.usefixtures("configured_emulator")
def test_the_configuration_of_a_page_can_be_read(
    page: Path, quick_settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_PASSWORD", "a-password")
    for block in blocks(page):
        if block.language == "yaml":
            quick_settings.write_text(block.text)
            assert resolve_settings(arguments={}).api_key


@pages_with("python3", "bash", "json")
def test_the_code_of_a_page_that_cannot_run_here_can_be_parsed(page: Path) -> None:
    for block in blocks(page):
        if block.language == "python3":
            compile(block.text, str(page), "exec", dont_inherit=True)
        if block.language == "bash":
            subprocess.run(["bash", "-n"], input=block.text, text=True, check=True, timeout=60)
        if block.language == "json":
            json.loads(block.text)


@pages_with("text")
@pytest.mark.usefixtures("configured_emulator")
def test_the_cells_of_a_page_run_in_a_notebook(page: Path) -> None:
    for block in blocks(page):
        if block.language == "text" and block.text.startswith("%"):
            run_python(RUN_CELLS, *block.text.split("\n\n"), silent=False)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_a_page_names_its_language(page: Path) -> None:
    known = {"python", "python3", "console", "bash", "yaml", "json", "text"}
    assert [block for block in blocks(page) if block.language not in known] == []


@pytest.mark.parametrize("page", [*PAGES, README.parent / "CHANGELOG.rst"], ids=lambda page: page.stem)
def test_no_heading_of_a_page_became_text(page: Path) -> None:
    texts = [text.astext() for text in document(page).findall(nodes.Text) if type(text.parent) is nodes.paragraph]
    assert [text for text in texts if re.search(r"([-=~^*+#])\1{3}", text)] == []
    paragraphs = [child for parent in document(page).findall(is_section) for child in parent.children]
    texts = [paragraph.astext() for paragraph in paragraphs if isinstance(paragraph, nodes.paragraph)]
    assert [text for text in texts if not text.endswith((".", ":"))] == []


def is_section(node: nodes.Node) -> bool:
    return isinstance(node, nodes.section | nodes.document)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_picture_of_a_page_exists(page: Path) -> None:
    pictures = [image["uri"] for image in document(page).findall(nodes.image)]
    assert [each for each in pictures if not (page.parent / REPOSITORY.sub("", each)).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_to_a_page_leads_to_one(page: Path) -> None:
    links = [link["refuri"] for link in document(page).findall(nodes.reference) if "refuri" in link]
    for link in (REPOSITORY.sub("", link) for link in links):
        if "://" not in link and not link.startswith("mailto:"):
            target, _, anchor = link.partition("#")
            found = page.parent / target if target else page
            assert found.exists(), link
            if anchor:
                anchors = {name for node in document(found).findall(nodes.section) for name in node["ids"]}
                assert anchor in anchors, link


def test_the_index_lists_every_page() -> None:
    links = {link["refuri"] for link in document(GUIDE / "index.rst").findall(nodes.reference)}
    assert links >= {page.name for page in GUIDE.glob("*.rst")} - {"index.rst"}


def test_no_link_or_picture_of_the_readme_is_relative() -> None:
    page = document(README)
    targets = [link["refuri"] for link in page.findall(nodes.reference) if "refuri" in link]
    pictures = [image["uri"] for image in page.findall(nodes.image)]
    assert targets
    assert pictures
    assert [each for each in (*targets, *pictures) if "://" not in each] == []


def test_the_readme_is_a_front_page() -> None:
    assert len(README.read_text().splitlines()) <= MOST_LINES_OF_README


def test_the_messages_of_the_faq_are_those_of_the_client_or_of_the_service() -> None:
    known = " ".join(texts_of_the_package())
    terms = document(GUIDE / "faq.rst").findall(nodes.term)
    messages = [literal.astext() for term in terms for literal in term.findall(nodes.literal)]
    pieces = [
        re.sub(r"\(\d{4}\)$", "", piece).strip(" ,:;()") for message in messages for piece in message.split("...")
    ]
    assert len(messages) >= 20
    assert [piece for piece in pieces if piece not in known and not re.fullmatch(r"HTTP \d+", piece)] == []


def texts_of_the_package() -> Iterator[str]:
    for module in GUIDE.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
                yield node.value if isinstance(node.value, str) else node.value.decode("latin-1")
