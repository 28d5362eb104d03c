"""`Conversation`: a history that grows turn by turn. A turn that fails or is not read to its end does not change it.

Knows a few methods of a client and nothing below them. The history is one immutable value; a turn starts from it and
replaces it at the end, if it has not changed.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

import msgspec

from .auth.file_access import replace_private
from .calls.stream import ChatStream
from .errors import RequestError
from .settings.places import path_text
from .tracebacks import sealed
from .values.chunks import StreamChunk, StreamEnd
from .values.histories import StoredHistory, history_from_json
from .values.messages import ChatMessage, ToolCall, open_calls
from .values.options import RUN_OPTIONS, ConversationOptions, TurnOptions
from .values.request import ChatRequest
from .values.response import ChatResponse
from .values.usage import TokenUsage

if sys.version_info >= (3, 11):
    from typing import Unpack
else:
    from typing_extensions import Unpack

_Messages = tuple[ChatMessage, ...]

NOT_RUN = "this call was not run: the user continued without it"
"""The result of a call that the user did not answer before the next turn; the service refuses a call without one."""


@runtime_checkable
class Client(Protocol):
    """What a conversation needs of a client."""

    @property
    def chat(self) -> Callable[..., ChatResponse]: ...
    @property
    def stream(self) -> Callable[..., ChatStream]: ...
    @property
    def run_tools(self) -> Callable[..., ChatResponse]: ...
    @property
    def tool_run(self) -> Callable[..., ChatStream]: ...
    @property
    def parse(self) -> Callable[..., Any]: ...


class _History(StoredHistory, frozen=True):
    """The history after a turn, with the answer of that turn."""

    last: ChatResponse | None = None


class Conversation:
    """A history that grows by a turn at a time; make one with `client.conversation()`.

    `system` and `options`, fields of `ChatRequest`, hold for every turn; options of a turn replace them. With functions
    among the `tools`, a turn runs them as `run_tools` does, and takes its options too. `save` writes a conversation to
    a file, `load` continues one, also over the other wire. One turn at a time: a second `say` during a turn raises
    `RequestError`, and so does a stream at its end if another turn has changed the history.

    >>> talk = client.conversation("Be brief.")
    >>> talk.say("I am Ada.").text
    'You said: "I am Ada.".'
    >>> talk.save("talk.json")
    >>> [message.role for message in Conversation.load(client, "talk.json").messages]
    ['user', 'assistant']
    """

    def __init__(
        self,
        client: Client,
        system: str | None = None,
        *,
        messages: Sequence[Any] = (),
        **options: Unpack[ConversationOptions],
    ) -> None:
        self._client = client
        self._options = {**options, "system": system}
        self._history = _History(_coerced(messages), system)
        self._turns: dict[str, object] = {}
        self._keeping = threading.Lock()

    @property
    def messages(self) -> _Messages:
        """The history, without the system prompt."""
        return self._history.messages

    @property
    def usage(self) -> TokenUsage:
        """The tokens of all turns that are in the history, added up."""
        return sum(self._history.usage.values(), start=TokenUsage())

    @property
    def cost(self) -> float:
        """The price of all turns in USD, each answer at the rates of its model; see `TokenUsage.cost`."""
        return sum(usage.cost(model) for model, usage in self._history.usage.items())

    @property
    def last(self) -> ChatResponse | None:
        """The last answer; None before the first."""
        return self._history.last

    @sealed
    def say(self, text: str = "", images: Iterable[object] = (), **options: Unpack[TurnOptions]) -> ChatResponse:
        """Send a user message and return the answer. Without text and images it continues from the messages given to
        `add`.

        Takes what `chat` takes, or with `tools` what `run_tools` takes, and raises the same. When the answer asks for a
        tool that has no function, `add` the results and call `say()` without text. Other calls without a result, such
        as those after `max_rounds`, get a result "not run" with the next text.
        """
        with self._in_turn() as before:
            tools, chosen = self._tools_and_options(options)
            messages = _with_user_message(before.messages, text, images, tools)
            client = self._client
            response = client.run_tools(messages, tools, **chosen) if tools else client.chat(messages, **chosen)
            self._keep(before, response.messages or (*messages, response.message), response)
            return response

    @sealed
    def stream(self, text: str = "", images: Iterable[object] = (), **options: Unpack[TurnOptions]) -> ChatStream:
        """Send a user message and return the answer as a stream; the turn is kept once its last `StreamEnd` has been
        read.

        Takes what `say` takes. With `tools` it is a `ToolRun`'s stream: the chunks of all rounds with a `ToolResult`
        for each call.

        >>> talk = client.conversation()
        >>> "".join(talk.stream("Hello").text_deltas())
        'You said: "Hello".'
        >>> len(talk.messages)
        2
        """
        with self._in_turn() as before:
            tools, chosen = self._tools_and_options(options)
            messages = _with_user_message(before.messages, text, images, tools)
            client = self._client
            stream = client.tool_run(messages, tools, **chosen) if tools else client.stream(messages, **chosen)
            return _Turn(stream, self, before, messages)

    @sealed
    def parse(
        self,
        text: str,
        schema: Any,
        images: Iterable[object] = (),
        *,
        max_repairs: int = 2,
        full: bool = False,
        **options: Unpack[TurnOptions],
    ) -> Any:
        """Send a user message and return the answer as an instance of `schema`; takes and raises what `client.parse`
        does.

        The history gets the answer that fits, without the repairs; the usage is that of all calls.

        >>> client.conversation().parse("Name two rivers.", list[str])
        ['example']
        """
        with self._in_turn() as before:
            tools, chosen = self._tools_and_options(options, runs_tools=False)
            messages = _with_user_message(before.messages, text, images, tools)
            parsed = self._client.parse(messages, schema, max_repairs=max_repairs, full=True, **chosen)
            response = msgspec.structs.replace(parsed.response, usage=parsed.usage)
            self._keep(before, (*messages, response.message), response)
            return parsed if full else parsed.value

    def to_dict(self) -> dict[str, Any]:
        """Return system prompt, messages and usage as plain JSON. Options, such as tools, are not part of it."""
        return self._history.to_dict()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what `to_dict` returns to a file that only its owner can read, in one step. Raises `OSError`."""
        replace_private(path_text(path, "path"), self._history.to_json())

    @classmethod
    def load(
        cls,
        client: Client,
        path: str | os.PathLike[str],
        system: str | None = None,
        **options: Unpack[ConversationOptions],
    ) -> Conversation:
        """Continue a saved conversation, with any client. `system` replaces the saved one; `options` are those of
        `client.conversation`.

        Raises `OSError` for a file that cannot be read, `RequestError` for one that does not hold a conversation.
        """
        name = path_text(path, "path")
        with open(name, "rb") as file:
            stored = history_from_json(file.read(), name)
        system = stored.system if system is None else system
        conversation = cls(client, system, messages=stored.messages, **options)
        conversation._history = _History(stored.messages, system, stored.usage)
        return conversation

    def add(self, *messages: Any) -> None:
        """Append messages, such as tool results; `ChatMessage`s or OpenAI-style dicts."""
        with self._in_turn() as before:
            self._keep(before, (*before.messages, *_coerced(messages)))

    def _tools_and_options(self, options: Mapping[str, Any], runs_tools: bool = True) -> tuple[object, dict[str, Any]]:
        """Return the tools of a turn and its other options, without those of a run if it runs no tools."""
        chosen: dict[str, Any] = {**self._options, **options}
        tools = chosen.pop("tools", None)
        if not tools or not runs_tools:
            for name in RUN_OPTIONS:
                if name in options:
                    raise RequestError(f"{name} applies only to a turn that runs tools")
                chosen.pop(name, None)
        return tools, chosen

    @contextmanager
    def _in_turn(self) -> Iterator[_History]:
        """Begin a turn. It is recognized by identity, so that no Ctrl-C can leave the conversation in a turn."""
        turn = object()
        try:
            if self._turns.setdefault("current", turn) is not turn:
                raise RequestError("another turn of this conversation is in progress; wait for its end")
            yield self._history
        finally:
            if self._turns.get("current") is turn:
                del self._turns["current"]

    def _keep(self, before: _History, messages: _Messages, response: ChatResponse | None = None) -> None:
        usage, last = dict(before.usage), before.last
        if response is not None:
            usage[response.model] = usage.get(response.model, TokenUsage()) + response.usage
            last = response
        after = _History(messages, before.system, usage, last)
        with self._keeping:
            if self._history is not before:
                raise RequestError("the history was changed during this turn, so the turn was not added to it")
            self._history = after

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self._client, self._options, self._history)

    def __repr__(self) -> str:
        return f"<Conversation of {len(self.messages)} messages, {self.usage!r}>"

    def _repr_html_(self) -> str:
        """Return the turns as HTML for a notebook, thinking and tool calls folded."""
        from .calls.display import turns
        from .values.rendering import counted, note, spent

        spending = spent(self.usage.total_tokens, lambda: self.cost)
        remark = f"{counted(len(self.messages), 'message')}, {spending}"
        return f"<div>{''.join(turns(self._history.system, self.messages))}{note(remark)}</div>"


