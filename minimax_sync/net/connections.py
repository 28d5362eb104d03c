"""Connections that obey `Deadlines`: every wait on their sockets, to connect, send or receive, is limited by them.

urllib3 connects, http.client parses heads and bodies; this module is the layer between them and the socket. Knows
nothing of pools.
"""

from __future__ import annotations

import codecs
import errno
import http.client
import io
import os
import socket
import ssl
import weakref
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from math import inf
from typing import Any, ClassVar, cast

from urllib3 import HTTPConnectionPool, HTTPHeaderDict, HTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.connection import allowed_gai_family

from .deadlines import Deadlines
from .forks import after_fork

RECEIVE_SIZE = 64 * 1024
SEND_SIZE = 256 * 1024

_ANSWERED_EARLY = (errno.EPIPE, errno.ECONNRESET, errno.ECONNABORTED, errno.EPROTOTYPE)  # the last on macOS

codecs.lookup("idna")  # else getaddrinfo imports it, and a child forked during the import would wait for it forever


def _keep_alive() -> list[tuple[int, int, int]]:
    """Return the socket options that find a dead peer: probes after 60 s of silence, given up after another 60 s."""
    values = {"TCP_KEEPIDLE": 60, "TCP_KEEPALIVE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
    known = [(getattr(socket, name), value) for name, value in values.items() if hasattr(socket, name)]
    return [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        *((socket.IPPROTO_TCP, option, value) for option, value in known),
    ]


SOCKET_OPTIONS = [*HTTPConnection.default_socket_options, *_keep_alive()]


class SocketReader(io.RawIOBase):
    """The receiving half of a socket under deadlines. http.client treats it as the socket and calls `makefile`."""

    def __init__(self, limits: Deadlines, sock: socket.socket) -> None:
        self._limits = limits
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)  # keeps the socket open when its connection is closed before

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        limits = self._limits
        limits.arm(self._sock)
        count = self._sock.recv_into(buffer)
        if count:
            limits.answered, limits.waits_for_answer = True, False
            limits.head_left -= count
            if limits.head_left < 0:
                raise http.client.LineTooLong("head")
        elif limits.head_left != inf and limits.answered:  # http.client would treat this as the end of the headers
            raise ConnectionAbortedError("the connection was closed before the head was complete")
        return count

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self, RECEIVE_SIZE)

    def close(self) -> None:
        self._file.close()
        super().close()


class Connection(HTTPConnection):
    """A connection that obeys the deadlines of its exchange, and is closed when it is garbage-collected."""

    limits: Deadlines
    response_class: Any
    sockets: ClassVar[weakref.WeakSet[Any]] = weakref.WeakSet()
    """The sockets of all connections: here, since the module's names are gone when a last one closes at exit."""
    debuglevel = 0  # http.client's, which a program may set, would print the bearer
    idle_since = 0.0

    def begin(self, limits: Deadlines) -> None:
        """Apply the limits of another exchange from now on."""
        self.limits = limits
        self.response_class = partial(_answer_on, limits)  # for the proxy's answer, too, which http.client reads

    def connect(self) -> None:
        super().connect()
        self.sockets.add(self.sock)
        self.limits.answered = False  # that was the proxy

    def close(self) -> None:
        sock = self.sock
        super().close()
        if sock is not None:
            self.sockets.discard(sock)

    def _new_conn(self) -> socket.socket:
        """Connect to the first address that answers; the time is divided among the addresses."""
        addresses = socket.getaddrinfo(self._dns_host, self.port, allowed_gai_family(), socket.SOCK_STREAM)
        for i, (family, kind, protocol, _, address) in enumerate(addresses):
            sock = socket.socket(family, kind, protocol)
            try:
                for option in self.socket_options or ():
                    sock.setsockopt(*option)
                self.limits.arm(sock)
                sock.settimeout((sock.gettimeout() or 0.0) / (len(addresses) - i))
                sock.connect(address)
                self.limits.arm(sock)
            except BaseException as error:
                sock.close()
                if not isinstance(error, OSError) or i + 1 == len(addresses):
                    raise
            else:
                return sock
        raise OSError("the host has no address")

    def send_request(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> None:
        """Send a request whose headers were checked. A server may answer and close before it has read all of it."""
        lines = [f"{method} {target} HTTP/1.1", *[f"{name}: {value}" for name, value in headers.items()], "", ""]
        pieces = ["\r\n".join(lines).encode("latin-1")]
        if body:
            pieces.append(body)
        self.limits.sent = True
        self.limits.arm(self.sock)
        try:
            self._send_all(pieces)
        except OSError as error:
            if error.errno not in _ANSWERED_EARLY and not isinstance(error, ssl.SSLEOFError):
                raise
        self.limits.waits_for_answer = not self.limits.answered

    def receive_head(self, method: str, pool: HTTPConnectionPool) -> HTTPResponse:
        """Read the head of the answer, which returns the connection to the pool when its body has been read."""
        answer: http.client.HTTPResponse = self.response_class(self.sock, method)
        try:
            answer.begin()
            while answer.status < 200:  # http.client skips only 100
                if answer.status == http.client.SWITCHING_PROTOCOLS:
                    raise http.client.UnknownProtocol("101")
                self.limits.waits_for_answer = True
                answer.headers = answer.msg = cast(Any, None)
                answer.begin()
        except BaseException:
            answer.close()
            raise
        self.limits.head_left, self.limits.waits_for_answer = inf, False
        if answer.will_close:
            self.close()
        return HTTPResponse(
            answer,
            HTTPHeaderDict(answer.headers.items()),
            answer.status,
            answer.version,
            reason=answer.reason,
            preload_content=False,
            original_response=answer,
            pool=pool,
            connection=self,
        )

    def _send_all(self, pieces: list[bytes]) -> None:
        """Send head and body in one call, without a copy that joins them, where the system can."""
        sent = self.sock.sendmsg(pieces) if hasattr(self.sock, "sendmsg") else 0
        for piece in pieces:
            if sent < len(piece):
                self.send(memoryview(piece)[sent:])
            sent = max(0, sent - len(piece))

    def send(self, data: Any) -> None:
        view = memoryview(data)
        while view:
            self.limits.arm(self.sock)
            view = view[self.sock.send(view[:SEND_SIZE]) :]

    def __del__(self) -> None:
        if self.sock is not None:
            self.close()


def _answer_on(limits: Deadlines, sock: socket.socket, method: str) -> http.client.HTTPResponse:
    limits.hold(sock)
    limits.answer = http.client.HTTPResponse(cast(socket.socket, SocketReader(limits, sock)), method=method)
    return limits.answer


class SecureConnection(Connection, HTTPSConnection):
    """The same over TLS, which cannot send several pieces in one call."""

    def _send_all(self, pieces: list[bytes]) -> None:
        if sum(len(piece) for piece in pieces) <= SEND_SIZE:
            pieces = [b"".join(pieces)]
        for piece in pieces:
            self.send(piece)


def open_sockets() -> int:
    """Return how many sockets the connections of this process have."""
    return len(Connection.sockets)


def abandon(sock: Any) -> None:
    """Close this process's copy of a socket without sending anything: the peer still communicates with the parent."""
    sock = getattr(sock, "socket", sock)  # TLS inside TLS
    with suppress(OSError):
        os.close(sock.detach())


def _abandon_all() -> None:
    for sock in list(Connection.sockets):
        abandon(sock)


after_fork("sockets", _abandon_all)
