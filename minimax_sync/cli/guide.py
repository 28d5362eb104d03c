"""`guide`: the pages of the guide, which are part of the package."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from .parser import PROGRAM, Command, UsageError, argument
from .terminal import is_terminal, print_table

_PAGES = Path(__file__).parent.parent / "guide"


def _run(arguments: Namespace) -> int:
    pages = {path.stem: path for path in sorted(_PAGES.glob("*.rst")) if path.stem != "index"}
    if arguments.topic is None:
        print_table(((name, _title(path)) for name, path in pages.items()), ("TOPIC", "PAGE"))
        print(f"\n`{PROGRAM} guide TOPIC` shows a page; a unique prefix of its name is enough.")
        return 0
    text = pages[_page(arguments.topic, list(pages))].read_text("utf-8")
    if is_terminal(sys.stdout):
        import pydoc

        pydoc.pager(text)
    else:
        print(text, end="")
    return 0


def _page(topic: str, known: list[str]) -> str:
    """Return the page whose name is, or begins with, what was asked for."""
    asked = topic.lower().replace("-", "_").replace(" ", "_").removesuffix(".rst")
    found = [name for name in known if name == asked] or [name for name in known if name.startswith(asked)]
    if len(found) != 1:
        from ..settings.spelling import did_you_mean

        hint = f"; it may be {' or '.join(found)}" if found else did_you_mean(asked, known)
        raise UsageError(f"the guide has no page {topic!r}{hint}; `{PROGRAM} guide` lists its pages")
    return found[0]


def _title(path: Path) -> str:
    return next((line for line in path.read_text("utf-8").splitlines() if line[:1].isalnum()), "")


COMMAND = Command(
    "guide",
    "the guide, page by page",
    "Show a page of the guide, in a pager on a terminal; without a TOPIC, the list of its pages.",
    _run,
    (argument("topic", nargs="?", metavar="TOPIC", help="the name of a page, or a unique prefix of it"),),
    f"{PROGRAM} guide\n{PROGRAM} guide tools",
    has_settings=False,
)
