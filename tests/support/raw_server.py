"""A server on loopback that does on the wire exactly what a test's script does, faults included.

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nhel")
        peer.reset()

    with RawServer(script) as server:
        ...  server.url, server.connections, server.requests

The script runs once per connection, in a thread of its own. A peer that hangs up ends it quietly; any other exception
in it is raised where the `with` ends.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

PATIENCE = 20.0


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate: `file` is also what a client must trust."""

    file: str
    key: str

    @classmethod
    def make(cls, folder: Path, *, address: str = "127.0.0.1") -> Certificate:
        """Let openssl make one for `address`, an IP."""
        file, key = folder / f"{address}.pem", folder / f"{address}.key"
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        command += ["-subj", f"/CN={address}", "-addext", f"subjectAltName=IP:{address}"]
        command += ["-days", "2", "-keyout", str(key), "-out", str(file)]
        subprocess.run(command, check=True, capture_output=True)
        return cls(str(file), str(key))


@dataclass(frozen=True)
class Request:
    """What came: the line, the headers by lower-case name, the body, and the number of the connection, from 0."""

    line: str
    headers: dict[str, str]
    body: bytes
    connection: int


class Peer:
    """The server's end of one connection."""

    def __init__(self, server: RawServer, sock: socket.socket, number: int) -> None:
        self.server = server
        self.sock = sock
        self.number = number
        self._buffer = b""

    def read_head(self) -> tuple[str, dict[str, str]]:
        """Read a request up to its blank line; EOFError when the client has hung up instead."""
        while b"\r\n\r\n" not in self._buffer:
            self._receive()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        return line, {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}

    def read_request(self) -> Request:
        """Read a whole request and note it in `server.requests`."""
        line, headers = self.read_head()
        size = int(headers.get("content-length", "0"))
        while len(self._buffer) < size:
            self._receive()
        body, self._buffer = self._buffer[:size], self._buffer[size:]
        request = Request(line, headers, body, self.number)
        self.server.requests.append(request)
        return request

    def send(self, *pieces: bytes, pause: float = 0.0) -> None:
        """Send the pieces, `pause` seconds between them."""
        for i, piece in enumerate(pieces):
            if i and pause:
                self.wait(pause)
            self.sock.sendall(piece)

    def drip(self, data: bytes, pause: float) -> None:
        """Send byte by byte, `pause` seconds between them."""
        self.send(*(data[i : i + 1] for i in range(len(data))), pause=pause)

    def wait(self, seconds: float) -> None:
        """Do nothing for so long; ends early with the server."""
        if self.server.stopping.wait(seconds):
            raise EOFError

    def stall(self) -> None:
        """Do nothing more, but keep the connection, until the client hangs up or the server ends."""
        self.sock.settimeout(0.02)
        while not self.server.stopping.is_set():
            with contextlib.suppress(TimeoutError):
                if not self.sock.recv(65536):
                    return

    def gone(self) -> bool:
        """Wait for the client to hang up; False when it still has not after some seconds."""
        self.sock.settimeout(PATIENCE)
        try:
            while self.sock.recv(65536):
                continue
        except TimeoutError:
            return False
        except OSError:
            return True
        return True

    def finish(self) -> None:
        """Close in order, with a FIN."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def reset(self) -> None:
        """Close with an RST, which also throws away what the client has not yet read of what is on its way."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _receive(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        self._buffer += data


Script = Callable[[Peer], None]


class RawServer:
    """Runs `script` for every connection; `connections` counts them, `requests` lists what `read_request` read."""

    def __init__(
        self,
        script: Script,
        certificate: Certificate | None = None,
        *,
        address: str = "127.0.0.1",
        client_authority: str | None = None,
    ) -> None:
        self.script = script
        self.connections = 0
        self.open_connections = 0
        self.requests: list[Request] = []
        self.stopping = threading.Event()
        self._context: ssl.SSLContext | None = None
        if certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate.file, certificate.key)
            if client_authority is not None:
                self._context.verify_mode = ssl.CERT_REQUIRED
                self._context.load_verify_locations(client_authority)
        self._errors: list[BaseException] = []
        self._lock = threading.Lock()
        self._peers: list[Peer] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server((address, 0), backlog=512)
        self.address, self.port = self._listener.getsockname()[:2]
        self.url = f"{'https' if certificate else 'http'}://{address}:{self.port}"

    def __enter__(self) -> RawServer:
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._peers:
            peer.finish()
        for thread in self._threads:
            thread.join(PATIENCE)
        if self._errors and exc is None:
            raise self._errors[0]

    def wait_until(self, condition: Callable[[], bool]) -> bool:
        """Wait for a condition that the server's threads bring about."""
        end = time.monotonic() + PATIENCE
        while not condition() and time.monotonic() < end:
            time.sleep(0.005)
        return condition()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                number, self.connections = self.connections, self.connections + 1
                self.open_connections += 1
            self._start(self._serve, sock, number)

    def _serve(self, sock: socket.socket, number: int) -> None:
        peer = Peer(self, sock, number)
        self._peers.append(peer)
        try:
            if self._context is not None:
                peer.sock = self._context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=True)
            self.script(peer)
        except (OSError, EOFError):
            return
        except BaseException as error:
            self._errors.append(error)
        finally:
            peer.finish()
            with self._lock:
                self.open_connections -= 1


def answer(body: bytes = b"", status: str = "200 OK", headers: Iterable[str] = ()) -> bytes:
    """Build a whole answer delimited by its Content-Length."""
    fields = "".join(f"{field}\r\n" for field in (*headers, f"Content-Length: {len(body)}"))
    return f"HTTP/1.1 {status}\r\n{fields}\r\n".encode() + body


def chunked(*chunks: bytes, end: bool = True) -> bytes:
    """Build an answer of these chunks; without `end` its last chunk is missing."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + (b"0\r\n\r\n" if end else b"")


def echo(peer: Peer) -> None:
    """Answer every request with its own body."""
    while True:
        peer.send(answer(peer.read_request().body))
