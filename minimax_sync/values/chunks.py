"""What a stream yields. The same kinds on both wires; a tool call's `index` counts calls from 0."""

from __future__ import annotations

import msgspec

from .images import Image
from .messages import ChatMessage, Part, Text, ToolCall
from .shortened import fields_shown
from .usage import TokenUsage


class StreamChunk(msgspec.Struct, frozen=True, gc=False):
    """Base of all chunks.

    >>> emulator.answer("Yes.")
    >>> stream = client.stream("Hello")
    >>> [type(chunk).__name__ for chunk in stream if isinstance(chunk, StreamChunk)]
    ['TextDelta', 'TextDelta', 'UsageUpdate', 'StreamEnd']
    """

    def __repr__(self) -> str:
        return fields_shown(self)


class TextDelta(StreamChunk, frozen=True, gc=False):
    """More of the answer's text; never empty.

    >>> emulator.answer("Yes.")
    >>> stream = client.stream("Hello")
    >>> "".join(chunk.text for chunk in stream if isinstance(chunk, TextDelta))
    'Yes.'
    """

    text: str


class ReasoningDelta(StreamChunk, frozen=True, gc=False):
    """More of the model's thinking; never empty, never part of the answer.

    >>> emulator.answer("Yes.", reasoning="Hm.")
    >>> stream = client.stream("Hello")
    >>> "".join(chunk.text for chunk in stream if isinstance(chunk, ReasoningDelta))
    'Hm.'
    """

    text: str


class ToolCallStart(StreamChunk, frozen=True, gc=False):
    """The model begins a tool call.

    >>> emulator.answer(tool_calls=[("clock", {})])
    >>> stream = client.stream("What time is it?", tools=[ToolDef("clock")])
    >>> [(chunk.index, chunk.name) for chunk in stream if isinstance(chunk, ToolCallStart)]
    [(0, 'clock')]
    """

    index: int
    id: str
    name: str


class ToolCallDelta(StreamChunk, frozen=True, gc=False):
    """More of the JSON text of a call's arguments.

    >>> emulator.answer(tool_calls=[("clock", {})])
    >>> stream = client.stream("What time is it?", tools=[ToolDef("clock")])
    >>> "".join(chunk.arguments for chunk in stream if isinstance(chunk, ToolCallDelta))
    '{}'
    """

    index: int
    arguments: str


class ToolCallEnd(StreamChunk, frozen=True):
    """A tool call is whole.

    >>> emulator.answer(tool_calls=[("clock", {})])
    >>> stream = client.stream("What time is it?", tools=[ToolDef("clock")])
    >>> [(chunk.index, chunk.call.name, chunk.call.arguments) for chunk in stream if isinstance(chunk, ToolCallEnd)]
    [(0, 'clock', {})]
    """

    index: int
    call: ToolCall


class ToolResult(StreamChunk, frozen=True):
    """A tool call was answered; comes between the rounds of a `tool_run`.

    `text` and `images` are what the model gets. `error` is None when the function returned, else what went wrong: an
    exception, an unknown tool, arguments that do not fit, or a refusal by `approve`.

    >>> def clock() -> str:
    ...     return "12:00"
    >>> emulator.answer(tool_calls=[("clock", {})])
    >>> with client.tool_run("What time is it?", [clock]) as run:
    ...     [(chunk.call.name, chunk.text) for chunk in run if isinstance(chunk, ToolResult)]
    [('clock', '12:00')]
    """

    call: ToolCall
    text: str
    error: str | None = None
    images: tuple[Image, ...] = ()

    @property
    def message(self) -> ChatMessage:
        """The message that goes to the model."""
        parts: tuple[Part, ...] = (Text(self.text), *self.images)
        return ChatMessage("tool", parts, self.call.id, self.call.name, self.error is not None)


class UsageUpdate(StreamChunk, frozen=True):
    """The tokens used by this answer; comes once, right before the end, when the service sends them.

    >>> stream = client.stream("Hello")
    >>> [chunk.usage.total_tokens > 0 for chunk in stream if isinstance(chunk, UsageUpdate)]
    [True]
    """

    usage: TokenUsage


class StreamEnd(StreamChunk, frozen=True, gc=False):
    """The last chunk of every complete stream.

    >>> stream = client.stream("Hello")
    >>> [chunk.finish_reason for chunk in stream if isinstance(chunk, StreamEnd)]
    ['stop']
    """

    finish_reason: str