def _restored(kind: type[Conversation], client: Client, options: dict[str, Any], history: _History) -> Conversation:
    """Return a copy of a conversation, with a turn and a history of its own."""
    conversation = kind(client)
    conversation._options, conversation._history = options, history
    return conversation


class _Turn(ChatStream):
    """A stream whose answer is added to the history of a conversation once its end has been read."""

    def __init__(self, stream: ChatStream, conversation: Conversation, before: _History, messages: _Messages) -> None:
        self._stream, self._conversation = stream, conversation
        self._before, self._messages = before, messages

    def __next__(self) -> StreamChunk:
        chunk = next(self._stream)
        if type(chunk) is StreamEnd and self._stream.is_over:
            response = self.partial
            messages = response.messages or (*self._messages, response.message)
            self._conversation._keep(self._before, messages, response)
        return chunk

    @property
    def partial(self) -> ChatResponse:
        return self._stream.partial

    @property
    def is_over(self) -> bool:
        return self._stream.is_over

    def close(self) -> None:
        self._stream.close()

    def __repr__(self) -> str:
        return repr(self._stream)


def _coerced(messages: Any) -> _Messages:
    return ChatRequest(messages).messages


def _with_user_message(before: _Messages, text: str, images: Iterable[object], tools: object) -> _Messages:
    """Return the history with the user's message. Open calls get a result, unless the caller has to answer them."""
    if not isinstance(text, str):
        raise RequestError(f"text must be a string, not {type(text).__name__}; add() takes messages")
    message = ChatMessage.user(text, images)
    unanswered = open_calls(before)
    if not message.parts:
        if before and (before[-1].role != "assistant" or unanswered):
            return before
        raise RequestError("there is nothing to send: give text or images, or add() the results of tool calls")
    if not unanswered or _leaves_to_caller(tools, unanswered):
        return (*before, message)
    results = [ChatMessage.tool_result(call.id, NOT_RUN, call.name, is_error=True) for call in unanswered]
    return (*before, *results, message)


def _leaves_to_caller(tools: object, calls: Iterable[ToolCall]) -> bool:
    if not tools:
        return False
    from .functions.toolbox import Toolbox

    return Toolbox(tools).leaves_to_caller(calls)
