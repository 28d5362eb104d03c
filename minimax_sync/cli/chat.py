"""`chat`: one answer, streamed; or, on a terminal without a prompt, a conversation."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from ..errors import LlmError, RequestError
from .clients import find_settings, open_client
from .display import show_stream, show_whole
from .parser import Command, UsageError, argument
from .terminal import is_terminal, print_json

if TYPE_CHECKING:
    from ..client import MiniMaxClient
    from ..values.messages import ChatMessage
    from ..values.response import ChatResponse

_DESCRIPTION = """\
Ask MiniMax M2.5 and print its answer as it comes.

What is piped in is the prompt, or stands behind it, after an empty line, when there is a PROMPT too. Without either, on
a terminal, a conversation begins: type /help in it. Ctrl-C ends an answer there, Ctrl-D the conversation.

The answer goes to stdout, as Markdown on a terminal when the extra `cli` is installed (NO_COLOR turns that off).
Thinking, when shown, goes to stderr. A stream that breaks off leaves on the screen what had come, and the exit status
is 1."""

_EXAMPLES = """\
minimax-sync chat "Name three rivers."
git diff | minimax-sync chat "Write a commit message for this diff."
minimax-sync chat -s "Answer in French." --show-thinking "What is a monad?"
minimax-sync chat --image chart.png "What does this chart show?"
minimax-sync chat --json "Name three rivers." | jq -r .text"""


def _run(arguments: Namespace) -> int:
    prompt = _prompt(arguments.prompt)
    if prompt is None:
        return _converse(arguments)
    message = _message(prompt, arguments.image)
    with open_client(arguments, model=arguments.model) as client:
        if arguments.json:
            _print_record(client, message, arguments)
        elif arguments.no_stream:
            show_whole(lambda: client.chat(message, system=arguments.system), arguments.show_thinking)
        else:
            show_stream(lambda: client.stream(message, system=arguments.system), arguments.show_thinking)
    return 0


def _converse(arguments: Namespace) -> int:
    if arguments.json or arguments.no_stream:
        raise UsageError("a conversation is neither --json nor --no-stream; give a PROMPT, or pipe it in")
    if not is_terminal(sys.stdout):
        raise UsageError("give a PROMPT, or pipe it in; a conversation needs a terminal for its answers too")
    from .repl import Repl

    model = find_settings(arguments, model=arguments.model).model.value
    with open_client(arguments, model=arguments.model) as client:
        repl = Repl(client, model, arguments.system, arguments.show_thinking)
        for image in arguments.image:
            repl.attach(image)
        repl.run()
    return 0


def _prompt(given: str | None) -> str | None:
    """Put the prompt together; None when there is nobody but a person at a terminal to ask for one."""
    piped = _piped()
    if piped is None:
        return given
    prompt = "\n\n".join(part for part in (given, piped) if part)
    if not prompt:
        raise UsageError("the prompt is empty: give one, or pipe it in")
    return prompt


def _piped() -> str | None:
    if sys.stdin is None or sys.stdin.isatty():
        return None
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        position = error.start
    raise RequestError(f"what is piped in is not text in UTF-8: byte {position} does not fit; --image sends images")


def _message(prompt: str, images: list[str]) -> ChatMessage:
    from .. import ChatMessage

    return ChatMessage.user(prompt, images)


def _print_record(client: MiniMaxClient, message: ChatMessage, arguments: Namespace) -> None:
    """Print the object whatever comes of the call: with an error, it holds what had come."""
    import msgspec

    from ..batch.checkpoint import Line

    options: dict[str, Any] = {"system": arguments.system}
    response: ChatResponse | None = None
    failure: LlmError | None = None
    try:
        response = (
            client.chat(message, **options) if arguments.no_stream else client.stream(message, **options).response
        )
    except LlmError as error:
        failure = error
    line: dict[str, Any] = msgspec.to_builtins(Line.of(0, None, "", response, failure))
    del line["key"]  # it belongs to the files of `map`
    print_json(line)
    if failure is not None:
        raise failure


COMMAND = Command(
    "chat",
    "ask, and print the answer as it comes; without a prompt, a conversation",
    _DESCRIPTION,
    _run,
    (
        argument("prompt", nargs="?", metavar="PROMPT", help="what to ask"),
        argument("-m", "--model", metavar="MODEL", help="the model; by default MiniMax-M2.5"),
        argument("-s", "--system", metavar="SYSTEM", help="the instruction that stands above the conversation"),
        argument(
            "--image",
            metavar="FILE",
            action="append",
            default=[],
            help="an image to show the model, as a file or a URL; may be repeated",
        ),
        argument(
            "--json",
            action="store_true",
            help="print one JSON object: index, id, text, reasoning, tool_calls, finish_reason, usage, model, error",
        ),
        argument("--no-stream", action="store_true", help="wait for the whole answer"),
        argument("--show-thinking", action="store_true", help="show the model's thinking, on stderr"),
    ),
    _EXAMPLES,
)
