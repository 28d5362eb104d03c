"""The configuration of Sphinx for `scripts/docs`."""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

import minimax_sync

project = "minimax_sync"
version = release = minimax_sync.__version__
extensions = ["sphinx.ext.autodoc"]
html_theme = "furo"
html_theme_options = {"light_css_variables": {"code-font-size": "var(--font-size--small--3)"}}
html_title = f"minimax_sync {release}"
html_copy_source = False
html_show_copyright = False
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
pygments_style = "tango"
pygments_dark_style = "monokai"


class PagesAsHtml(SphinxTransform):
    """Turn links between pages, which name their sources for readers without Sphinx, into links between HTML pages."""

    default_priority = 400

    def apply(self, **options: object) -> None:
        for link in self.document.findall(nodes.reference):
            page, mark, anchor = link.get("refuri", "").partition("#")
            if page.endswith(".rst") and "://" not in page:
                link["refuri"] = f"{page.removesuffix('.rst')}.html{mark}{anchor}"


def separate_plurals(app: Sphinx, what: str, name: str, item: object, options: object, lines: list[str]) -> None:
    """Make "`ToolDef`s" in a docstring what reStructuredText understands."""
    lines[:] = [re.sub(r"(`[\w.]+`)(?=s\b)", r"\1\\ ", line) for line in lines]


def setup(app: Sphinx) -> None:
    """Register both; Sphinx calls this."""
    app.add_transform(PagesAsHtml)
    app.connect("autodoc-process-docstring", separate_plurals)
