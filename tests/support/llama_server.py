"""Serve a GGUF with the real llama.cpp on loopback until standard input closes; prints the address first.

Its own process, so that the server's threads are not the tests' and it ends with the process that started it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import xllamacpp

from minimax_sync import MiniMaxClient

KEY = "tok-of-the-real-server"
SLOTS = 4


def open_client(url: str, flavor: str, key: str = KEY) -> MiniMaxClient:
    """Make a client of the server, unpaced."""
    if flavor == "openai_compat":
        return MiniMaxClient(key, base_url=f"{url}/v1", chat_path="/chat/completions", requests_per_second=None)
    return MiniMaxClient(key, base_url=url, api_flavor=flavor, requests_per_second=None)


def main(model: Path) -> None:
    """Serve until standard input is at its end."""
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.n_ctx = 4096 * SLOTS
    params.n_parallel = SLOTS
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.use_jinja = True
    params.api_keys = [KEY]
    params.warmup = False
    params.cpuparams.n_threads = 2
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
