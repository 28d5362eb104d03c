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
        self.is_idle = True
        """Text without a "<" passes as it is: nothing is held, and no tag is open or has just been closed."""
        self._expected: tuple[str, ...] = _EITHER
        self._held = ""
        self._spaces: list[str] = []  # behind thinking; in pieces, so that many of them do not cost their square
        self._after_tag = False

    @property
    def _thinking(self) -> bool:
        return self._expected is _TO_CLOSE

    def feed(self, piece: str) -> list[Run]:
        """Return what is certain: a tail that may be part of a tag, or space before a closing one, is held back."""
        text = self._held + piece
        runs: list[Run] = []
        start = 0
        while found := _TAGS[self._expected].search(text, start):
            self._add(runs, self._thinking or found[0] == CLOSING, text[start : found.start()])
            self._spaces.clear()
            self._expected = _TO_CLOSE if found[0] == OPENING else _TO_OPEN
            self._after_tag = True
            start = found.end()
        end = self._end_of_certain_part(text, start)
        self._held = text[end:]
        self._add(runs, self._thinking, text[start:end])
        self.is_idle = not (self._thinking or self._held or self._after_tag)
        return runs

    def flush(self) -> list[Run]:
        """Return what is held, at the end of the answer."""
        runs: list[Run] = []
        self._add(runs, self._thinking, self._held)
        self._held = ""
        return runs

    def _add(self, runs: list[Run], is_thinking: bool, text: str) -> None:
        if self._after_tag:
            text = text.lstrip()
            self._after_tag = not text
        if is_thinking:
            said = text.rstrip()
            self._spaces.append(text[len(said) :])
            if said:
                said = "".join((*self._spaces[:-1], said))
                del self._spaces[:-1]
            text = said
        if text:
            runs.append((is_thinking, text))

    def _end_of_certain_part(self, text: str, start: int) -> int:
        tail = text.rfind("<", start)
        return tail if tail >= 0 and any(tag.startswith(text[tail:]) for tag in self._expected) else len(text)
