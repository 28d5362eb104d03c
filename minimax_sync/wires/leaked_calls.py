"""Tool calls that a server left in the text in the model's own notation, found and decoded however deltas split them.

M2's notation: `<minimax:tool_call>` with `<invoke name="f">` and `<parameter name="x">` elements (MiniMax-M2.5#10).
M3's notation: the marker `]<]minimax[>[` before every tag, and a tag of its own for every argument (MiniMax-M3#31).
Markup that is in code or broken, and calls of unknown tools, stay text. Pure: it must not know a wire.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from ..values.json_fit import fitted
from ..values.json_schema import accepted_types
from ..values.json_text import UNREADABLE
from ..values.tooldef import ToolDef

_MARK = "]<]minimax[>["
_M2_CALL = re.compile(r'\s*<invoke name="([^"]*)">(.*?)</invoke>\s*', re.DOTALL)
_M2_VALUE = re.compile(r'\s*<parameter name="([^"]*)">(.*?)</parameter>(?=\s*(?:<parameter name="|\Z))\s*', re.DOTALL)
_TAG = re.compile(r"<(/?)([^<>\s/]+)(?: name=\"([^\"]*)\")?>", re.DOTALL)
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)
_TICKS = re.compile(r"`+")

MOST_LOOKS = 100
"""Limit on the openings of notations that are examined in one line; the remainder of the line stays text."""


class LeakedCall(msgspec.Struct, frozen=True):
    """One call found in the text; `arguments` is JSON text."""

    name: str
    arguments: str


class LeakedCalls:
    """Finds the leaked calls of one answer. `tools` are the request's: other names are not calls."""

    def __init__(self, tools: tuple[ToolDef, ...]) -> None:
        self.is_idle = True
        """Whether nothing is held: text without the first character of a notation passes unchanged."""
        self._tools = {tool.name: tool.parameters for tool in tools}
        self._held: list[str] = []
        self._tail = ""
        self._notation: _Notation | None = None
        self._code = _CodeState()

    def feed(self, piece: str, shown: bytearray) -> list[str | LeakedCall]:
        """Return text and calls in order; `shown` is the text so far. Text is held from the start of a notation on."""
        found: list[str | LeakedCall] = []
        while piece:
            piece = self._inside(found, piece) if self._notation else self._outside(found, piece, shown)
        self.is_idle = not self._held
        return found

    def flush(self) -> str:
        """Return the held text, at the end of the answer."""
        held, self._held, self._notation, self.is_idle = "".join(self._held), [], None, True
        return held

    def _outside(self, found: list[str | LeakedCall], piece: str, shown: bytearray) -> str:
        text = self.flush() + piece
        position = 0
        for at, notation in _openings(text):
            before = "".join(each for each in found if isinstance(each, str)) + text[position:at]
            if self._code.is_in_code(shown, before):
                continue
            if at > position:
                found.append(text[position:at])
            self._notation, self._held, self._tail = notation, [notation.opening], ""
            return text[at + len(notation.opening) :]
        held = _held_size(text)
        if held:
            self._held = [text[-held:]]
        if text[: len(text) - held]:
            found.append(text[: len(text) - held])
        return ""

    def _inside(self, found: list[str | LeakedCall], piece: str) -> str:
        assert self._notation is not None
        closing = self._notation.closing
        seen = self._tail + piece
        end = seen.find(closing)
        if end < 0:
            self._held.append(piece)
            self._tail = seen[-len(closing) + 1 :]
            return ""
        end += len(closing) - len(self._tail)
        self._held.append(piece[:end])
        notation, block = self._notation, self.flush()
        inner = block[len(notation.opening) : -len(closing)]
        try:
            found.extend(self._calls(notation.decode(inner)) or [block])
        except RecursionError:  # tags or JSON that nest too deeply for arguments
            found.append(block)
        return piece[end:]

    def _calls(self, decoded: list[tuple[str, dict[str, Any]]] | None) -> list[LeakedCall]:
        if not decoded or any(name not in self._tools for name, _ in decoded):
            return []
        return [LeakedCall(name, _json(arguments, self._tools[name])) for name, arguments in decoded]


class _Notation(msgspec.Struct, frozen=True):
    opening: str
    closing: str
    decode: Callable[[str], list[tuple[str, dict[str, Any]]] | None]


def _decode_m2(text: str) -> list[tuple[str, dict[str, Any]]] | None:
    calls = []
    for name, inner in _pairs(_M2_CALL, text):
        values = dict(_pairs(_M2_VALUE, inner))
        if not name or None in values:
            return None
        calls.append((name, values))
    return None if any(name is None for name, _ in calls) else calls


