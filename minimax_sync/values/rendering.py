"""Building blocks of HTML and Markdown for notebooks: tables, bars, folded parts, and the parts of an answer.

All text of a model or a user is escaped. Colours follow the page: JupyterLab's CSS variables with fallbacks that can be
read on light and dark. Must not know the values that are rendered, and is imported only when a notebook asks.
"""

from __future__ import annotations

import pprint
from collections.abc import Callable, Iterable, Sequence
from html import escape
from importlib.util import find_spec

from ..errors import ConfigError

LINE = "var(--jp-border-color2, rgba(128, 128, 128, 0.45))"
ACCENT = "var(--jp-brand-color1, #1976d2)"
ALARM = "var(--jp-error-color1, #d32f2f)"

_BLOCKS = 20
_ALARM_BELOW = 10
"""Percent below which a bar has the colour of an alarm."""


# Text


def folded(summary: str, *parts: str) -> str:
    """Return a `<details>` element; `summary` and `parts` are HTML. The blank lines let Markdown see its end."""
    body = "\n\n".join(parts)
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def preformatted(text: str, font: str = "inherit") -> str:
    """Return text in a `<pre>`, which neither HTML nor Markdown in the text can leave."""
    style = f"white-space: pre-wrap; overflow-wrap: anywhere; margin: 0.3em 0; font-family: {font}"
    return f'<pre style="{style}">{escape(text, quote=False)}</pre>'


def code(text: str) -> str:
    """Return text in a `<pre>` in the font of code."""
    return preformatted(text, "var(--jp-code-font-family, monospace)")


def python_value(value: object) -> str:
    """Return a value as Python code would write it."""
    return code(pprint.pformat(value, width=100, sort_dicts=False))


def prose(text: str) -> str:
    """Return Markdown as HTML if markdown-it is installed (extra `cli`), else as preformatted text.

    HTML in the text is shown, not interpreted; an image is shown as its link, so that no answer can load a page.
    """
    if find_spec("markdown_it") is None:
        return preformatted(text)
    from markdown_it import MarkdownIt

    return str(MarkdownIt("js-default").disable("image").render(text))


# Answers


def answer_parts(reasoning: str, text: str, calls: Iterable[str]) -> list[str]:
    """Return the parts that an answer has: its thinking, folded, then its text and its calls as they are given."""
    thinking = [folded("Thinking", preformatted(reasoning.strip()))] if reasoning else []
    return [*thinking, *filter(None, (text,)), *calls]


def tool_call(name: str, arguments: str, result: str | None = None, *, state: str = "") -> str:
    """Return a tool call as a folded part that both Markdown and HTML can hold; `state` stands beside its name."""
    parts = [code(text) for text in (arguments, result) if text is not None]
    return folded(f"<code>{escape(name)}</code> {escape(state)}".rstrip(), *parts)


# Tables


def table(head: Sequence[str], rows: Iterable[Sequence[str]], remark: str = "", *, numbers: Iterable[int] = ()) -> str:
    """Return a table of cells that are HTML already; columns in `numbers` are aligned right."""
    sides = ["right" if column in set(numbers) else "left" for column in range(len(head))]

    def line(cells: Sequence[str], tag: str) -> str:
        aligned = zip(sides, cells, strict=True)
        return "".join(f'<{tag} style="text-align: {side}">{cell}</{tag}>' for side, cell in aligned)

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return f"<table><thead><tr>{line(head, 'th')}</tr></thead><tbody>{body}</tbody></table>{note(remark)}"


def bar(percent: float | None, label: str) -> str:
    """Return a bar that is filled to `percent`, and full or empty only at 100 and 0; nothing without a figure.

    It is text, in the colour of the page: a `<meter>` has a white ground also on a dark page, and JupyterLab drops most
    styles in a notebook that is not trusted.
    """
    if percent is None:
        return ""
    filled = min(_BLOCKS, max(int(percent > 0), int(percent / 100 * _BLOCKS)))
    colour = f' style="color: {ALARM}"' if percent < _ALARM_BELOW else ""
    return f'<code title="{escape(label)}"{colour}>{"█" * filled}{"░" * (_BLOCKS - filled)}</code>'


# Notes


def note(text: str) -> str:
    """Return a remark in small print; nothing for an empty one."""
    return f'<div style="opacity: 0.75; font-size: 90%">{escape(text)}</div>' if text else ""


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: "1 image", "1,000 images"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def spent(tokens: int, cost: Callable[[], float]) -> str:
    """Return tokens and what they cost; without the price if `cost` raises `ConfigError`, as for an unknown model."""
    try:
        return f"{tokens:,} tokens, {dollars(cost())}"
    except ConfigError:
        return f"{tokens:,} tokens"


def dollars(amount: float) -> str:
    """Return an amount with as many digits as it needs to differ from 0."""
    if not amount or amount >= 1:
        return f"${amount:.2f}"
    return f"${amount:.4f}" if amount >= 0.0001 else "< $0.0001"
