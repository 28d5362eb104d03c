"""`completion`: a script that lets a shell complete the command line, made of the commands themselves."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from .parser import PROGRAM, Argument, Command, argument

if TYPE_CHECKING:
    from collections.abc import Sequence

_FUNCTION = "_" + PROGRAM.replace("-", "_")


def command(commands: Callable[[], Sequence[Command]]) -> Command:
    """Make the command; `commands` gives all of them, this one included."""

    def run(arguments: Namespace) -> int:
        print("\n".join(_SHELLS[arguments.shell](commands())))
        return 0

    return Command(
        "completion",
        "a script for a shell, to complete commands and options",
        "Print a script that makes bash, zsh or fish complete this program's commands, options and files.",
        run,
        (argument("shell", choices=tuple(_SHELLS), metavar="SHELL", help="bash, zsh or fish"),),
        f"""\
{PROGRAM} completion bash >> ~/.bash_completion
{PROGRAM} completion zsh > "${{fpath[1]}}/_{PROGRAM}"
{PROGRAM} completion fish > ~/.config/fish/completions/{PROGRAM}.fish""",
        has_settings=False,
    )


def _bash(commands: Iterable[Command]) -> Iterator[str]:
    commands = tuple(commands)
    yield f"{_FUNCTION}() {{"
    yield '    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" words=""'
    yield "    COMPREPLY=()"
    yield '    if [ "$COMP_CWORD" -eq 1 ]; then'
    yield f'        words="{" ".join([each.name for each in commands] + ["--help", "--version"])}"'
    yield "    else"
    yield '        case "${COMP_WORDS[1]}:$before" in'
    for each in commands:
        for arg in each.all_arguments:
            if arg.takes_value:
                patterns = "|".join(f"{each.name}:{flag}" for flag in arg.flags)
                if arg.takes_file:
                    yield f'        {patterns}) compopt -o filenames; COMPREPLY=($(compgen -f -- "$word")); return ;;'
                else:
                    yield f'        {patterns}) words="{" ".join(_choices(arg))}" ;;'
        files = any(arg.takes_file and not arg.is_option for arg in each.arguments)
        also = ' COMPREPLY=($(compgen -f -- "$word"))' if files else ""
        yield f'        {each.name}:*) words="{" ".join(_words(each))}";{also} ;;'
    yield "        esac"
    yield "    fi"
    yield '    COMPREPLY+=($(compgen -W "$words" -- "$word"))'
    yield "}"
    yield f"complete -F {_FUNCTION} {PROGRAM}"


def _zsh(commands: Iterable[Command]) -> Iterator[str]:
    commands = tuple(commands)
    yield f"#compdef {PROGRAM}"
    yield f"{_FUNCTION}() {{"
    yield "    local -a commands"
    yield "    commands=("
    yield from (f"        {_quoted(f'{each.name}:{each.summary}')}" for each in commands)
    yield "    )"
    yield "    if (( CURRENT == 2 )); then"
    yield "        _describe command commands"
    yield "        compadd -- --help --version"
    yield "        return"
    yield "    fi"
    yield "    local name=$words[2]"
    yield "    shift words"
    yield "    (( CURRENT-- ))"
    yield "    case $name in"
    for each in commands:
        specs = [_zsh_spec(arg, flag) for arg in each.all_arguments for flag in arg.flags]
        yield f"    {each.name}) _arguments {' '.join([*specs, _quoted('--help[show the help]')])} ;;"
    yield "    esac"
    yield "}"
    yield f'if [ "$funcstack[1]" = _{PROGRAM} ]; then {_FUNCTION} "$@"; else compdef {_FUNCTION} {PROGRAM}; fi'


def _zsh_spec(arg: Argument, flag: str) -> str:
    meaning = str(arg.settings["help"]).replace("[", "(").replace("]", ")").replace(":", ",")
    action = "_files" if arg.takes_file else f"({' '.join(_choices(arg))})"
    if not arg.is_option:
        return _quoted(f":{flag}:{action}")
    repeat = "*" if arg.settings.get("action") == "append" else ""
    return _quoted(f"{repeat}{flag}[{meaning}]" + (f":{flag.lstrip('-')}:{action}" if arg.takes_value else ""))


def _fish(commands: Iterable[Command]) -> Iterator[str]:
    yield f"complete -c {PROGRAM} -f"
    for each in commands:
        yield f"complete -c {PROGRAM} -n __fish_use_subcommand -a {each.name} -d {_quoted(each.summary)}"
        start = f"complete -c {PROGRAM} -n '__fish_seen_subcommand_from {each.name}'"
        for arg in each.all_arguments:
            options = [f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in arg.flags]
            value = ["-r", "-F"] if arg.takes_file else ["-x"] if arg.takes_value else []
            words = ["-a", _quoted(" ".join(_choices(arg)))] if _choices(arg) else []
            parts = [*(options if arg.is_option else []), *value, *words]
            if parts:
                yield " ".join([start, *parts, "-d", _quoted(str(arg.settings["help"]))])
    yield f"complete -c {PROGRAM} -l help -d 'show the help'"
    yield f"complete -c {PROGRAM} -n __fish_use_subcommand -l version -d 'show the version'"


def _words(each: Command) -> list[str]:
    """What may stand anywhere behind the command: its options, and the choices of its positionals."""
    words = [flag for arg in each.all_arguments if arg.is_option for flag in arg.flags]
    return [*words, "--help", *(choice for arg in each.arguments if not arg.is_option for choice in _choices(arg))]


def _choices(arg: Argument) -> tuple[str, ...]:
    return tuple(arg.settings.get("choices", ()))


def _quoted(text: str) -> str:
    escaped = text.replace("'", "'\\''")
    return f"'{escaped}'"


_SHELLS: dict[str, Callable[[Iterable[Command]], Iterator[str]]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
