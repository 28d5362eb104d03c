"""`Reply`: an answer whose body one thread reads, decoded and within limits, and which any thread may close.

Contains the size limits, closing, and the errors that end a body; urllib3 reads and decodes. Knows nothing of how the
request was sent.
"""

from __future__ import annotations

import http.client
import os
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress

from urllib3 import HTTPResponse, exceptions

from ..errors import CallTimeoutError, LlmError, ResponseFormatError, TransportError
from ..tracebacks import bare_os_error, causes, sealed
from .chunked import ChunkedBody
from .connections import RECEIVE_SIZE
from .deadlines import Deadlines, shut_down

DEFAULT_LIMIT = 32 * 1024 * 1024
DRAIN_SIZE = 64 * 1024
DRAIN_TIME = 0.5

FAILURES = (OSError, exceptions.HTTPError, http.client.HTTPException, ValueError)
"""The exceptions of sockets, urllib3 and http.client while an answer is read."""


class Reply:
    """An answer whose status and headers have arrived and whose body has not been read.

    One thread reads at a time. Any thread may call `close`, which ends the wait of the reading thread. `deadline` (a
    monotonic instant) and `idle_timeout` (seconds) may be changed and apply to the next read. Before the first byte of
    the body the longest silence is that before the head, because a gateway may send the head at once.
    """

    def __init__(self, status: int, headers: Mapping[str, str], raw: HTTPResponse, limits: Deadlines) -> None:
        self.status = status
        self.headers = headers
        self.body: bytes | None = None
        """The whole body, once `read` has returned it."""
        self.deadline = limits.deadline
        self.idle_timeout = limits.idle_timeout
        self._raw = raw
        self._limits = limits
        self._encoded = "content-encoding" in headers
        answer = limits.answer
        self._chunks = ChunkedBody(answer) if answer is not None and answer.chunked and not self._encoded else None
        self._received = 0
        self._ended = False
        self._closed = False
        self._broken = False
        self._pid = os.getpid()
        self._reading = threading.Lock()

    @sealed
    def read(self, limit: int = DEFAULT_LIMIT) -> bytes:
        """Return the whole decoded body; the connection goes back to its pool.

        ResponseFormatError when it is longer than `limit` bytes, TransportError when it was cut, or closed during the
        read, CallTimeoutError when it did not come in time.
        """
        pieces, size = [], 0
        while piece := self.read1():
            size += len(piece)
            if size > limit:
                self.close()
                raise ResponseFormatError(f"the answer is longer than {limit} bytes", status=self.status)
            pieces.append(piece)
        if not self._ended:
            raise TransportError("the answer was closed before it was read", status=self.status)
        self.body = b"".join(pieces)
        return self.body

    def read1(self) -> bytes:
        """Return the next decoded bytes, at most 64 KiB, as soon as they arrive; b"" at the end and after `close`."""
        fault, cause, data = None, None, b""
        with self._reading:
            try:
                data = self._read_some()
            except FAILURES as error:
                fault, cause = self._fault(error), bare_os_error(error)
                self._raw.close()
            except BaseException:
                self._raw.close()
                raise
        if self._closed:
            self.close()
            return b""
        if fault is not None:
            self._broken = True
            raise fault from cause
        return data

    def finish(self) -> None:
        """Read up to 64 KiB more, for half a second, so that the connection can be reused; else close it."""
        self.deadline = min(self.deadline, time.monotonic() + DRAIN_TIME)
        left = DRAIN_SIZE
        try:
            with self._reading, suppress(*FAILURES):
                while left > 0 and (data := self._read_some()):
                    left -= len(data)
        finally:
            self.close()

    def close(self) -> None:
        """Close the connection immediately, unless the body was read to its end. From any thread; may be repeated."""
        self._closed = True
        if not self._ended and self._pid == os.getpid():  # a forked child must not shut down its parent's connection
            self._wake()
        if self._reading.acquire(blocking=False):  # else the thread that reads closes as soon as it is awake
            try:
                with suppress(*FAILURES):
                    self._raw.close()
                    self._raw.release_conn()
            finally:
                self._reading.release()

    def drop(self) -> None:
        """Close without reading; the body counts as empty."""
        self.close()
        self._ended = True

    def _read_some(self) -> bytes:
        if self._closed or self._ended:
            return b""
        if self._broken:
            raise ConnectionAbortedError
        limits = self._limits
        limits.deadline = self.deadline
        limits.idle_timeout = self.idle_timeout if self._received else max(self.idle_timeout, limits.first_byte_timeout)
        if not limits.tracked:
            self._arm_stock_connection()
        if self._chunks is None:
            data = self._raw.read1(RECEIVE_SIZE, decode_content=self._encoded)
        else:
            data = self._chunks.read1() or self._end_of(self._chunks)
        self._received += len(data)
        is_all = not data or (self._raw.length_remaining == 0 and not self._encoded)
        self._ended = is_all and not self._closed
        return data

    def _end_of(self, chunks: ChunkedBody) -> bytes:
        if chunks.has_surplus:
            self._raw.close()
        else:
            self._raw.release_conn()
        return b""

    def _arm_stock_connection(self) -> None:
        """Limit the next read on a stock connection, through its socket if that can be reached."""
        connection = self._raw.connection
        if connection is None:
            return
        if connection.sock is not None:
            self._limits.arm(connection.sock)
        elif self.deadline <= time.monotonic():
            raise TimeoutError

    def _wake(self) -> None:
        if self._limits.tracked:
            self._limits.wake()
        else:
            sock = getattr(self._raw.connection, "sock", None)
            if sock is not None:
                shut_down(sock)
                return
            no_socket = suppress(*FAILURES, AttributeError)
            with no_socket, socket.socket(fileno=os.dup(self._raw.fileno())) as copy:
                shut_down(copy)  # the connection has passed its socket to the answer

    def _fault(self, error: Exception) -> LlmError:
        for cause in causes(error):
            if isinstance(cause, (TimeoutError, exceptions.TimeoutError)):
                text = f"the answer is not complete: {self._limits.describe_timeout()}"
                return CallTimeoutError(text, sent=True, status=self.status)
            if isinstance(cause, (exceptions.DecodeError, http.client.LineTooLong)):
                text = f"the answer cannot be decoded: {type(cause).__name__}"
                return ResponseFormatError(text, status=self.status)
        return TransportError(f"the answer was cut off after {self._received} bytes", status=self.status)
