"""A conversation on a terminal. Ctrl-C ends an answer and keeps the history before it; Ctrl-D leaves."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import ConfigError, LlmError
from ..values.images import Image
from .clients import as_complaint
from .display import show_stream
from .state import keep_conversation, typed_lines
from .terminal import complain, dim, os_error_text, print_table

if TYPE_CHECKING:
    from ..client import MiniMaxClient
    from ..conversation import Conversation

_BLOCK = '"""'
_COMMAND = re.compile(r"/(\w+)(?:\s+(.*))?", re.DOTALL)
_HELP = (
    ("a \\ at the end of a line", "continues on the next line"),
    ('""" ... """', "holds several lines"),
    ("Ctrl-C", "ends the answer; the turn is discarded"),
)


class Repl:
    """One conversation and what its commands change."""

    def __init__(
        self,
        client: MiniMaxClient,
        model: str,
        conversation: Conversation,
        options: Mapping[str, Any],
        show_thinking: bool,
    ) -> None:
        self._client = client
        self._options = {**options, "model": model}
        self._shows_thinking = show_thinking
        self._images: list[Image] = []
        self._conversation = conversation
        self._saved: set[Path] = set()

    def run(self) -> None:
        """Converse until Ctrl-D or /exit."""
        print(dim(f"{self._options['model']}. /help lists the commands, Ctrl-D leaves."))
        with typed_lines():
            while True:
                try:
                    self._turn(_read_message("> "))
                except KeyboardInterrupt:
                    print()
                except EOFError:
                    print()
                    return
                except LlmError as error:
                    complain(as_complaint(error))
                except OSError as error:
                    complain(os_error_text(error))

    def attach(self, source: str) -> None:
        """Show the model an image with the next message."""
        if not source:
            complain("which image? /image FILE")
            return
        self._images.append(Image.coerce(source))
        print(dim(f"{len(self._images)} image(s) will be sent with the next message"))

    def _turn(self, text: str) -> None:
        command = _COMMAND.fullmatch(text.strip())
        if command:
            self._run_command(command[1], (command[2] or "").strip())
        elif text.strip() or self._images:
            self._say(text.strip())

    def _say(self, text: str) -> None:
        images, options = self._images, self._options
        try:
            show_stream(lambda: self._conversation.stream(text, images, **options), self._shows_thinking)
        except KeyboardInterrupt:
            print(dim("ended; this turn is discarded"))
            return
        self._images = []
        keep_conversation(self._conversation)

    def _run_command(self, name: str, argument: str) -> None:
        if name not in _COMMANDS:
            complain(f"there is no command /{name}; /help lists them")
            return
        _COMMANDS[name].run(self, argument)

    def help(self, _: str) -> None:
        print_table([(f"/{name} {each.argument}", each.meaning) for name, each in _COMMANDS.items()])
        print_table(_HELP)

    def choose_model(self, name: str) -> None:
        self._options["model"] = name or self._options["model"]
        print(dim(f"model: {self._options['model']}"))

    def instruct(self, text: str) -> None:
        self._options["system"] = text or None
        print(dim(f"system: {text or 'none'}"))

    def save(self, name: str) -> None:
        """Write the conversation, as JSON to a .json file, else as Markdown; another file is not overwritten."""
        if not name:
            complain("save to which file? /save FILE")
            return
        path = Path(os.path.expanduser(name))
        messages = self._conversation.messages
        turns = [f"**{message.role}**\n\n{message.text}\n" for message in messages]
        if path not in self._saved:
            path.touch(exist_ok=False)
        if path.suffix == ".json":
            self._conversation.save(path)
        else:
            path.write_bytes("\n".join(turns).encode("utf-8", "replace"))
        self._saved.add(path)
        print(dim(f"saved {len(turns)} messages to {path}"))

    def load(self, name: str) -> None:
        """Continue a conversation that was saved as JSON."""
        if not name:
            complain("load which file? /load FILE.json")
            return
        from ..conversation import Conversation

        self._conversation = Conversation.load(self._client, os.path.expanduser(name))
        print(dim(f"{len(self._conversation.messages)} messages"))

    def show_usage(self, _: str) -> None:
        usage = self._conversation.usage
        cached = f"{usage.cache_read_tokens} of them cached"
        print(dim(f"{usage.prompt_tokens} tokens in, {cached}, {usage.completion_tokens} out"))
        with suppress(ConfigError):  # no price is known of this model
            print(dim(f"{usage.cost(self._options['model']):.4f} USD at pay-as-you-go prices"))

    def toggle_thinking(self, _: str) -> None:
        self._shows_thinking = not self._shows_thinking
        print(dim(f"thinking is {'shown' if self._shows_thinking else 'hidden'}"))

    def clear(self, _: str) -> None:
        self._conversation = self._client.conversation()
        self._images = []
        print(dim("a new conversation"))

    def leave(self, _: str) -> None:
        raise EOFError


def _read_message(prompt: str) -> str:
    r"""Read a message: a line, more of them while they end in a backslash, or a block in triple quotes.

    Raises EOFError at Ctrl-D and KeyboardInterrupt at Ctrl-C.
    """
    more = "." * (len(prompt) - 1) + " "
    text = input(prompt)
    if text.lstrip().startswith(_BLOCK):
        text = text.lstrip().removeprefix(_BLOCK)
        while not text.rstrip().endswith(_BLOCK):
            text += "\n" + input(more)
        return text.rstrip().removesuffix(_BLOCK).strip("\n")
    while text.endswith("\\"):
        text = text[:-1] + "\n" + input(more)
    return text


class _ReplCommand(msgspec.Struct, frozen=True):
    argument: str
    meaning: str
    run: Callable[[Repl, str], None]


_COMMANDS = {
    "help": _ReplCommand("", "this list", Repl.help),
    "model": _ReplCommand("[NAME]", "show or set the model", Repl.choose_model),
    "system": _ReplCommand("[TEXT]", "set the system prompt; without TEXT, remove it", Repl.instruct),
    "image": _ReplCommand("FILE", "send an image, a file or a URL, with the next message", Repl.attach),
    "save": _ReplCommand("FILE", "save the conversation as Markdown, or as JSON if FILE ends in .json", Repl.save),
    "load": _ReplCommand("FILE", "continue a conversation that was saved as JSON", Repl.load),
    "usage": _ReplCommand("", "the tokens used by this conversation", Repl.show_usage),
    "thinking": _ReplCommand("", "show or hide the thinking", Repl.toggle_thinking),
    "clear": _ReplCommand("", "begin a new conversation", Repl.clear),
    "exit": _ReplCommand("", "leave, like Ctrl-D", Repl.leave),
}
