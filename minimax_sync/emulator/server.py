"""The HTTP server: sockets, threads, framing. Requests and replies are values; must not know MiniMax.

One thread per connection, HTTP/1.1 with keep-alive, Nagle off, each event of a stream in one `sendall`. The `ending` of
a reply is how it fails on the wire. `stop()` closes every connection and joins every thread, so that nothing outlives
the emulator. A forked child closes its copies of the sockets, because a connection stays open until the last copy is
closed.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Literal

from .journal import Headers, Received, decode_body

JSON = "application/json; charset=utf-8"
PLAIN = "text/plain"
SSE = "text/event-stream"
MAX_BODY = 256 * 1024 * 1024
RESET_ON_CLOSE = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)  # linger for 0 seconds

Ending = Literal["complete", "short", "reset", "silence", "hang_up", "lost"]


@dataclass(frozen=True)
class Reply:
    """One response: a `body` of bytes is sent with its length, one of events chunked, each in one `sendall`.

    A number among the events is a pause in seconds. `ending`: "complete"; "short", a body that stops half way with a
    plain close; "reset", the same with a reset, the last event of a stream cut in two; "silence", the head and nothing
    more; "hang_up" and "lost", no byte, with a plain close or a reset. `cut` is the number of events before the one
    that a truncated stream lacks first. `silence` is seconds before the first byte; `delay` seconds before the body and
    each event. `after` is called when all is sent.
    """

    body: bytes | Iterable[bytes | float] = b""
    status: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    ending: Ending = "complete"
    cut: int = 0
    delay: float = 0.0
    silence: float = 0.0
    after: Callable[[], object] | None = None


class Server(ThreadingHTTPServer):
    """The listening socket and the threads of its connections. Serves from construction until `stop()`."""

    allow_reuse_address = os.name == "posix"  # on Windows it would let two servers share a port
    allow_reuse_port = False
    daemon_threads = True
    request_queue_size = 1024  # hundreds of streams may begin at the same instant
    timeout = 1.0  # in case no file descriptor is left with which `stop()` could wake the acceptor

    def __init__(self, host: str, port: int, respond: Callable[[Received], Reply], stopping: threading.Event) -> None:
        self.respond = respond
        self.stopping = stopping
        self._connections: dict[threading.Thread, socket.socket] = {}
        try:
            self.address_family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            super().__init__((str(address[0]), int(address[1])), Handler)
        except OSError as error:
            reason = f"cannot listen on {host} port {port}: {error.strerror}"
            raise OSError(error.errno, reason) from error
        _running.add(self)
        self._acceptor = threading.Thread(target=self._accept, name="minimax-emulator", daemon=True)
        self._acceptor.start()

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's own looks this host's name up in the DNS
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def _accept(self) -> None:
        while not self.stopping.is_set():
            self.handle_request()

    def process_request(self, request: Any, client_address: Any) -> None:
        for ended in [thread for thread in self._connections if not thread.is_alive()]:
            del self._connections[ended]
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), name="minimax-emulator", daemon=True
        )
        thread.start()
        self._connections[thread] = request

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # that a client left is no error
            super().handle_error(request, client_address)

    def stop(self, timeout: float = 2.0) -> None:
        """Close every connection and join every thread; wait at most `timeout` seconds for those in a user's hook."""
        deadline = time.monotonic() + timeout
        self.stopping.set()
        self._wake()
        self._acceptor.join()
        self.server_close()
        for connection in self._connections.values():
            _shut(connection)
        for thread in self._connections:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))
        _running.discard(self)

    def _wake(self) -> None:
        """Wake the acceptor, which sleeps until a connection comes."""
        try:
            socket.create_connection((self.server_name, self.server_port), timeout=0.1).close()
        except OSError:
            return

    def close_in_child(self) -> None:
        """Close the sockets that a forked child inherited, without shutting the connections down."""
        for inherited in (self.socket, *self._connections.values()):
            descriptor = inherited.detach()  # not close(): a file made from the socket would keep it open
            if descriptor >= 0:
                os.close(descriptor)


