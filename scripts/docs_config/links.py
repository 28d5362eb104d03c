"""Check the links inside the HTML: every page and every anchor that one names must exist."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit


class Page(HTMLParser):
    """The anchors of a page and the targets of its links."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and name == "id":
                self.anchors.add(value)
            elif value and name in ("href", "src") and not urlsplit(value).scheme:
                self.links.add(value)


def broken(folder: Path) -> list[str]:
    """Return a line for each link that leads nowhere."""
    pages = {path: Page(path) for path in folder.rglob("*.html")}
    problems = []
    for path, page in pages.items():
        for link in sorted(page.links):
            target, anchor = urldefrag(urlsplit(link)._replace(query="").geturl())
            found = (path.parent / unquote(target)).resolve() if target else path
            anchors = pages[found].anchors if found in pages else {anchor}
            if not found.exists() or (anchor and unquote(anchor) not in anchors):
                problems.append(f"{path.relative_to(folder)}: {link}")
    return problems


if __name__ == "__main__":
    problems = broken(Path(sys.argv[1]).resolve())
    print("\n".join(problems), file=sys.stderr)
    sys.exit(bool(problems))
