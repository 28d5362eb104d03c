"""Commands as values, and the argparse parser made of them.

The options that all commands share and the sections that end every `--help` are here. It does not know the commands.
"""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from .. import __version__

PROGRAM = "minimax-sync"

_DESCRIPTION = """\
Use the models of MiniMax from the command line.

Credentials are found where the Python client finds them; `minimax-sync status` shows which, and where each setting
comes from. Without any, `minimax-sync demo` runs on an emulator on this machine."""

_EXAMPLES = """\
minimax-sync chat "Name three rivers."
git diff | minimax-sync chat "Write a commit message for this diff."
minimax-sync chat                        a conversation
minimax-sync login                       log in to a Token Plan
minimax-sync status --check"""

_OF_USER = "the same files, without a folder, for every working directory"
_HISTORY = ("~/.local/state/minimax-sync/history", "the input history of conversations")
_ENVIRONMENT = (
    ("https_proxy", "a proxy for https"),
    ("REQUESTS_CA_BUNDLE", "certificates to trust"),
    ("XDG_STATE_HOME", "where the history is kept, instead of ~/.local/state"),
    ("NO_COLOR", "when set, plain text on terminals too"),
)

_EXIT_STATUS = (
    ("0", "success"),
    ("1", "an error; one line on stderr names it"),
    ("2", "the command line is wrong"),
    ("130", "interrupted by Ctrl-C"),
)


class UsageError(Exception):
    """The command line is invalid; the message names the cure."""


class Argument(msgspec.Struct, frozen=True):
    """One option or positional, as `ArgumentParser.add_argument` takes it."""

    flags: tuple[str, ...]
    settings: dict[str, Any]


class Command(msgspec.Struct, frozen=True):
    """One command. `run` gets the parsed arguments and returns the exit status.

    `summary` is for the list of commands; `examples` are lines of the shell; `has_settings` is whether files and
    environment matter to it.
    """

    name: str
    summary: str
    description: str
    run: Callable[[Namespace], int]
    arguments: tuple[Argument, ...] = ()
    examples: str = ""
    has_settings: bool = True


def argument(*flags: str, **settings: Any) -> Argument:
    """Declare an argument of a command."""
    return Argument(flags, settings)


COMMON = (
    argument("--config", metavar="FILE", help="the configuration file, instead of MINIMAX_CONFIG or ./config/llm.yaml"),
    argument("--agent", metavar="ID", help="use the provider and model of this agent, from agents.d/*.yaml"),
    argument("--base-url", metavar="URL", help="the server: MiniMax, or one with the same interface"),
)


class _Formatter(RawDescriptionHelpFormatter):
    """Keeps the line breaks of descriptions, and leaves room for long options."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28)


class _Parser(ArgumentParser):
    """A parser whose epilog is written when the help is printed: it needs the table of settings."""

    def __init__(self, *, examples: str, has_settings: bool = True, **settings: Any) -> None:
        super().__init__(**settings, formatter_class=_Formatter, allow_abbrev=False)
        self._examples = examples
        self._has_settings = has_settings

    def format_help(self) -> str:
        self.epilog = _epilog(self._examples, self._has_settings)
        return super().format_help()


def command_list(commands: Iterable[Command]) -> str:
    """Return the commands with their summaries, as text."""
    listed = _section("commands", ((command.name, command.summary) for command in commands))
    return f"{listed}\n\n`{PROGRAM} COMMAND --help` describes each."


def build_parser(commands: Iterable[Command]) -> ArgumentParser:
    """Build the parser of the whole program."""
    commands = tuple(commands)
    parser = _Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} [--version] [--help] COMMAND [ARGUMENT ...]",
        description=f"{_DESCRIPTION}\n\n{command_list(commands)}",
        examples=_EXAMPLES,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    subparsers = parser.add_subparsers(prog=PROGRAM, metavar="COMMAND", required=True, help=SUPPRESS)
    for command in commands:
        child = subparsers.add_parser(
            command.name,
            help=command.summary,
            description=command.description,
            examples=command.examples,
            has_settings=command.has_settings,
        )
        for each in command.arguments:
            child.add_argument(*each.flags, **each.settings)
        common = child.add_argument_group("options of every command")
        for each in COMMON:
            common.add_argument(*each.flags, **each.settings)
        child.set_defaults(run=command.run)
    return parser


def _epilog(examples: str, has_settings: bool) -> str:
    sections = [f"examples:\n{_indented(examples.splitlines())}"] if examples else []
    if has_settings:
        from ..settings.places import FILES, user_directory
        from ..settings.table import ENVIRONMENT

        sections += [
            _section("files", (*FILES, (str(user_directory()), _OF_USER), _HISTORY)),
            _section("environment", (*ENVIRONMENT, *_ENVIRONMENT)),
        ]
    return "\n\n".join([*sections, _section("exit status", _EXIT_STATUS)])


def _section(title: str, rows: Iterable[tuple[str, str]]) -> str:
    rows = tuple(rows)
    width = max(len(name) for name, _ in rows)
    return f"{title}:\n{_indented(f'{name:<{width}}  {meaning}' for name, meaning in rows)}"


def _indented(lines: Iterable[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)
