"""`Accumulator`, the base of both wires' accumulators, which turn events or a whole body into chunks and a response.

A whole answer is treated as a stream of one delta, so that a streamed and a plain call cannot differ. No I/O, no clock.
An accumulator belongs to one answer and one thread at a time. Text grows as UTF-8 in bytearrays: a StringIO, like a
list, keeps an object for every delta on some Pythons.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

from ..errors import ResponseFormatError, ServerError, StreamInterruptedError
from ..values.chunks import StreamChunk, StreamEnd, TextDelta, ToolCallDelta, ToolCallEnd, ToolCallStart, UsageUpdate
from ..values.messages import ChatMessage, Part
from ..values.request import ChatRequest
from ..values.response import CUT_REASONS, ChatResponse
from ..values.tooldef import ToolDef
from ..values.usage import TokenUsage
from .decoding import HalfJoiner, is_keep_alive
from .growing_call import GrowingCall
from .sse import Event, SseParser, is_event_stream
from .stop_sequences import StopCutter
from .think_tags import RECLAIM, TEXT, Run, ThinkSplitter

if TYPE_CHECKING:
    from .leaked_calls import LeakedCalls

MAX_TOOL_CALLS = 256

_DONE = b"[DONE]"


class Accumulator(ABC):
    """Base of a wire's accumulator: subclasses take the wire's events and return the parts of the message."""

    finish_reasons: ClassVar[Mapping[str, str]]
    """The wire's words for finish reasons, mapped to the library's; other words are kept unchanged."""

    _leaks: LeakedCalls | None

    def __init__(self, stops: tuple[str, ...] = (), tools: tuple[ToolDef, ...] = ()) -> None:
        self.id = self.model = self.request_id = self.finish_reason = ""
        self.flagged = False
        self.usage: TokenUsage | None = None
        self.complete = False
        """The terminal event has come: nothing more is needed."""
        self.stopped = False
        """A stop sequence was found: the remainder of the stream is ignored."""
        self._early_reason = ""
        """A finish reason that was followed by more of the answer: only the end of the stream confirms it."""
        self._chunks: list[StreamChunk] = []
        self._calls: list[GrowingCall] = []
        self._splitter = ThinkSplitter()
        self._leaks = None
        if tools:
            from .leaked_calls import LeakedCalls

            self._leaks = LeakedCalls(tools)
        self._cutter = StopCutter(stops) if stops else None
        self._is_watched = bool(stops or tools)
        self._sinks: list[bytearray] = []
        self._halves = HalfJoiner()
        self._body = b""
        self._events: bytearray | None = None

    # what a wire provides

    @abstractmethod
    def take_event(self, event: Event) -> None:
        """Take one event; raises the error that it carries."""

    @abstractmethod
    def take_body(self, body: bytes) -> None:
        """Take a whole answer; raises the error that it carries."""

    @abstractmethod
    def parts(self) -> Iterable[Part]:
        """Return the message's parts received so far, in the wire's order, without empty ones."""

    @abstractmethod
    def think_in(self, sink: bytearray, text: str) -> None:
        """Add thinking that was found between tags in the text of `sink`."""

    @abstractmethod
    def native_thinking(self) -> str:
        """Return the thinking from separate fields, which M3 was observed to repeat between tags."""

    @abstractmethod
    def place_call(self, sink: bytearray, call: GrowingCall) -> None:
        """Place a call that was found in the text of `sink` among the parts."""

    # what the reader of the wire uses

    @property
    def awaits_only_usage(self) -> bool:
        """Whether the answer is whole except for its usage, which may or may not come."""
        return bool(self.finish_reason) and not (self.complete or self._early_reason)

    def keep_events(self) -> None:
        """Keep the JSON of all events of a stream for the answer's `raw`."""
        self._events = bytearray()

    def feed(self, event: Event) -> list[StreamChunk]:
        """Take an event and return its chunks. Nothing is taken after a stop sequence."""
        if not self.stopped:
            self.take_event(event)
            if self._events is not None and event.data[:1] == b"{":
                self._events += b"," + event.data
        chunks, self._chunks = self._chunks, []
        return chunks

    def feed_last(self, parser: SseParser) -> list[StreamChunk]:
        """Take a last event without its blank line from a stream that ended cleanly; a partial event is ignored."""
        try:
            return [chunk for event in parser.end() for chunk in self.feed(event)]
        except ResponseFormatError:
            self._early_reason = ""  # cut in the middle of data after the answer
            return []

    def feed_body(self, body: bytes) -> None:
        """Take a whole answer, also one that came as events. `end` returns its chunks."""
        if is_event_stream(body):
            parser = SseParser()
            for event in (*parser.feed(body), *parser.end()):
                if not (self.complete or self.stopped):
                    self.take_event(event)
            return
        self.take_body(body)
        self._body = body

    def end(self) -> list[StreamChunk]:
        """Close the answer: the last chunks, usage and `StreamEnd`. Raises `StreamInterruptedError` if it is
        incomplete. It is complete after the terminal event, a finish reason and the end of the stream, or a stop
        sequence.
        """
        if not self.stopped:
            self.flush_text()
        self.finish_reason = self.finish_reason or self._early_reason
        if not (self.complete or self.finish_reason or self.stopped):
            raise StreamInterruptedError(
                "the stream ended before the answer did; the part received is in .partial", partial=self.response()
            )
        self.finish_reason = self._final_reason()
        is_cut = self.finish_reason in CUT_REASONS
        for call in self._calls:
            if call.name and not (is_cut and not call.is_whole()):
                self.end_call(call)
        if self.finish_reason == "error" and not any(True for _ in self.parts()):
            raise ServerError("the service ended the answer with the finish reason 'error' and sent nothing else")
        if self.usage is not None:
            self._chunks.append(UsageUpdate(self.usage))
        self._chunks.append(StreamEnd(self.finish_reason))
        chunks, self._chunks = self._chunks, []
        return chunks

    def response(self, headers: Mapping[str, str] | None = None) -> ChatResponse:
        """Return the part of the answer received so far."""
        return ChatResponse(
            message=ChatMessage("assistant", tuple(self.parts())),
            finish_reason=self.finish_reason,
            usage=self.usage or TokenUsage(),
            model=self.model,
            id=self.id,
            request_id=self.request_id,
            flagged=self.flagged,
            headers=headers or {},
            body=b'{"events":[%b]}' % bytes(self._events[1:]) if self._events else self._body,
        )

    # what the wires build with

    def goes_on(self) -> None:
        """Record that a finish reason was followed by more of the answer: some gateways send one with every chunk."""
        self._early_reason, self.finish_reason = self.finish_reason, ""

    def add_text(self, sink: bytearray, piece: str) -> None:
        """Add raw text of the answer, from which thinking in tags and leaked tool calls are extracted."""
        if self.finish_reason:
            self.goes_on()
        if "<" in piece or not self._splitter.is_idle:
            self._add_runs(sink, self._splitter.feed(piece, sink))
        elif self._is_watched:
            self._add_unsplit(sink, piece)
        else:  # most deltas: every line here is on the hot path
            sink += piece.encode()
            self._chunks.append(TextDelta(piece))

    def _add_runs(self, sink: bytearray, runs: list[Run]) -> None:
        for kind, text in runs:
            if kind == TEXT:
                self._add_unsplit(sink, text)
            elif kind == RECLAIM:
                shown = sink.decode()
                del sink[:]
                with_chunks = len(self._chunks)
                self.think_in(sink, shown.rstrip())
                del self._chunks[with_chunks:]  # its text has already been yielded
            elif not self._splitter.must_close or text not in self.native_thinking():
                self.think_in(sink, text)

    def _add_unsplit(self, sink: bytearray, piece: str) -> None:
        leaks = self._leaks
        if leaks is None or (leaks.is_idle and "<" not in piece and "]" not in piece):
            self._show(sink, piece)
            return
        for found in leaks.feed(piece, sink):
            if isinstance(found, str):
                self._show(sink, found)
            elif not self.stopped:
                call = self.start_call("", found.name)
                self.grow_call(call, found.arguments)
                self.end_call(call)
                self.place_call(sink, call)

    def _show(self, sink: bytearray, piece: str) -> None:
        """Show text, up to a stop sequence. A possible beginning of one is added to the part, but not shown."""
        if self.stopped:
            return
        sink += piece.encode()
        if self._cutter is not None:
            piece = self._up_to_stop(self._cutter, sink, piece)
        if piece:
            self._chunks.append(TextDelta(piece))

    def _up_to_stop(self, cutter: StopCutter, sink: bytearray, piece: str) -> str:
        """Return the text that may be shown; at a stop sequence, which may span parts, truncate the parts as well."""
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

    def is_no_json(self, event: Event) -> bool:
        """Return whether an event is `[DONE]`, which only gateways send, or a keep-alive; other broken JSON is not."""
        if event.data.strip() == _DONE:
            self.complete = self.complete or bool(self.finish_reason or self._early_reason)
            return True
        return is_keep_alive(event.data)

    def close_text(self, sink: bytearray) -> None:
        """Show the text of `sink` that was held back; no more follows."""
        self._add_runs(sink, self._splitter.flush(sink))
        if self._leaks is not None:
            self._show(sink, self._leaks.flush())

    def flush_text(self) -> None:
        """Show the text that was held back, at the end of the answer. Wires extend this."""
        held = self._cutter.flush() if self._cutter is not None else ""
        if held:
            self._chunks.append(TextDelta(held))

    def start_call(self, sent_id: str, name: str) -> GrowingCall:
        """Begin the next tool call with a unique id. Raises `ResponseFormatError` if there are too many."""
        if self.finish_reason:
            self.goes_on()
        if len(self._calls) >= MAX_TOOL_CALLS:
            raise ResponseFormatError(f"the answer has more than {MAX_TOOL_CALLS} tool calls")
        taken = {call.id for call in self._calls}
        own_id, suffix = sent_id or f"call_{len(self._calls) + 1}", 1
        while own_id in taken:
            suffix += 1
            own_id = f"{sent_id or 'call'}_{suffix}"
        call = GrowingCall(sent_id, own_id, "")
        self._calls.append(call)
        if name:
            self.name_call(call, name)
        return call

    def name_call(self, call: GrowingCall, name: str) -> None:
        """Set the name of a call. A call without a name is not part of the answer."""
        call.name = name
        call.index = sum(each.index >= 0 for each in self._calls)
        self._chunks.append(ToolCallStart(call.index, call.id, name))
        if call.arguments:
            self._chunks.append(ToolCallDelta(call.index, call.arguments.decode()))

    def grow_call(self, call: GrowingCall, arguments: str) -> None:
        """Add to a call's arguments; data after their end is a repetition."""
        if arguments and not call.ended:
            if self.finish_reason:
                self.goes_on()
            call.add(arguments)
            if call.name:
                self._chunks.append(ToolCallDelta(call.index, arguments))

    def end_call(self, call: GrowingCall) -> None:
        """Mark a call as whole, once."""
        if not call.ended and call.name:
            call.ended = True
            self._chunks.append(ToolCallEnd(call.index, call.whole()))

    def _final_reason(self) -> str:
        """Return the library's word for the finish reason; that of a truncated answer is kept despite calls."""
        if self.stopped:
            return "stop"
        reason = self.finish_reasons.get(self.finish_reason, self.finish_reason) or "stop"
        if reason in CUT_REASONS or reason == "error":
            return reason
        if any(call.name for call in self._calls):
            return "tool_calls"
        return "stop" if reason == "tool_calls" else reason


def callable_tools(request: ChatRequest) -> tuple[ToolDef, ...]:
    """Return the tools that the answer to a request may call."""
    return () if request.tool_choice == "none" else request.tools
