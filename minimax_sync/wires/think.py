"""Take `<think>...</think>` out of the text of servers that send thinking inside it, however deltas split the tags."""

from __future__ import annotations

import re

OPENING, CLOSING = "<think>", "</think>"

_EITHER, _TO_OPEN, _TO_CLOSE = (OPENING, CLOSING), (OPENING,), (CLOSING,)
_TAGS: dict[tuple[str, ...], re.Pattern[str]] = {
    tags: re.compile("|".join(tags)) for tags in (_EITHER, _TO_OPEN, _TO_CLOSE)
}

Run = tuple[bool, str]
"""Whether it is thinking, and the text."""


class ThinkSplitter:
    """Split one answer's text. Whitespace around thinking belongs to neither side.

    A tag that is never closed makes all that follows thinking. A closing tag without an opening one, as from servers
    whose chat template opens it in the prompt, makes thinking of all text before it that has not been handed out yet.
    """

    def __init__(self) -> None:
        self._expected: tuple[str, ...] = _EITHER
        self._held = ""
        self._after_tag = False

    @property
    def _thinking(self) -> bool:
        return self._expected is _TO_CLOSE

    def feed(self, piece: str) -> list[Run]:
        """Return what is certain: a tail that may be part of a tag, or space before a closing one, is held back."""
        text = self._held + piece
        runs: list[Run] = []
        while found := _TAGS[self._expected].search(text):
            before, text = text[: found.start()], text[found.end() :]
            if found[0] == OPENING:
                self._add(runs, self._thinking, before)
                self._expected = _TO_CLOSE
            else:
                self._add(runs, True, before.rstrip())
                self._expected = _TO_OPEN
            self._after_tag = True
        certain = self._certain_part(text)
        self._held = text[len(certain) :]
        self._add(runs, self._thinking, certain)
        return runs

    def flush(self) -> list[Run]:
        """Return what is held, at the end of the answer."""
        runs: list[Run] = []
        self._add(runs, self._thinking, self._held.rstrip() if self._thinking else self._held)
        self._held = ""
        return runs

    def _add(self, runs: list[Run], is_thinking: bool, text: str) -> None:
        if self._after_tag:
            text = text.lstrip()
            self._after_tag = not text
        if text:
            runs.append((is_thinking, text))

    def _certain_part(self, text: str) -> str:
        start = text.rfind("<")
        if start >= 0 and any(tag.startswith(text[start:]) for tag in self._expected):
            text = text[:start]
        return text.rstrip() if self._thinking else text
