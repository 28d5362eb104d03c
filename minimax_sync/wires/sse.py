"""Server-sent events: bytes, however they are split, to events (WHATWG HTML, section 9.2.6). No I/O, no clock.

Lines end at CR, LF or CRLF and nowhere else; a CR ends its line immediately, without waiting for a LF that may never
come. The cost is linear in the bytes even if the reads are small, and both a line and an event are bounded. An event
without its blank line at the end of the input is dispatched only by `end`, which the caller uses if the input ended
cleanly.

Beyond the standard, a line `error: {...}`, as llama.cpp sends, and a line of bare JSON are data of an event.
"""

from __future__ import annotations

import re

import msgspec

from ..errors import ResponseFormatError

MAX_LINE_BYTES = 8 * 1024 * 1024
MAX_EVENT_BYTES = 16 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"


def is_event_stream(beginning: bytes) -> bool:
    """Return whether a body begins like an event stream, regardless of its content type."""
    return re.match(rb"(?:\xef\xbb\xbf)?[\r\n]*(?:data|event|id|retry|error)?:", beginning) is not None


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event. `data` is the UTF-8 as received; `text` replaces invalid bytes."""

    type: str
    data: bytes
    last_event_id: str = ""

    @property
    def text(self) -> str:
        """The data as text, with U+FFFD for invalid bytes."""
        return self.data.decode("utf-8", "replace")


class SseParser:
    """Turn the reads of one stream into events. Not thread-safe: one stream, one parser."""

    def __init__(self) -> None:
        self.reconnection_time_ms: int | None = None
        self.last_event_id = ""
        self._type = ""
        self._type_line = b""
        self._type_in_line = ""
        self._data: bytes | bytearray | None = None
        self._half_line = bytearray()
        self._after_cr = False
        self._at_start = True

    def feed(self, read: bytes) -> list[Event]:
        """Take the next bytes and return the events that they complete. Raises `ResponseFormatError` above a limit."""
        if self._at_start:
            read = self._without_bom(read)
        if self._after_cr and read:
            self._after_cr = False
            if read[0] == 0x0A:
                read = read[1:]
        lines = read.splitlines()
        if not lines:
            return []
        if read[-1] not in b"\r\n":
            rest = lines.pop()
            if not lines:
                self._keep(rest)
                return []
        else:
            rest = b""
            self._after_cr = read[-1] == 0x0D
        if self._half_line:
            self._keep(lines[0])
            lines[0] = bytes(self._half_line)
            self._half_line.clear()
        if rest:
            self._keep(rest)
        # This loop is on the hot path of every delta: the usual lines cost no call in it.
        events: list[Event] = []
        for line in lines:
            if line[:5] == b"data:":
                value = line[6:] if line[5:6] == b" " else line[5:]
                if self._data is None:
                    self._data = value
                else:
                    self._add_data(value)
            elif not line:
                if self._data is not None:
                    events.append(Event(self._type or "message", bytes(self._data), self.last_event_id))
                    self._data = None
                self._type = ""
            elif line == self._type_line:
                self._type = self._type_in_line
            else:
                self._other_field(line)
        return events

    def end(self) -> list[Event]:
        """Return a last event without its blank line; call it only if the input ended cleanly."""
        return self.feed(b"\n\n")

    def _without_bom(self, read: bytes) -> bytes:
        head = bytes(self._half_line) + read
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self._half_line[:] = head
            return b""
        self._half_line.clear()
        self._at_start = False
        return head.removeprefix(_BOM)

    def _keep(self, piece: bytes) -> None:
        self._half_line += piece
        if len(self._half_line) > MAX_LINE_BYTES:
            raise ResponseFormatError(f"a line of the stream is longer than {MAX_LINE_BYTES} bytes")

    def _add_data(self, value: bytes) -> None:
        """Add a data line to those of the event, in one buffer: a list of millions of short lines would outgrow it."""
        if self._data is None:
            self._data = value
            return
        if not isinstance(self._data, bytearray):
            self._data = bytearray(self._data)
        self._data += b"\n"
        self._data += value
        if len(self._data) > MAX_EVENT_BYTES:
            raise ResponseFormatError(f"an event of the stream is longer than {MAX_EVENT_BYTES} bytes")

    def _other_field(self, line: bytes) -> None:
        if line[:1] == b"{":
            self._add_data(line)
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"event":
            self._type = self._type_in_line = value.decode("utf-8", "replace")
            self._type_line = line
        elif name == b"data":
            self._add_data(value)
        elif name == b"error":
            self._type = "error"
            self._add_data(value)
        elif name == b"id" and b"\0" not in value:
            self.last_event_id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit() and len(value) < 16:
            self.reconnection_time_ms = int(value)
