"""`GrowingThought`: thinking that arrives as deltas, or, from M3, as snapshots that each repeat all text so far.

Captures of M2.5 and M2.7 hold deltas (ENTERPILOT/GoModel), the official sample code takes `text[len(buffer):]`, and M3
was seen to send snapshots (can1357/oh-my-pi#2434). This module distinguishes the two, per run of thinking.
"""

from __future__ import annotations

_SIGNIFICANT = 8
"""Minimum characters of a repetition of all text so far that is not accidental, as "ha" before "haha" may be."""


class GrowingThought:
    """One run of thinking."""

    def __init__(self) -> None:
        self._written = bytearray()
        self._size = 0
        self._pieces = 0
        self._beginning = ""
        self._undecided: list[str] | None = []

    @property
    def text(self) -> str:
        """All text so far."""
        return self._written.decode() + "".join(self._undecided or ())

    def feed(self, piece: str) -> str:
        """Add a delta or a snapshot; return its new text. Early pieces may be held back until the kind is clear."""
        self._pieces += 1
        if self._undecided is not None and self._size:
            return self._judge(self._undecided, piece)
        size = self._size
        may_repeat = len(piece) > size or (len(piece) == size and self._pieces > 2)
        if size >= _SIGNIFICANT and may_repeat and piece.startswith(self._beginning) and piece.startswith(self.text):
            piece = piece[size:]
        return self._write(piece)

    def rest(self) -> str:
        """Return held text at the end: pieces whose kind never became clear are deltas."""
        held, self._undecided = self._undecided, None
        return self._write("".join(held or ()))

    def _judge(self, held: list[str], piece: str) -> str:
        """Hold pieces back while each begins with the one before, until one is long enough to be a snapshot."""
        last = held[-1] if held else self._beginning
        if len(piece) > len(last) and piece.startswith(last):
            if len(piece) < _SIGNIFICANT:
                held.append(piece)
                return ""
            held.clear()
            piece = piece[self._size :]
        self._undecided = None
        return self._write("".join((*held, piece)))

    def _write(self, piece: str) -> str:
        self._written += piece.encode()
        self._size += len(piece)
        if len(self._beginning) < _SIGNIFICANT:
            self._beginning += piece
            if len(self._beginning) >= _SIGNIFICANT:
                self._undecided = None
        return piece
