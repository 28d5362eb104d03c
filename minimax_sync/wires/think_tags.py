"""`ThinkSplitter` separates thinking in tags from the text of an answer, however deltas split the tags.

Tags count only at the beginning of an answer; later ones are text about tags. A closing tag without an opening one ends
thinking only if it is alone on its line, as after a chat template that opens the tag in the prompt.
"""

from __future__ import annotations

import re

TAGS = ("think", "mm:think", "thinking")
"""`<think>` is M2's, `<mm:think>` is vLLM's for M3 (vllm#46042)."""

_OPENINGS = tuple(f"<{tag}>" for tag in TAGS)
_CLOSINGS = tuple(f"</{tag}>" for tag in TAGS)
_CLOSING_LINE = rf"(?m)^[ \t]*(?:{'|'.join(_CLOSINGS)})[ \t]*$"
_BLANK = " \t"
_LOOK_BACK = 32
_MOST_HELD = 32
"""Characters; longer space around a tag is not searched, so that the cost stays linear in the deltas."""


TEXT, THINKING, RECLAIM = "text", "thinking", "reclaim"
"""The kinds of runs of text. RECLAIM: all text so far is thinking; the run itself is empty."""

Run = tuple[str, str]
"""A kind and a text."""


class ThinkSplitter:
    """Split one answer's text into runs. Whitespace around thinking belongs to neither side.

    A tag that is never closed makes all that follows thinking. `tag` is the name of the tag that was seen last.
    """

    def __init__(self) -> None:
        self.is_idle = False
        """Whether text without a "<" passes unchanged: nothing is held, and the answer's text has begun."""
        self.tag = TAGS[0]
        self.must_close = False
        """Whether only a closed tag counts, as when there is thinking in separate fields; its thinking is one run."""
        self._closing = ""  # of the open tag
        self._buffer: list[str] | None = None  # the text since an opening tag that must be closed
        self._at_start = True
        self._after_thinking = False
        self._can_reclaim = True
        self._held = ""
        self._spaces: list[str] = []  # after thinking; in pieces, so that the cost stays linear in their number

    def feed(self, piece: str, shown: bytearray) -> list[Run]:
        """Return the runs that are certain; `shown` is the text so far. A possible part of a tag is held back."""
        runs: list[Run] = []
        text, self._held = self._held + piece, ""
        while text and not self._held:
            if self._closing:
                text = self._thinking(runs, text)
            elif self._at_start:
                text = self._start(text)
            else:
                text = self._text(runs, text, shown)
        self.is_idle = not (self._closing or self._at_start or self._held)
        return runs

    def flush(self, shown: bytearray) -> list[Run]:
        """Return the held runs, at the end of the answer."""
        runs: list[Run] = []
        held, self._held = self._held, ""
        if self._buffer is not None:
            runs.append((TEXT, "".join((f"<{self.tag}>", *self._buffer, held))))
            self._buffer, self._closing, self._at_start = None, "", False
        elif self._closing:
            self._think(runs, held)
        elif self._at_start:
            if held and not self._after_thinking:
                runs.append((TEXT, held))
        elif held:
            if self._can_reclaim and held.strip(_BLANK) in _CLOSINGS and self._line_begins(shown):
                self._reclaim(runs, "", shown)
            else:
                runs.append((TEXT, held))
        return runs

    def _start(self, text: str) -> str:
        """Look for an opening tag before any text; return the text that follows."""
        begun = text.lstrip()
        if self._after_thinking:
            text = begun
        is_partial = not begun or any(opening.startswith(begun) for opening in _OPENINGS)
        if is_partial and len(text) < _MOST_HELD:
            self._held = text
            return text
        for tag, opening in zip(TAGS, _OPENINGS, strict=True):
            if begun.startswith(opening):
                self.tag, self._closing = tag, f"</{tag}>"
                self._spaces = [""]
                self._buffer = [] if self.must_close else None
                return begun[len(opening) :]
        self._at_start = False
        return text

    def _thinking(self, runs: list[Run], text: str) -> str:
        end = text.find(self._closing)
        if end >= 0:
            if self._buffer is not None:
                inner, self._buffer = "".join((*self._buffer, text[:end])).strip(), None
                runs += [(THINKING, inner)] if inner else []
            else:
                self._think(runs, text[:end])
            rest = text[end + len(self._closing) :]
            self._closing, self._after_thinking, self._can_reclaim = "", True, False
            return rest
        tail = text.rfind("<")
        if tail < 0 or not self._closing.startswith(text[tail:]):
            tail = len(text)
        if self._buffer is not None:
            self._buffer.append(text[:tail])
        else:
            self._think(runs, text[:tail])
        self._held = text[tail:]
        return self._held

    def _think(self, runs: list[Run], text: str) -> None:
        if self._spaces == [""]:  # right behind the tag
            text = text.lstrip()
            if not text:
                return
        kept = text.rstrip()
        self._spaces.append(text[len(kept) :])
        if kept:
            runs.append((THINKING, "".join((*self._spaces[:-1], kept))))
            del self._spaces[:-1]
            self._spaces.append("")

    def _text(self, runs: list[Run], text: str, shown: bytearray) -> str:
        if self._after_thinking or not self._can_reclaim or "<" not in text:
            runs.append((TEXT, text))
            return ""
        begins = self._line_begins(shown)
        for found in re.finditer(_CLOSING_LINE, text):
            if found.start() == 0 and not begins:
                continue
            if found.end() == len(text):
                break  # its line may go on
            self._reclaim(runs, text[: found.start()], shown)
            return text[found.end() :]
        line_start = text.rfind("\n") + 1
        line = text[line_start:].lstrip(_BLANK)
        may_be_tag = (
            line.startswith("<")
            and len(line) < _MOST_HELD
            and any(closing.startswith(line) or line.rstrip(_BLANK) == closing for closing in _CLOSINGS)
        )
        if not (may_be_tag and (line_start > 0 or begins)):
            line_start = len(text)
        if line_start:
            runs.append((TEXT, text[:line_start]))
        self._held = text[line_start:]
        return self._held

    def _line_begins(self, shown: bytearray) -> bool:
        tail = bytes(shown[-_LOOK_BACK:])
        line = tail.rpartition(b"\n")[2]
        return not line.strip() and (b"\n" in tail or len(shown) < _LOOK_BACK)

    def _reclaim(self, runs: list[Run], before: str, shown: bytearray) -> None:
        """Turn all text so far into thinking, and start over."""
        if shown:
            if before:
                runs.append((TEXT, before))
            runs.append((RECLAIM, ""))
        elif before.strip():
            runs.append((THINKING, before.strip()))
        self._can_reclaim, self._after_thinking, self._at_start = False, True, True
