"""The magics `%minimax` and `%%minimax`: a line or a cell of a notebook that is a prompt.

`%load_ext minimax_sync` loads them. Options as on the command line; a prompt that begins with "-" stands behind "--".

%minimax -m MiniMax-M3 Why is the sky blue?

%%minimax --system "Answer in one sentence."
Why is the sky blue?
"""

from __future__ import annotations

import functools
import io
import shlex
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic_arguments import MagicArgumentParser

from .client import MiniMaxClient
from .errors import LlmError
from .values.response import ChatResponse

_OPTIONS: dict[tuple[str, ...], Any] = {
    ("-m", "--model"): str,
    ("-s", "--system"): str,
    ("--effort",): str,
    ("--temperature",): float,
    ("--max-tokens",): int,
}


def register(shell: Any) -> None:
    """Add the magics to a shell. All its prompts share one client, made for the first of them."""
    open_client = functools.lru_cache(maxsize=1)(MiniMaxClient)

    def minimax(line: str, cell: str | None = None) -> ChatResponse:
        """Ask MiniMax, show the answer as it comes, and return it.

        The prompt is the line behind the options, the cell, or both with an empty line between them.
        """
        options, prompt = _parsed(line)
        prompt = "\n\n".join(part for part in (prompt, (cell or "").strip()) if part)
        if not prompt:
            raise UsageError("minimax: the prompt is empty: %minimax [OPTIONS] PROMPT, or a cell below %%minimax")
        try:
            return open_client().stream(prompt, **options).display()
        except LlmError as error:
            problem = f"{type(error).__name__}: {error}"
        raise UsageError(problem)  # IPython prints it in one line, without a traceback

    shell.register_magic_function(minimax, "line_cell")


def _parsed(line: str) -> tuple[dict[str, Any], str]:
    """Return the options at the beginning of a line, and the text behind them as it was written."""
    parser = MagicArgumentParser("minimax", add_help=False)
    for flags, kind in _OPTIONS.items():
        parser.add_argument(*flags, type=kind)
    words, prompt = _split(line)
    given = vars(parser.parse_args(words))
    return {name: value for name, value in given.items() if value is not None}, prompt


def _split(line: str) -> tuple[list[str], str]:
    """Split off options with their values. Only these are shell words: a prompt may hold an apostrophe."""
    text = io.StringIO(line)
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    rest = line.strip()
    try:
        while rest.startswith("-") and rest[1:2].strip():
            option = lexer.get_token() or ""
            if option != "--":
                words.append(option)
                takes_next = "=" not in option if option.startswith("--") else len(option) == 2
                if takes_next:
                    words += filter(None, [lexer.get_token()])
            rest = line[text.tell() :].strip()
            if option == "--":
                break
    except ValueError as exc:
        problem = f"minimax: {exc}"
    else:
        return words, rest
    raise UsageError(problem)
