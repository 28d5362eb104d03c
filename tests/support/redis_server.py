"""A real redis-server on loopback that a test may stop, kill and start again, and threads that use it at once."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

import redis
from support.ports import unused_port


class RedisServer:
    """One redis-server in a folder of its own. `durable`: it writes everything to disk (appendonly)."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.port = unused_port()
        self.key = "plan"
        self._folder = folder
        self._arguments = ["--appendonly", "yes", "--appendfsync", "always"] if durable else []
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """The URL of its database 0."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def bundle(self) -> str:
        """The URL of this test's Token Plan bundle."""
        return f"{self.url}/{self.key}"

    def client(self) -> redis.Redis:
        """Connect as a person with redis-cli does."""
        return redis.Redis("127.0.0.1", self.port, decode_responses=True)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        command += ["--save", "", *self._arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                    connection.sendall(b"PING\r\n")
                    if connection.recv(100)[:1] in b"+-" and self._is_loaded():
                        return
            except OSError:
                assert time.monotonic() < deadline, "redis-server does not start"
            time.sleep(0.01)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> RedisServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def restart(self) -> None:
        """Kill it and start it again on the same port and folder."""
        self.kill()
        self.start()

    def _is_loaded(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            connection.sendall(b"EXISTS x\r\n")
            return not connection.recv(100).startswith(b"-LOADING")
