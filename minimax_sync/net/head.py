"""The heads of requests and answers: first line and header fields, each byte looked at once.

http.client writes a head field by field and has one parsed by email's parser, as if it were a mail: decoded, joined,
split and parsed again, together a fifth of what a small call costs. What follows the head, and closing, stay
http.client's. Knows nothing of sockets: the size of all heads together is bounded by what they are read from.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping

from urllib3 import HTTPHeaderDict

MAX_LINE = 64 * 1024
MAX_FIELDS = 100
MAX_DIGITS = 20


def request_head(method: str, target: str, fields: Mapping[str, str]) -> bytes:
    """Write the head of a request whose fields were checked: none holds a line's end, all are latin-1."""
    lines = [f"{method} {target} HTTP/1.1", *[f"{name}: {value}" for name, value in fields.items()], "", ""]
    return "\r\n".join(lines).encode("latin-1")


class Answer(http.client.HTTPResponse):
    """An answer of http.client that reads its head by itself; `fields` are the header fields."""

    fields: HTTPHeaderDict
    _method: str

    def begin(self) -> None:
        """Read the head and decide how the body ends. Raises HTTPException when it is none of HTTP/1."""
        status = self._read_status_line()
        while status == http.client.CONTINUE:
            self._read_fields()
            status = self._read_status_line()
        if status < 200:  # what follows would be taken for the next answer
            raise http.client.BadStatusLine("interim")
        self.code = self.status = status
        self.fields = self._read_fields()
        self._frame()

    def _read_status_line(self) -> int:
        line = self._read_line()
        version, status, self.reason = (*line.split(None, 2), "", "", "")[:3]
        if not version.startswith("HTTP/1.") or len(status) != 3 or not status.isdecimal():
            raise http.client.BadStatusLine(line)
        self.version = 10 if version == "HTTP/1.0" else 11
        return int(status)

    def _read_fields(self) -> HTTPHeaderDict:
        lines: list[str] = []
        while line := self._read_line():
            if line[0] in " \t" and lines:  # a folded line: obsolete, and still sent by some
                lines[-1] += f" {line.strip()}"
            elif len(lines) < MAX_FIELDS:
                lines.append(line)
            else:
                raise http.client.HTTPException(f"the head has more than {MAX_FIELDS} fields")
        fields = HTTPHeaderDict()
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon:
                raise http.client.HTTPException("a line of the head is no field")
            fields.add(name, value.strip(" \t"))
        return fields

    def _read_line(self) -> str:
        line = self.fp.readline(MAX_LINE + 1)
        if len(line) > MAX_LINE:
            raise http.client.LineTooLong("head")
        return line.decode("latin-1").rstrip("\r\n")

    def _frame(self) -> None:
        """Say how the body ends, and whether the connection may serve again (RFC 9112, 6.3 and 9.3)."""
        fields = self.fields
        self.chunked = fields.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = self.length = None
        length = fields.get("content-length", "").partition(",")[0]  # urllib3 refuses several that differ
        if self.status in (http.client.NO_CONTENT, http.client.NOT_MODIFIED) or self._method == "HEAD":
            self.length = 0
        elif length.isdecimal() and len(length) < MAX_DIGITS and not self.chunked:
            self.length = int(length)
        options = fields.get("connection", "").lower()
        persistent = "close" not in options and (self.version == 11 or "keep-alive" in options)
        self.will_close = not persistent or (self.length is None and not self.chunked)
