"""Output: plain text in pipes, bold and dim text on terminals, and no control characters from a server.

Knows nothing of MiniMax.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TextIO

from .parser import PROGRAM

# The text of a model or a server could move the cursor, set the clipboard, or hide what was typed.
_CONTROLS = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether the stream is a terminal."""
    return stream is not None and stream.isatty()


def is_styled(stream: TextIO | None) -> bool:
    """Return whether the stream is a terminal that shows more than plain text."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


def printable(text: str) -> str:
    """Remove the control characters."""
    return text.translate(_CONTROLS)


def print_title(text: str) -> None:
    """Print the title of a section, after an empty line."""
    print(f"\n{bold(text)}")


def dim(text: str, stream: TextIO | None = None) -> str:
    return _styled(text, "2", stream)


def bold(text: str, stream: TextIO | None = None) -> str:
    return _styled(text, "1", stream)


def _styled(text: str, style: str, stream: TextIO | None) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if is_styled(stream or sys.stdout) else text


def complain(message: str) -> None:
    """Print an error on stderr, in one line."""
    if sys.stderr is not None:
        print(f"{PROGRAM}: {printable(' '.join(message.split()))}", file=sys.stderr, flush=True)


def os_error_text(error: OSError) -> str:
    """Return the file and the system's reason."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


def remark(message: str) -> None:
    """Print a remark on stderr, if that is a terminal."""
    if is_terminal(sys.stderr):
        print(dim(printable(message), sys.stderr), file=sys.stderr, flush=True)


def print_table(rows: Iterable[Sequence[str]], heading: Sequence[str] = ()) -> None:
    """Print rows in columns as wide as their longest cell, the last one ragged."""
    lines = [[printable(cell) for cell in row] for row in ([heading] if heading else []) + [*rows]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for number, line in enumerate(lines):
        text = "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        print(bold(text) if heading and not number else text)


def print_json(value: Any) -> None:
    """Print a value as one line of JSON, whatever the encoding of stdout."""
    encoding = getattr(sys.stdout, "encoding", None) or ""
    print(json.dumps(value, ensure_ascii=not encoding.lower().startswith("utf")))


def duration(seconds: float) -> str:
    """Return a time span in words: "1 h 58 min", "35 s"."""
    left = max(0, round(seconds))
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def instant(moment: datetime, now: datetime) -> str:
    """Return an instant in words: "2026-05-01 12:00:00 UTC, in 35 min"."""
    seconds = (moment - now).total_seconds()
    distance = f"in {duration(seconds)}" if seconds >= 0 else f"{duration(-seconds)} ago"
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC, {distance}"
