"""What a stream yields. The same kinds on both wires; a tool call's `index` counts calls from 0."""

from __future__ import annotations

import msgspec

from .messages import ChatMessage, ToolCall
from .shortened import fields_shown
from .usage import TokenUsage


class StreamChunk(msgspec.Struct, frozen=True, gc=False):
    """Base of all chunks."""

    def __repr__(self) -> str:
        return fields_shown(self)


class TextDelta(StreamChunk, frozen=True, gc=False):
    """More of the answer's text; never empty."""

    text: str


class ReasoningDelta(StreamChunk, frozen=True, gc=False):
    """More of the model's thinking; never empty, never part of the answer."""

    text: str


class ToolCallStart(StreamChunk, frozen=True, gc=False):
    """The model begins a tool call."""

    index: int
    id: str
    name: str


class ToolCallDelta(StreamChunk, frozen=True, gc=False):
    """More of the JSON text of a call's arguments."""

    index: int
    arguments: str


class ToolCallEnd(StreamChunk, frozen=True):
    """A tool call is whole."""

    index: int
    call: ToolCall


class ToolResult(StreamChunk, frozen=True):
    """A tool call was answered; comes between the rounds of a `tool_run`.

    `text` is what the model gets. `error` is None when the function returned, else what went wrong: an exception, an
    unknown tool, arguments that do not fit, or a refusal by `approve`.
    """

    call: ToolCall
    text: str
    error: str | None = None

    @property
    def message(self) -> ChatMessage:
        """The message that goes to the model."""
        return ChatMessage.tool_result(self.call.id, self.text, self.call.name, is_error=self.error is not None)


class UsageUpdate(StreamChunk, frozen=True):
    """The tokens used by this answer; comes once, right before the end, when the service tells them."""

    usage: TokenUsage


class StreamEnd(StreamChunk, frozen=True, gc=False):
    """The last chunk of every complete stream."""

    finish_reason: str
