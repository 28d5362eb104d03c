"""Connections that obey a trace: every wait on their sockets, to connect, send or receive, is cut to its limits.

Connecting is urllib3's, and bodies are http.client's; this is what lies between them and the socket. Knows nothing of
pools.
"""

from __future__ import annotations

import errno
import http.client
import io
import os
import socket
import weakref
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from math import inf
from typing import Any, cast

from urllib3 import HTTPConnectionPool, HTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.connection import allowed_gai_family

from .deadlines import Trace
from .head import Answer, request_head

RECEIVE_SIZE = 64 * 1024
SEND_SIZE = 256 * 1024

_ANSWERED_EARLY = (errno.EPIPE, errno.ECONNRESET, errno.EPROTOTYPE)  # the last on macOS


class SocketReader(io.RawIOBase):
    """The receiving half of a socket under a trace; http.client takes it for the socket and makes its file of it."""

    def __init__(self, trace: Trace, sock: socket.socket) -> None:
        self._trace = trace
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)  # keeps the socket open when its connection is closed before

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        trace = self._trace
        trace.arm(self._sock)
        count = self._sock.recv_into(buffer)
        if count:
            trace.answered = True
            trace.head_left -= count
            if trace.head_left < 0:
                raise http.client.LineTooLong("head")
        elif trace.head_left != inf:  # http.client takes this for the end of the headers
            raise ConnectionAbortedError("the connection was closed before the head was complete")
        return count

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self, RECEIVE_SIZE)

    def close(self) -> None:
        self._file.close()
        super().close()


class Connection(HTTPConnection):
    """A connection that obeys the trace of its exchange in all it does, and closes itself when it is dropped."""

    trace: Trace
    response_class: Any
    debuglevel = 0  # whoever sets http.client's would have it print the bearer
    idle_since = 0.0

    def begin(self, trace: Trace) -> None:
        """Serve the exchange of `trace` from here on."""
        self.trace = trace
        self.response_class = partial(_answer_on, trace)  # for the proxy's answer, too, which http.client reads

    def connect(self) -> None:
        super().connect()
        _sockets.add(self.sock)
        self.trace.answered = False  # that was the proxy

    def _new_conn(self) -> socket.socket:
        """Connect to the first address that answers; none may use up the time of those after it."""
        addresses = socket.getaddrinfo(self._dns_host, self.port, allowed_gai_family(), socket.SOCK_STREAM)
        for i, (family, kind, protocol, _, address) in enumerate(addresses):
            sock = socket.socket(family, kind, protocol)
            try:
                for option in self.socket_options or ():
                    sock.setsockopt(*option)
                self.trace.arm(sock)
                sock.settimeout((sock.gettimeout() or 0.0) / (len(addresses) - i))
                sock.connect(address)
                self.trace.arm(sock)
            except BaseException as error:
                sock.close()
                if not isinstance(error, OSError) or i + 1 == len(addresses):
                    raise
            else:
                return sock
        raise OSError("the host has no address")

    def ask(self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]) -> None:
        """Send a request. A server may answer and close before it has read all of it."""
        pieces = [request_head(method, target, headers)]
        if body:
            pieces.append(body)
        self.trace.sent = True
        self.trace.arm(self.sock)
        try:
            self._send_all(pieces)
        except OSError as error:
            if error.errno not in _ANSWERED_EARLY:
                raise

    def answer(self, method: str, pool: HTTPConnectionPool) -> HTTPResponse:
        """Read the head of the answer, which gives the connection back to the pool when its body is read."""
        answer: Answer = self.response_class(self.sock, method)
        try:
            answer.begin()
        except BaseException:
            answer.close()
            raise
        self.trace.head_left = inf
        if answer.will_close:
            self.close()
        return HTTPResponse(
            answer,
            answer.fields,
            answer.status,
            answer.version,
            reason=answer.reason,
            preload_content=False,
            original_response=answer,
            pool=pool,
            connection=self,
        )

    def _send_all(self, pieces: list[bytes]) -> None:
        """Send head and body at a stroke, without a copy that joins them."""
        sent = self.sock.sendmsg(pieces)
        for piece in pieces:
            if sent < len(piece):
                self.send(memoryview(piece)[sent:])
            sent = max(0, sent - len(piece))

    def send(self, data: Any) -> None:
        view = memoryview(data)
        while view:
            self.trace.arm(self.sock)
            view = view[self.sock.send(view[:SEND_SIZE]) :]

    def __del__(self) -> None:
        if self.sock is not None:
            self.close()


def _answer_on(trace: Trace, sock: socket.socket, method: str) -> Answer:
    trace.hold(sock)
    trace.answer = Answer(cast(socket.socket, SocketReader(trace, sock)), method=method)
    return trace.answer


class SecureConnection(Connection, HTTPSConnection):
    """The same over TLS, which knows no sending of several pieces."""

    def _send_all(self, pieces: list[bytes]) -> None:
        if sum(len(piece) for piece in pieces) <= SEND_SIZE:
            pieces = [b"".join(pieces)]
        for piece in pieces:
            self.send(piece)


_sockets: weakref.WeakSet[Any] = weakref.WeakSet()


def abandon(sock: Any) -> None:
    """Close this process's copy of a socket, with no word to the peer, who still talks to the parent."""
    sock = getattr(sock, "socket", sock)  # TLS inside TLS
    with suppress(OSError):
        os.close(sock.detach())


def _abandon_all() -> None:
    for sock in list(_sockets):
        abandon(sock)


os.register_at_fork(after_in_child=_abandon_all)
