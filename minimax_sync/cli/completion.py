"""`completion`: a script that lets a shell complete the command line, written by `shtab` from the parser."""

from __future__ import annotations

from argparse import SUPPRESS, Action, ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence

from ..errors import ConfigError
from .parser import PROGRAM, Command, argument, build_parser

_SHELLS = ("bash", "zsh", "fish", "tcsh", "powershell")
_FILES = ("FILE", "PATH", "IN.jsonl")
"""What the help calls a value that is the name of a file."""


def command(commands: Callable[[], Sequence[Command]]) -> Command:
    """Return the command; `commands` returns all of them, this one included."""

    def run(arguments: Namespace) -> int:
        try:
            import shtab
        except ImportError as error:
            raise ConfigError("completion needs the package shtab: pip install minimax-sync[cli]") from error
        parser = build_parser(commands())
        for action in _actions(parser):
            if action.metavar in _FILES:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
        print(shtab.complete(parser, arguments.shell))
        return 0

    return Command(
        "completion",
        "a script for a shell, to complete commands and options",
        "Print a script that makes a shell complete this program's commands, options and files. Needs the extra `cli`.",
        run,
        (argument("shell", choices=_SHELLS, metavar="SHELL", help=f"one of {', '.join(_SHELLS)}"),),
        f"""\
{PROGRAM} completion bash >> ~/.bash_completion
{PROGRAM} completion zsh > "${{fpath[1]}}/_{PROGRAM}"
{PROGRAM} completion fish > ~/.config/fish/completions/{PROGRAM}.fish""",
        has_settings=False,
    )


def _actions(parser: ArgumentParser) -> Iterator[Action]:
    """Yield the actions of a parser and of its commands, which the help of the program lists in another way."""
    for action in parser._actions:
        yield action
        if action.nargs == "A...":  # the commands
            action.help = None if action.help == SUPPRESS else action.help
            for child in {id(child): child for child in dict(action.choices or {}).values()}.values():
                yield from _actions(child)
