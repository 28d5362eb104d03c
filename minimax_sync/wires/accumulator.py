"""The growth of an answer: what both wires share when they turn events, or a whole body, into chunks and a response.

A whole answer is taken as a stream of one delta, so that a streamed and a plain call cannot differ. No I/O, no clock.
An accumulator belongs to one answer and one thread at a time. Text grows as UTF-8 in bytearrays: a StringIO, like a
list, keeps an object for every delta on some Pythons.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

from ..errors import ResponseFormatError, StreamInterruptedError
from ..values.chunks import StreamChunk, StreamEnd, TextDelta, ToolCallDelta, ToolCallEnd, ToolCallStart, UsageUpdate
from ..values.messages import ChatMessage, Part
from ..values.response import ChatResponse
from ..values.usage import TokenUsage
from .growing_call import GrowingCall
from .stop_sequences import StopCutter

if TYPE_CHECKING:
    from .sse import Event

MAX_TOOL_CALLS = 256

_NO_JSON = (b"", b"[DONE]")


class Accumulator(ABC):
    """Base of a wire's accumulator: subclasses take the wire's events and return the parts of the message."""

    finish_reasons: ClassVar[Mapping[str, str]]
    """The wire's own words for a finish reason, and ours; a word that is not listed stays as it is."""

    def __init__(self, stops: tuple[str, ...] = ()) -> None:
        self.id = self.model = self.request_id = self.finish_reason = ""
        self.flagged = False
        self.usage: TokenUsage | None = None
        self.complete = False
        """The terminal event has come: nothing more is needed."""
        self.stopped = False
        """A stop sequence was met: the rest of the stream is of no interest."""
        self._chunks: list[StreamChunk] = []
        self._calls: list[GrowingCall] = []
        self._cutter = StopCutter(stops) if stops else None
        self._sinks: list[bytearray] = []
        self._body = b""

    # what a wire provides

    @abstractmethod
    def take_event(self, event: Event) -> None:
        """Take one event; raises the error that it carries."""

    @abstractmethod
    def take_body(self, body: bytes) -> None:
        """Take a whole answer; raises the error that it carries."""

    @abstractmethod
    def parts(self) -> Iterable[Part]:
        """Return the message's parts as far as they have come, in the wire's order, without empty ones."""

    # what the reader of the wire uses

    @property
    def awaits_only_usage(self) -> bool:
        """The answer is whole but for its usage, which may or may not come."""
        return bool(self.finish_reason) and not self.complete

    def feed(self, event: Event) -> list[StreamChunk]:
        """Take an event and return the chunks it gives. Nothing is taken after a stop sequence."""
        if not self.stopped:
            self.take_event(event)
        chunks, self._chunks = self._chunks, []
        return chunks

    def feed_body(self, body: bytes) -> None:
        """Take a whole answer. Its chunks are there to be taken after `end`."""
        self.take_body(body)
        self._body = body

    def take_chunks(self) -> list[StreamChunk]:
        """Hand out the chunks that are ready."""
        chunks, self._chunks = self._chunks, []
        return chunks

    def end(self) -> list[StreamChunk]:
        """Close the answer: the last chunks, usage and `StreamEnd`. Raises `StreamInterruptedError` if it is not whole.

        Whole is: the terminal event was seen, or a finish reason and then the end of the stream, or a stop sequence.
        """
        if not self.stopped:
            self.flush_text()
        if not (self.complete or self.finish_reason or self.stopped):
            raise StreamInterruptedError(
                "the stream ended before the answer did; what had come is in .partial", partial=self.response()
            )
        for call in self._calls:
            self.end_call(call)
        if self.usage is not None:
            self._chunks.append(UsageUpdate(self.usage))
        self.finish_reason = self._final_reason()
        self._chunks.append(StreamEnd(self.finish_reason))
        return self.take_chunks()

    def response(self, headers: Mapping[str, str] | None = None) -> ChatResponse:
        """Return the answer as far as it has come."""
        return ChatResponse(
            message=ChatMessage("assistant", tuple(self.parts())),
            finish_reason=self.finish_reason,
            usage=self.usage or TokenUsage(),
            model=self.model,
            id=self.id,
            request_id=self.request_id,
            flagged=self.flagged,
            headers=headers or {},
            body=self._body,
        )

    # what the wires build with

    def say(self, sink: bytearray, piece: str) -> None:
        """Add text to a part, up to a stop sequence. What may be the beginning of one is in the part, but not shown."""
        if self.stopped:
            return
        sink += piece.encode()
        if self._cutter is not None:
            piece = self._up_to_stop(self._cutter, sink, piece)
        if piece:
            self._chunks.append(TextDelta(piece))

    def _up_to_stop(self, cutter: StopCutter, sink: bytearray, piece: str) -> str:
        """Return what may be shown; behind a stop sequence, which may span parts, cut the parts off as well."""
        if not self._sinks or self._sinks[-1] is not sink:
            self._sinks.append(sink)
        not_shown = cutter.held + piece
        shown = cutter.feed(piece)
        if cutter.hit:
            self.stopped = True
            excess = len(not_shown[len(shown) :].encode())
            for part in reversed(self._sinks):
                kept = max(0, len(part) - excess)
                excess -= len(part) - kept
                del part[kept:]
        return shown

    def passes_over(self, event: Event) -> bool:
        """Tell `[DONE]`, which MiniMax never sends but gateways do, and blank keep-alives, from JSON that is broken."""
        if event.data.strip() not in _NO_JSON:
            return False
        self.complete = self.complete or bool(self.finish_reason)
        return True

    def flush_text(self) -> None:
        """Show what is held back, at the end of the text. Wires that hold text of their own extend this."""
        held = self._cutter.flush() if self._cutter is not None else ""
        if held:
            self._chunks.append(TextDelta(held))

    def start_call(self, sent_id: str, name: str) -> GrowingCall:
        """Begin the next tool call, under an id of its own; raises `ResponseFormatError` past a sane number of them."""
        index = len(self._calls)
        if index >= MAX_TOOL_CALLS:
            raise ResponseFormatError(f"the answer asks for more than {MAX_TOOL_CALLS} tool calls")
        taken = {call.id for call in self._calls}
        own_id, suffix = sent_id or f"call_{index + 1}", 1
        while own_id in taken:
            suffix += 1
            own_id = f"{sent_id or 'call'}_{suffix}"
        call = GrowingCall(index, sent_id, own_id, name)
        self._calls.append(call)
        self._chunks.append(ToolCallStart(index, own_id, name))
        return call

    def grow_call(self, call: GrowingCall, arguments: str) -> None:
        """Add to a call's arguments."""
        if arguments:
            call.arguments += arguments.encode()
            self._chunks.append(ToolCallDelta(call.index, arguments))

    def end_call(self, call: GrowingCall) -> None:
        """Tell that a call is whole, once."""
        if not call.ended:
            call.ended = True
            self._chunks.append(ToolCallEnd(call.index, call.whole()))

    def _final_reason(self) -> str:
        if self.stopped:
            return "stop"
        return (
            "tool_calls" if self._calls else self.finish_reasons.get(self.finish_reason, self.finish_reason) or "stop"
        )