def _pairs(pattern: re.Pattern[str], text: str) -> Iterator[tuple[Any, Any]]:
    """Yield the pairs of a pattern that covers all of the text; a pair of None for text that it does not cover."""
    position = 0
    while position < len(text):
        found = pattern.match(text, position)
        if found is None:
            if text[position:].strip():
                yield None, ""
            return
        yield found[1], found[2]
        position = found.end()


class _Node:
    def __init__(self, name: str, tool: str = "") -> None:
        self.name, self.tool, self.text = name, tool, ""
        self.children: list[_Node] = []

    def value(self) -> Any:
        if not self.children:
            return self.text
        if {child.name for child in self.children} == {"item"}:
            return [child.value() for child in self.children]
        return {child.name: child.value() for child in self.children}


def _decode_m3(text: str) -> list[tuple[str, dict[str, Any]]] | None:
    root = _Node("")
    stack = [root]
    before, *pieces = text.split(_MARK)
    for piece in pieces:
        tag = _TAG.match(piece)
        if tag is None:
            return None
        closes, name, tool = tag.groups()
        if closes:
            if len(stack) < 2 or stack.pop().name != name:
                return None
        else:
            stack.append(_Node(name, tool or ""))
            stack[-2].children.append(stack[-1])
            stack[-1].text = piece[tag.end() :]
    if len(stack) > 1 or before.strip() or any(call.name != "invoke" or not call.tool for call in root.children):
        return None
    return [(call.tool, {each.name: each.value() for each in call.children}) for call in root.children]


_NOTATIONS = (
    _Notation("<minimax:tool_call>", "</minimax:tool_call>", _decode_m2),
    _Notation(f"{_MARK}<tool_call>", f"{_MARK}</tool_call>", _decode_m3),
)
_OPENING = re.compile("|".join(re.escape(notation.opening) for notation in _NOTATIONS))


def _openings(text: str) -> Iterator[tuple[int, _Notation]]:
    for found in _OPENING.finditer(text):
        yield found.start(), next(each for each in _NOTATIONS if each.opening == found[0])


def _held_size(text: str) -> int:
    """Return the length of the longest end of the text that may be the beginning of a notation."""
    longest = max(len(notation.opening) for notation in _NOTATIONS) - 1
    sizes = range(min(longest, len(text)), 0, -1)
    return next((size for size in sizes if any(each.opening.startswith(text[-size:]) for each in _NOTATIONS)), 0)


def _json(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    with suppress(AttributeError, TypeError):  # raised for a schema that is not valid, which some servers accept
        known = schema.get("properties", {})
        arguments = {name: _typed(value, known.get(name, {}), schema) for name, value in arguments.items()}
    return msgspec.json.encode(arguments).decode()


def _typed(value: Any, schema: Any, root: Mapping[str, Any]) -> Any:
    """Convert a value to the type of its schema. Text that may have another type is decoded if it is JSON."""
    if isinstance(value, str) and not (schema and "string" in accepted_types(schema, root)):
        with suppress(*UNREADABLE):
            value = msgspec.json.decode(value)
    return fitted(value, schema, root)


class _CodeState:
    """Determines whether a position is inside a code fence, or after an unclosed backtick of its line."""

    def __init__(self) -> None:
        self._text: bytearray | None = None
        self._read = self._looks = 0
        self._fence = ""

    def is_in_code(self, shown: bytearray, more: str) -> bool:
        """Return whether the position after `shown`, the text so far, and `more` is in code. Lines are read once."""
        if self._text is not shown:
            self._text, self._read, self._looks, self._fence = shown, 0, 0, ""
        unread = shown[self._read :].decode()
        lines, newline, line = unread.rpartition("\n")
        if newline:
            self._fence = _fence_behind(self._fence, lines)
            self._read += len((lines + newline).encode())
            self._looks = 0
        self._looks += 1
        if self._looks > MOST_LOOKS:
            return True
        lines, _, line = (line + more).rpartition("\n")
        if _fence_behind(_fence_behind(self._fence, lines), line):
            return True
        open_run = ""
        for run in _TICKS.findall(line):
            open_run = "" if run == open_run else open_run or run
        return bool(open_run)


def _fence_behind(fence: str, lines: str) -> str:
    """Return the fence that is open after some lines, "" for none."""
    for mark in _FENCE.findall(lines):
        if not fence:
            fence = mark
        elif mark.startswith(fence):
            fence = ""
    return fence
