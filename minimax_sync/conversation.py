"""A conversation: the history, kept turn by turn. A turn that fails, or is not read to its end, leaves no trace in it.

Knows only three methods of a client. The history is one immutable value; a turn starts from it and replaces it at the
end, if it is still the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import msgspec

from .calls.stream import ChatStream
from .errors import RequestError
from .tracebacks import sealed
from .values.chunks import StreamChunk, StreamEnd
from .values.messages import ChatMessage
from .values.request import ChatRequest
from .values.response import ChatResponse
from .values.usage import TokenUsage

_Messages = tuple[ChatMessage, ...]


class Client(Protocol):
    """What a conversation needs of a client."""

    @property
    def chat(self) -> Callable[..., ChatResponse]: ...
    @property
    def stream(self) -> Callable[..., ChatStream]: ...
    @property
    def run_tools(self) -> Callable[..., ChatResponse]: ...


class _History(msgspec.Struct, frozen=True):
    messages: _Messages
    usage: TokenUsage = TokenUsage()
    last: ChatResponse | None = None


class Conversation:
    """A history that grows by a turn at a time; make one with `client.conversation()`.

    `system` and `options`, fields of `ChatRequest`, hold for every turn; those of a turn come before them. With `tools`
    among them, `say` runs functions as `run_tools` does, and takes its options too. To save one, pickle `messages`; to
    go on with it, also with a client of the other wire, pass them to `client.conversation(messages=...)`.

    One turn at a time: a second `say` during one raises `RequestError`, and so does a stream at its end when another
    turn was faster.
    """

    def __init__(
        self,
        client: Client,
        system: str | None = None,
        *,
        messages: Sequence[Any] = (),
        **options: Any,
    ) -> None:
        self._client = client
        self._options = {**options, "system": system}
        self._history = _History(_coerced(messages))
        self._turns: dict[str, object] = {}
        self._keeping = threading.Lock()

    @property
    def messages(self) -> tuple[ChatMessage, ...]:
        """The history, without the system prompt."""
        return self._history.messages

    @property
    def usage(self) -> TokenUsage:
        """The tokens of all turns that are in the history, added up."""
        return self._history.usage

    @property
    def last(self) -> ChatResponse | None:
        """The last answer; None before the first."""
        return self._history.last

    @sealed
    def say(self, text: str = "", images: Iterable[object] = (), **options: Any) -> ChatResponse:
        """Say something and return the answer. Without text and images it goes on from what `add` put in.

        Takes what `chat` takes, or with `tools` what `run_tools` takes, and raises the same. When the answer asks for a
        tool that has no function, `add` the results and say nothing.
        """
        with self._in_turn() as before:
            said = _said(before.messages, text, images)
            options = {**self._options, **options}
            tools = options.pop("tools", None)
            response = self._client.run_tools(said, tools, **options) if tools else self._client.chat(said, **options)
            self._keep(before, response.messages or (*said, response.message), response)
            return response

    @sealed
    def stream(self, text: str = "", images: Iterable[object] = (), **options: Any) -> ChatStream:
        """Say something and return the answer as it comes; the turn is kept once its `StreamEnd` has been read.

        Takes what `client.stream` takes. Functions among the `tools` are not called: `add` the results of the calls.
        """
        with self._in_turn() as before:
            said = _said(before.messages, text, images)

            def keep(response: ChatResponse) -> None:
                self._keep(before, (*said, response.message), response)

            return _Turn(self._client.stream(said, **{**self._options, **options}), keep)

    def add(self, *messages: Any) -> None:
        """Append messages, such as tool results; `ChatMessage`s or OpenAI-style dicts."""
        with self._in_turn() as before:
            self._keep(before, (*before.messages, *_coerced(messages)))

    @contextmanager
    def _in_turn(self) -> Iterator[_History]:
        """Begin a turn. What is released is told by identity, so that no Ctrl-C can leave the conversation taken."""
        turn = object()
        try:
            if self._turns.setdefault("current", turn) is not turn:
                raise RequestError("this conversation is in the middle of a turn, and takes one at a time")
            yield self._history
        finally:
            if self._turns.get("current") is turn:
                del self._turns["current"]

    def _keep(self, before: _History, messages: _Messages, response: ChatResponse | None = None) -> None:
        after = _History(messages, before.usage, before.last)
        if response is not None:
            after = _History(messages, before.usage + response.usage, response)
        with self._keeping:
            if self._history is not before:
                raise RequestError("the conversation went on while this turn was under way, so it was not added")
            self._history = after

    def __repr__(self) -> str:
        return f"<Conversation of {len(self.messages)} messages, {self.usage!r}>"


class _Turn(ChatStream):
    """A stream whose answer is added to a history once its end has been read."""

    def __init__(self, stream: ChatStream, keep: Callable[[ChatResponse], None]) -> None:
        self._stream = stream
        self._keep = keep

    def __next__(self) -> StreamChunk:
        chunk = next(self._stream)
        if type(chunk) is StreamEnd:
            self._keep(self.partial)
        return chunk

    @property
    def partial(self) -> ChatResponse:
        return self._stream.partial

    def close(self) -> None:
        self._stream.close()

    def __repr__(self) -> str:
        return repr(self._stream)


def _coerced(messages: Any) -> _Messages:
    return ChatRequest(messages).messages


def _said(before: _Messages, text: str, images: Iterable[object]) -> _Messages:
    if not isinstance(text, str):
        raise RequestError(f"text must be a string, not {type(text).__name__}; add() takes messages")
    message = ChatMessage.user(text, images)
    if message.parts:
        return (*before, message)
    if before and before[-1].role != "assistant":
        return before
    raise RequestError("there is nothing to say: give text or images, or add() the results of tool calls")
