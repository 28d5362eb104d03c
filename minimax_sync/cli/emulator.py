"""`emulator`: run an emulator of MiniMax on this machine until Ctrl-C."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .parser import Command, argument
from .terminal import complain, dim, os_error_text, print_table, printable

if TYPE_CHECKING:
    from ..emulator import Emulator, Received


def _run(arguments: Namespace) -> int:
    from ..emulator import Emulator

    emulator = Emulator(arguments.host, arguments.port)
    emulator.journal = _Log()
    try:
        emulator.start()
    except OSError as error:
        complain(f"{os_error_text(error)}; choose another port with --port, or a free one with --port 0")
        return 1
    with emulator:
        try:
            _introduce(emulator)
            emulator.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


def _introduce(emulator: Emulator) -> None:
    print("A MiniMax emulator runs until Ctrl-C.\n")
    print_table(
        (
            ("OpenAI wire", emulator.base_url),
            ("Anthropic wire", emulator.anthropic_base_url),
            ("Token Plan portal", emulator.url),
        )
    )
    print("\nFor another terminal:\n")
    print(f"  export MINIMAX_API_KEY={emulator.api_key}")
    print(f"  export MINIMAX_BASE_URL={emulator.base_url}\n")
    print('  minimax-sync chat "Hello"')
    print("  minimax-sync login\n\n", end="", flush=True)


class _Log(list["Received"]):
    """A journal that prints a line for each request, without headers and texts."""

    def append(self, request: Received) -> None:
        super().append(request)
        line = f"{datetime.now():%H:%M:%S}  {request.method} {request.route}  {_described(request.body)}"
        print(dim(printable(line).rstrip()) + "\n", end="", flush=True)  # in one write, because many threads print


def _described(body: Any) -> str:
    if not isinstance(body, dict):
        return ""
    words = [str(body[name]) for name in ("model", "grant_type") if name in body]
    if isinstance(body.get("messages"), list):
        words.append(f"{len(body['messages'])} messages")
    if body.get("stream"):
        words.append("stream")
    return ", ".join(words)[:200]


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise ArgumentTypeError(f"{text!r} is not a port: give a number from 0 to 65535")
    return int(text)


COMMAND = Command(
    "emulator",
    "an emulator of MiniMax on this machine, for experiments",
    """\
Run an emulator of MiniMax on this machine until Ctrl-C: both wires, streams, tool calls, quota, embeddings, and the
Token Plan's portal. It repeats the prompt as its answer. Prints its addresses, the environment that makes clients
use it, and a line for each request.""",
    _run,
    (
        argument(
            "--host",
            metavar="HOST",
            default="127.0.0.1",
            help="the address to listen on; by default 127.0.0.1",
        ),
        argument(
            "--port", metavar="N", type=_port, default=8787, help="the port; by default 8787; 0 chooses a free one"
        ),
    ),
    "minimax-sync emulator\nminimax-sync emulator --port 0",
    has_settings=False,
)
