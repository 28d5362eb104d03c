"""Read the chunked body of an answer: each read returns all chunks that have arrived.

http.client returns one chunk per read and urllib3 wraps each read again. A stream has a chunk per token, so this
framing alone was two thirds of the cost of a token (64 function calls, 22 without). Knows nothing of sockets or heads.
"""

from __future__ import annotations

import http.client

READ_SIZE = 8 * 1024
"""Smaller than one receive: all data decoded from one read is in memory at the same time, several times larger."""

MAX_LINE = 16 * 1024


class ChunkedBody:
    """The body of a chunked answer of http.client; nothing else may read from it. For one thread at a time."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.has_surplus = False
        """Bytes followed the end: the connection must not be reused."""
        self._answer = answer
        self._file = answer.fp
        self._line = b""  # the beginning of a line whose end has not come
        self._left = 0  # bytes that the current chunk still has
        self._skip = 0  # bytes of its line end that are still to come
        self._in_trailer = self._ended = False

    def read1(self) -> bytes:
        """Return the next bytes as soon as there are any, b"" at the end. Raises IncompleteRead if the body is cut."""
        while not self._ended:
            data = self._file.read1(READ_SIZE)
            if not data:
                raise http.client.IncompleteRead(b"")
            body = self._without_framing(data)
            if body:
                return body
        return b""

    def _without_framing(self, data: bytes) -> bytes:
        if self._line:
            data, self._line = self._line + data, b""
        pieces = []
        at, size = 0, len(data)
        while at < size:
            if self._left:
                piece = data[at : at + self._left]
                pieces.append(piece)
                self._left -= len(piece)
                at += len(piece)
            elif self._skip:
                at += 1
                self._skip -= 1
            else:
                end = data.find(b"\n", at)
                if end < 0:
                    self._keep(data[at:])
                    break
                self._take_line(data[at:end])
                at = end + 1
                if self._ended:
                    self.has_surplus = at < size
                    break
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _keep(self, line: bytes) -> None:
        if len(line) > MAX_LINE:
            raise http.client.LineTooLong("chunk")
        self._line = line

    def _take_line(self, line: bytes) -> None:
        if not self._in_trailer:
            self._left = int(line.partition(b";")[0], 16)
            if self._left < 0:
                raise http.client.HTTPException("a chunk has a negative size")
            self._skip = 2 if self._left else 0
            self._in_trailer = not self._left
        elif not line.rstrip(b"\r"):
            self._ended = True
            self._answer.close()
