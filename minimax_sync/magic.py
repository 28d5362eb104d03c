"""The cell magic `%%minimax`: a cell of a notebook that is a prompt. Loaded by `%load_ext minimax_sync` alone.

%%minimax --model MiniMax-M2.5 --system "Answer in one sentence."
Why is the sky blue?
"""

from __future__ import annotations

import functools
import shlex
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic_arguments import MagicArgumentParser

from .client import MiniMaxClient
from .errors import LlmError
from .values.response import ChatResponse


def register(shell: Any) -> None:
    """Add the magic to a shell. All its cells share one client, made for the first of them."""
    open_client = functools.lru_cache(maxsize=1)(MiniMaxClient)

    def minimax(line: str, cell: str) -> ChatResponse:
        """Ask MiniMax what the cell says, and show the answer as it comes; it is the cell's value, `_`."""
        options = _options(line)
        try:
            return open_client().stream(cell.strip(), **options).display()
        except LlmError as error:
            problem = f"{type(error).__name__}: {error}"
        raise UsageError(problem)  # IPython prints this in one line; a traceback tells nothing to who wrote a prompt

    shell.register_magic_function(minimax, "cell")


def _options(line: str) -> dict[str, Any]:
    parser = MagicArgumentParser("%%minimax", add_help=False)
    parser.add_argument("-m", "--model")
    parser.add_argument("-s", "--system")
    try:
        words = shlex.split(line)
    except ValueError as exc:
        problem = f"%%minimax: {exc}"
    else:
        return dict(vars(parser.parse_args(words)))
    raise UsageError(problem)
