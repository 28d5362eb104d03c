"""`chat`: one answer, streamed; or, on a terminal without a prompt, a conversation."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from ..errors import LlmError
from . import stdin
from .clients import find_settings, open_client, read_schema
from .display import show_stream, show_whole
from .parser import Command, UsageError, argument
from .state import keep_conversation, kept_conversation
from .stdin import piped_text
from .terminal import complain, is_terminal, print_json

if TYPE_CHECKING:
    from ..client import MiniMaxClient
    from ..conversation import Conversation
    from ..values.response import ChatResponse

_DESCRIPTION = """\
Send a prompt to a model of MiniMax and print its answer as it arrives.

Text that is piped in is the prompt, or follows it after an empty line when there is a PROMPT too. With a PROMPT, a
pipe that stays silent for 3 seconds is ignored; - as PROMPT, or --stdin, waits for it, and -n never reads it, as a
`while read` loop needs. Without either, on a terminal, a conversation begins: type /help in it. Ctrl-C ends an answer
there, Ctrl-D the conversation.

The answer goes to stdout, as Markdown on a terminal when the extra `cli` is installed (NO_COLOR turns that off).
Thinking, when shown, goes to stderr. When a stream breaks off, the part received stays on the screen, and the exit
status is 1."""

_EXAMPLES = """\
minimax-sync chat "Name three rivers."
git diff | minimax-sync chat "Write a commit message for this diff."
minimax-sync chat -s "Answer in French." --show-thinking "What is a monad?"
minimax-sync chat -c "And the longest of them?"
minimax-sync chat --image chart.png "What does this chart show?"
minimax-sync chat --schema city.json "Which city has the most bridges?"
minimax-sync chat --json "Name three rivers." | jq -r .text"""


def _run(arguments: Namespace) -> int:
    prompt = _prompt(arguments)
    if prompt is None:
        return _converse(arguments)
    if arguments.json and arguments.schema:
        raise UsageError("--json and --schema are mutually exclusive: --schema prints only the value")
    turn = (prompt, arguments.image)
    options = request_options(arguments)
    schema = read_schema(arguments.schema) if arguments.schema else None
    with open_client(arguments, model=arguments.model) as client:
        conversation = _conversation(client, arguments)
        if schema is not None:
            print_json(conversation.parse(prompt, schema, arguments.image, **options))
        elif arguments.json:
            _print_record(conversation, turn, options, arguments.no_stream)
        elif arguments.no_stream:
            show_whole(lambda: conversation.say(*turn, **options), arguments.show_thinking)
        else:
            show_stream(lambda: conversation.stream(*turn, **options), arguments.show_thinking)
        keep_conversation(conversation)
    return 0


def _converse(arguments: Namespace) -> int:
    if arguments.json or arguments.no_stream or arguments.schema:
        raise UsageError("--json, --no-stream and --schema need a PROMPT: give one, or pipe it in")
    if not is_terminal(sys.stdout):
        raise UsageError("a conversation needs a terminal for its output: give a PROMPT, or pipe it in")
    from .repl import Repl

    model = find_settings(arguments, model=arguments.model).model.value
    with open_client(arguments, model=arguments.model) as client:
        conversation = _conversation(client, arguments)
        system = {"system": arguments.system} if arguments.system else {}
        repl = Repl(client, model, conversation, {**request_options(arguments), **system}, arguments.show_thinking)
        for image in arguments.image:
            repl.attach(image)
        repl.run()
    return 0


def _conversation(client: MiniMaxClient, arguments: Namespace) -> Conversation:
    system: str | None = arguments.system
    return kept_conversation(client, system) if arguments.keep else client.conversation(system)


def request_options(arguments: Namespace) -> dict[str, Any]:
    """Return the options of the request that were given."""
    given = {name: getattr(arguments, name) for name in ("temperature", "max_tokens", "effort")}
    return {name: value for name, value in given.items() if value is not None}


def _prompt(arguments: Namespace) -> str | None:
    """Return the prompt from arguments and stdin; None if it will be typed in a conversation."""
    given = None if arguments.prompt == "-" else arguments.prompt
    waits = arguments.stdin or arguments.prompt == "-"
    if arguments.no_stdin:
        if waits or given is None:
            raise UsageError("--no-stdin cannot be combined with - or --stdin; give a PROMPT")
        return _not_empty(given)
    if sys.stdin.isatty() and not waits:
        return given if given is None else _not_empty(given)
    piped = piped_text(None if waits or given is None else stdin.PATIENCE)
    if piped is None:
        complain("stdin is silent, so it is ignored; --stdin waits for it, -n never reads it")
    return _not_empty("\n\n".join(part for part in (given, piped) if part))


def _not_empty(prompt: str) -> str:
    if not prompt:
        raise UsageError("the prompt is empty: give one, or pipe it in")
    return prompt


def _print_record(
    conversation: Conversation, turn: tuple[str, list[str]], options: dict[str, Any], whole: bool
) -> None:
    """Print the object in any case: after an error, it contains the part received."""
    try:
        response = conversation.say(*turn, **options) if whole else conversation.stream(*turn, **options).response
    except LlmError as error:
        print_json(as_record(None, error))
        raise
    print_json(as_record(response))


def as_record(response: ChatResponse | None, failure: LlmError | None = None) -> dict[str, Any]:
    """Return the object that --json prints."""
    import msgspec

    from ..batch.checkpoint import Line

    line: dict[str, Any] = msgspec.to_builtins(Line.of(0, None, "", response, failure))
    del line["key"]  # it belongs to the files of `map`
    return line


COMMAND = Command(
    "chat",
    "send a prompt and print the answer as it arrives; without one, a conversation",
    _DESCRIPTION,
    _run,
    (
        argument("prompt", nargs="?", metavar="PROMPT", help="the prompt; - reads it from stdin"),
        argument("-m", "--model", metavar="MODEL", help="the model; by default MiniMax-M2.5"),
        argument("-s", "--system", metavar="SYSTEM", help="the system prompt"),
        argument("-c", "--continue", dest="keep", action="store_true", help="continue the last conversation"),
        argument("--temperature", metavar="T", type=float, help="the randomness of the answer, from 0 to 2"),
        argument(
            "--max-tokens", metavar="N", type=int, help="maximum number of tokens in the answer, thinking included"
        ),
        argument("--effort", metavar="LEVEL", help="how much the model thinks: low, medium, high or max"),
        argument("--schema", metavar="FILE", help="ask for JSON that fits the schema in FILE, and print the value"),
        argument(
            "--image",
            metavar="FILE",
            action="append",
            default=[],
            help="an image to send, as a file or a URL; may be repeated",
        ),
        argument(
            "--json",
            action="store_true",
            help="print one JSON object: index, id, text, reasoning, tool_calls, finish_reason, usage, model, error",
        ),
        argument("--stdin", action="store_true", help="read stdin to its end, however long that takes"),
        argument("-n", "--no-stdin", action="store_true", help="do not read stdin, as in a `while read` loop"),
        argument("--no-stream", action="store_true", help="wait for the whole answer"),
        argument("--show-thinking", action="store_true", help="show the model's thinking, on stderr"),
    ),
    _EXAMPLES,
)
