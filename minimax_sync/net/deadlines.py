"""`Deadlines`: the time limits of one exchange, and the facts known about it so far.

Applies the limits to sockets. Knows urllib3's `Timeout` for the reason given below, and nothing about HTTP.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from contextlib import suppress
from http.client import HTTPResponse
from typing import Any

from urllib3 import Timeout

MAX_HEAD = 1024 * 1024


class Deadlines(Timeout):
    """The time limits of one exchange, in seconds, and its state.

    It is a `urllib3.Timeout` because that is the one argument that `requests.adapters.HTTPAdapter.send` passes to the
    connection pool unchanged. A stock pool reads its timeouts from here, and `read_timeout` only after it has sent the
    request. `sent` and `reused` are None while they are not known.
    """

    def __init__(
        self, deadline: float, idle_timeout: float, connect_timeout: float, first_byte_timeout: float | None = None
    ) -> None:
        super().__init__()
        self.deadline = deadline
        self.idle_timeout = idle_timeout
        self.first_byte_timeout = idle_timeout if first_byte_timeout is None else first_byte_timeout
        self.connect_deadline = min(deadline, time.monotonic() + connect_timeout)
        self.sent: bool | None = None
        self.reused: bool | None = None
        self.answered = False
        self.waits_for_answer = False  # the request is out, and no byte of the final answer has come
        self.tracked = False  # by one of our own connections
        self.answer: HTTPResponse | None = None  # as http.client reads it, on such a connection
        self.head_left: float = MAX_HEAD  # bytes; inf after the head. http.client reads interim answers without limit
        self._sock: socket.socket | None = None
        self._sock_lock = threading.Lock()

    def clone(self) -> Deadlines:
        return self

    def start_connect(self) -> float:
        return time.monotonic()

    @property
    def connect_timeout(self) -> float:
        caller = sys._getframe(1)
        if caller.f_code.co_name == "urlopen":  # urllib3 has just chosen a connection, and reports it nowhere else
            connection: Any = caller.f_locals.get("conn")
            self.reused = None if connection is None else not connection.is_closed
            self.sent = None
        return max(self.connect_deadline - time.monotonic(), 0.001)

    @property
    def read_timeout(self) -> float:
        self.sent = True
        return max(min(self.deadline - time.monotonic(), self.first_byte_timeout), 0.001)

    def silence(self) -> float:
        """Return the longest silence allowed now."""
        return self.first_byte_timeout if self.waits_for_answer else self.idle_timeout

    def arm(self, sock: socket.socket) -> None:
        """Limit the next operation on `sock` to the time that is left; TimeoutError when none is."""
        left = (self.connect_deadline if self.sent is False else self.deadline) - time.monotonic()
        if left <= 0:
            raise TimeoutError
        silence = self.first_byte_timeout if self.waits_for_answer else self.idle_timeout
        if left > silence:
            left = silence
        if sock.gettimeout() != left:  # setting it is a system call that releases the GIL
            sock.settimeout(left)

    def hold(self, sock: socket.socket | None) -> None:
        """Set the socket that the exchange waits on, or None after it was released."""
        with self._sock_lock:
            self._sock = sock

    def wake(self) -> None:
        """End the wait on the socket, from any thread."""
        with self._sock_lock:
            if self._sock is not None:
                shut_down(self._sock)

    def end(self) -> None:
        """End the exchange, from any thread: its wait on the socket, and each operation that would follow."""
        self.deadline = self.connect_deadline = time.monotonic()
        self.wake()

    def describe_timeout(self) -> str:
        """Name the limit that has passed."""
        if time.monotonic() >= self.deadline:
            return "the call's timeout passed"
        return f"the server was silent for {self.silence():g} s"


def shut_down(sock: Any) -> None:
    """Shut a socket down, which ends every wait on it. It may already be closed, or belong to gevent or eventlet.

    Below TLS, whose own shutdown drops the state that a reading thread still uses.
    """
    with suppress(OSError):
        sock = getattr(sock, "socket", sock)  # TLS inside TLS
        if isinstance(sock, socket.SocketType):
            socket.SocketType.shutdown(sock, socket.SHUT_RDWR)
        else:
            sock.shutdown(socket.SHUT_RDWR)
