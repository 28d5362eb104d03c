"""The command line: `minimax-sync` and `python -m minimax_sync`.

It contains the table of commands, and the one place where an error becomes a line on stderr and an exit status: 1 for
an error, 2 for a wrong command line, 130 for Ctrl-C. The modules of commands import heavy modules (the client, rich,
yaml) only inside the functions that need them, so that `--help`, `--version` and a typing mistake are answered at once.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from ..errors import LlmError
from . import account, chat, completion, demo, emulator, guide, login, status
from .clients import as_complaint
from .map import COMMAND as MAP
from .parser import Command, UsageError, build_parser, command_list
from .terminal import complain, os_error_text

COMMANDS: tuple[Command, ...] = (
    chat.COMMAND,
    login.LOGIN,
    login.LOGOUT,
    login.TOKEN,
    status.COMMAND,
    account.QUOTA,
    account.MODELS,
    MAP,
    demo.COMMAND,
    emulator.COMMAND,
    guide.COMMAND,
    completion.command(lambda: COMMANDS),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status. Raises nothing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 shows "?" where it lacks a character
    if sys.stdin is None:  # it was closed by the program that started this one
        sys.stdin = io.TextIOWrapper(io.BytesIO())
    try:
        try:
            return _run(argv)
        finally:
            print(end="", flush=True)
    except SystemExit as ended:  # argparse has printed its message
        return ended.code if isinstance(ended.code, int) else 1
    except KeyboardInterrupt:
        return 130
    except UsageError as error:
        complain(f"{error}; see `minimax-sync --help`")
        return 2
    except BrokenPipeError:
        _drop_unwritten()
    except LlmError as error:
        complain(as_complaint(error))
    except OSError as error:
        complain(os_error_text(error))
        _drop_unwritten()
    except Exception as error:
        complain(f"{type(error).__name__}: {error}")
    return 1


def _run(argv: Sequence[str] | None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    if not argv:
        print(command_list(COMMANDS), file=sys.stderr)
        return 2
    arguments = build_parser(COMMANDS).parse_args(argv)
    status: int = arguments.run(arguments)
    return status


def _drop_unwritten() -> None:
    """Discard the unwritten output, otherwise the interpreter fails on it once more when it exits."""
    try:
        print(end="", flush=True)
        return
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
