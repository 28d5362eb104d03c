"""The time limits of one exchange, and what becomes known of it on the way.

Owns deadlines on sockets. Knows urllib3's `Timeout` for the reason given below, and nothing of HTTP.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from http.client import HTTPResponse
from time import monotonic

from urllib3 import Timeout

MAX_HEAD = 1024 * 1024


class Trace(Timeout):
    """The time limits of one exchange, and what has become known of it.

    It is a `urllib3.Timeout` because that is the one argument that `requests.adapters.HTTPAdapter.send` hands on to
    the pool as it is. A pool that is not ours takes its timeouts from it, asking for `read_timeout` once the request
    has gone out. `sent` is None while nothing is known.
    """

    def __init__(self, deadline: float, idle_timeout: float, connect_timeout: float) -> None:
        super().__init__()
        self.deadline = deadline
        self.idle_timeout = idle_timeout
        self.connect_deadline = min(deadline, monotonic() + connect_timeout)
        self.sent: bool | None = None
        self.answered = False
        self.tracked = False  # by a connection of ours
        self.answer: HTTPResponse | None = None  # as http.client reads it, of such a connection
        self.head_left: float = MAX_HEAD  # bytes; inf after the head. http.client would read interim answers for ever
        self._sock: socket.socket | None = None
        self._sock_lock = threading.Lock()

    def clone(self) -> Trace:
        return self

    def start_connect(self) -> float:
        return monotonic()

    @property
    def connect_timeout(self) -> float:
        return max(self.connect_deadline - monotonic(), 0.001)

    @property
    def read_timeout(self) -> float:
        self.sent = True
        return max(min(self.deadline - monotonic(), self.idle_timeout), 0.001)

    def arm(self, sock: socket.socket) -> None:
        """Let the next operation on `sock` last no longer than is allowed; TimeoutError when nothing is left."""
        left = (self.connect_deadline if self.sent is False else self.deadline) - monotonic()
        if left <= 0:
            raise TimeoutError
        if left > self.idle_timeout:
            left = self.idle_timeout
        if sock.gettimeout() != left:  # setting it is a system call that lets other threads in
            sock.settimeout(left)

    def hold(self, sock: socket.socket | None) -> None:
        """Remember the socket that the exchange waits on, or with None that it has none any more."""
        with self._sock_lock:
            self._sock = sock

    def wake(self) -> None:
        """End the wait on the socket, from any thread."""
        with self._sock_lock:
            if self._sock is not None:
                # Below TLS, whose own shutdown takes the state away from under a thread that reads.
                sock = getattr(self._sock, "socket", self._sock)  # TLS inside TLS
                with suppress(OSError):
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def describe_timeout(self) -> str:
        """Say which limit it was that passed."""
        if monotonic() >= self.deadline:
            return "the call's timeout passed"
        return f"the server was silent for {self.idle_timeout:g} s"