_running: weakref.WeakSet[Server] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for server in list(_running):
        server.close_in_child()
    _running.clear()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class Handler(BaseHTTPRequestHandler):
    """One connection: reads requests, lets the server respond to each, writes the replies."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server
    connection: socket.socket

    def do_GET(self) -> None:
        length = self.headers.get("Content-Length", "0")
        refused = self._unacceptable(length)
        if refused:
            self.close_connection = True
            self._write(Reply(refused.phrase.encode(), refused, PLAIN))
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return
        headers = Headers(self.headers.items())
        decoded = decode_body(body, headers.get("content-type", ""))
        self._write(self.server.respond(Received(self.command, self.path, headers, decoded, time.monotonic())))

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the journal records every request, and lines on stderr would disturb a user's tests."""

    def _unacceptable(self, length: str) -> HTTPStatus | None:
        if "Transfer-Encoding" in self.headers:
            return HTTPStatus.LENGTH_REQUIRED
        if not (length.isascii() and length.isdigit()):
            return HTTPStatus.BAD_REQUEST
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE if len(length) > 15 or int(length) > MAX_BODY else None

    def _write(self, reply: Reply) -> None:
        if reply.ending in ("hang_up", "lost"):
            self._leave(reset=reply.ending == "lost")
        else:
            self.server.stopping.wait(reply.silence + reply.delay)
            if isinstance(reply.body, bytes):
                self._write_whole(reply, reply.body)
            else:
                self._write_stream(reply, reply.body)
        if reply.after:
            reply.after()

    def _write_whole(self, reply: Reply, body: bytes) -> None:
        head = self._head(reply, f"Content-Length: {len(body)}")
        if self.command == "HEAD":
            body = b""
        if reply.ending == "complete":
            self.wfile.write(head + body)
        elif reply.ending == "silence":
            self.wfile.write(head)
            self._wait_for_the_end()
        else:
            self.wfile.write(head + body[: len(body) // 2])
            self._leave(reset=reply.ending == "reset")

    def _write_stream(self, reply: Reply, events: Iterable[bytes | float]) -> None:
        chunked = self.request_version != "HTTP/1.0"
        if not chunked:
            self.close_connection = True
        self.wfile.write(self._head(reply, "Transfer-Encoding: chunked" if chunked else "Connection: close"))
        if reply.ending == "silence":
            self._wait_for_the_end()
            return
        last = len(list(events)) - 1 if reply.ending == "reset" else -1
        for position, event in enumerate(events):
            pause = reply.delay if position else 0.0
            if isinstance(event, float):
                pause, event = event, b""
            if pause and self.server.stopping.wait(pause):
                self.close_connection = True
                return
            piece = b"%x\r\n%b\r\n" % (len(event), event) if chunked else event
            if position == last:
                self.wfile.write(piece[: len(piece) // 2])
                self._leave(reset=True)
                return
            if event:
                self.wfile.write(piece)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _head(self, reply: Reply, framing: str) -> bytes:
        phrase = self.responses[reply.status][0] if reply.status in self.responses else "Unknown"
        lines = [f"HTTP/1.1 {int(reply.status)} {phrase}", f"Date: {self.date_time_string()}"]
        lines.append(f"Content-Type: {reply.content_type}")
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        if self.close_connection and framing != "Connection: close":
            lines.append("Connection: close")
        return "\r\n".join([*lines, framing, "\r\n"]).encode("latin-1", "replace")

    def _wait_for_the_end(self) -> None:
        """Wait until the client leaves or `stop()` closes this connection."""
        self.close_connection = True
        while self.connection.recv(65536):
            continue

    def _leave(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self.rfile.close()  # it keeps the descriptor open, and only the last close sends the reset
            self.connection.close()
