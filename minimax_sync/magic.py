"""The magics `%minimax` and `%%minimax`: a line or a cell of a notebook that is a prompt.

`%load_ext minimax_sync` loads them. The options come from the table of `minimax-sync chat`, without those of a
terminal; a prompt that begins with "-" stands behind "--".

%minimax -m MiniMax-M3 Why is the sky blue?

%%minimax --system "Answer in one sentence."
Why is the sky blue?
"""

from __future__ import annotations

import functools
import io
import shlex
import sys
from argparse import Namespace, RawDescriptionHelpFormatter
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic_arguments import MagicArgumentParser

from .cli import parser
from .cli.chat import COMMAND, as_record, request_options
from .cli.clients import read_schema
from .cli.terminal import os_error_text
from .client import MiniMaxClient
from .errors import LlmError
from .values.messages import ChatMessage

_OF_TERMINALS = {"prompt", "--stdin", "--no-stdin", "--no-stream", "--show-thinking"}
_OPTIONS = (
    *(each for each in COMMAND.arguments if each.flags[-1] not in _OF_TERMINALS),
    *parser.COMMON,
    parser.argument("-h", "--help", action="store_true", help="show this help"),
)
_FLAGS = {flag for each in _OPTIONS if each.settings.get("action") == "store_true" for flag in each.flags}

_USAGE = "%minimax [OPTIONS] PROMPT, or a cell below %%minimax [OPTIONS]"
_DESCRIPTION = """\
Ask MiniMax, show the answer as it comes, and return it. The prompt is the line behind the options, the cell, or both
with an empty line between them. With --schema the value is returned, with --json a dict; --continue continues the last
conversation of this notebook."""


def register(shell: Any) -> None:
    """Add the magics to a shell. Its prompts with the same settings share a client, made for the first of them."""
    shell.register_magic_function(_Magic().minimax, "line_cell", "minimax")


class _Magic:
    """The clients of a shell, and its last conversation."""

    def __init__(self) -> None:
        self._client = functools.lru_cache(maxsize=None)(_open_client)
        self._system: str | None = None
        self._messages: tuple[ChatMessage, ...] = ()

    def minimax(self, line: str, cell: str | None = None) -> Any:
        """Ask MiniMax, show the answer as it comes, and return it. `%minimax --help` lists the options."""
        options, prompt = _parsed(line)
        if options.help:
            print(_parser().format_help())
            return None
        prompt = "\n\n".join(part for part in (prompt, (cell or "").strip()) if part)
        if not prompt:
            raise UsageError(f"minimax: the prompt is empty: {_USAGE}")
        if options.json and options.schema:
            raise UsageError("minimax: --json and --schema are mutually exclusive: --schema returns only the value")
        try:
            return self._answer(prompt, options)
        except LlmError as error:
            problem = f"{type(error).__name__}: {error}"
        except parser.UsageError as error:
            problem = f"minimax: {error}"
        except OSError as error:
            problem = f"minimax: {os_error_text(error)}"
        raise UsageError(problem)  # IPython prints it in one line, without a traceback

    def _answer(self, prompt: str, options: Namespace) -> Any:
        schema = read_schema(options.schema) if options.schema else None
        client = self._client(options.config, options.agent, options.base_url)
        system, messages = (options.system or self._system, self._messages) if options.keep else (options.system, ())
        conversation = client.conversation(system, messages=messages)
        given = request_options(options)
        if options.model is not None:
            given["model"] = options.model
        if schema is not None:
            answer = conversation.parse(prompt, schema, options.image, **given)
        elif options.json:
            answer = as_record(conversation.stream(prompt, options.image, **given).response)
        else:
            answer = conversation.stream(prompt, options.image, **given).display()
        self._system, self._messages = system, conversation.messages
        return answer


def _open_client(config: str | None, agent: str | None, base_url: str | None) -> MiniMaxClient:
    return MiniMaxClient.from_config(config, agent=agent, base_url=base_url)


def _parser() -> MagicArgumentParser:
    options = MagicArgumentParser(
        usage=_USAGE.replace("%", "%%"), description=_DESCRIPTION, formatter_class=RawDescriptionHelpFormatter
    )
    for each in _OPTIONS:
        options.add_argument(*each.flags, **each.settings)
    return options


def _parsed(line: str) -> tuple[Namespace, str]:
    """Return the options at the beginning of a line, and the text behind them as it was written."""
    words, prompt = _split(line)
    return _parser().parse_args(words), prompt


def _split(line: str) -> tuple[list[str], str]:
    """Split off options with their values. Only these are shell words: a prompt may hold an apostrophe."""
    text = io.StringIO(line)
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    if sys.platform == "win32":
        lexer.escape = ""  # a backslash is part of a path
    words: list[str] = []
    rest = line.strip()
    try:
        while rest.startswith("-") and rest[1:2].strip():
            option = lexer.get_token() or ""
            if option != "--":
                words.append(option)
                is_whole = "=" in option if option.startswith("--") else len(option) > 2
                if option not in _FLAGS and not is_whole:
                    words += filter(None, [lexer.get_token()])
            rest = line[text.tell() :].strip()
            if option == "--":
                break
    except ValueError as exc:
        problem = f"minimax: {exc}"
    else:
        return words, rest
    raise UsageError(problem)
