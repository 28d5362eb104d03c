"""Docstrings: the description of a function and the texts of its parameters, in Google's, NumPy's or Sphinx' style."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TITLE = re.compile(r"(?:(?:Keyword |Other )?(?:Args|Arguments|Parameters|Params)|Attributes):?")
_UNDERLINE = re.compile(r"-{3,}")
_GOOGLE_ENTRY = re.compile(r"\*{0,2}(\w+)\s*(?:\(.*?\))?\s*:\s*(.*)")
_NUMPY_ENTRY = re.compile(r"(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?")
_FIELD = re.compile(r"[:@](?:param|parameter|arg|argument|key|keyword)\s+(?:[^:]*\s)?\*{0,2}(\w+)\s*:\s*(.*)")


def read_docstring(doc: str) -> tuple[str, dict[str, str]]:
    """Split a cleaned docstring into its first paragraph and the texts of its parameters.

    A text is an entry of a section such as "Args:" (`name (type): text`) or "Parameters" underlined with dashes (`name
    : type`, the text below), or a field (`:param type name: text`). It continues on lines with deeper indentation.
    """
    lines = doc.splitlines()
    texts: dict[str, list[str]] = {}
    for names, line in _entries(lines):
        for name in names:
            texts.setdefault(name, []).append(line)
    return _first_paragraph(lines), {name: " ".join(filter(None, parts)) for name, parts in texts.items()}


def _entries(lines: list[str]) -> Iterator[tuple[list[str], str]]:
    """Yield (names of parameters, a line of their text)."""
    section = entry = -1  # the indentation of the section's title and of its entries; -1 outside
    style = ""
    current: list[str] = []
    for number, line in enumerate(lines):
        stripped = line.strip()
        indent = len(line) - len(line.lstrip())
        if not stripped or _UNDERLINE.fullmatch(stripped):
            continue
        if current and indent > entry and not _FIELD.match(stripped):
            yield current, stripped
            continue
        current = []
        is_underlined = _UNDERLINE.fullmatch("".join(lines[number + 1 : number + 2]).strip()) is not None
        if is_underlined or (stripped.endswith(":") and _TITLE.fullmatch(stripped)):
            is_wanted = _TITLE.fullmatch(stripped) is not None
            style = ("numpy" if is_underlined else "google") if is_wanted else ""
            section = indent if number else -1  # cleaning a docstring dedents what follows a title in its first line
            entry = indent if is_underlined else -1
        elif found := _FIELD.match(stripped):
            style, entry, current = "", indent, [found[1]]
            yield current, found[2]
        elif style == "numpy" and indent == entry and (found := _NUMPY_ENTRY.fullmatch(stripped)):
            current = re.findall(r"\w+", found[1])
        elif (
            style == "google"
            and indent > section
            and entry in (-1, indent)
            and (found := _GOOGLE_ENTRY.match(stripped))
        ):
            entry, current = indent, [found[1]]
            yield current, found[2]
        elif indent <= section:
            style = ""


def _first_paragraph(lines: list[str]) -> str:
    paragraph = []
    stripped = [line.strip() for line in lines]
    for line, below in zip(stripped, [*stripped[1:], ""], strict=False):
        is_title = _UNDERLINE.fullmatch(below) or (line.endswith(":") and _TITLE.fullmatch(line))
        if not line or is_title or line.startswith((":", "@")):
            break
        paragraph.append(line)
    return " ".join(paragraph)
