"""The growth of an answer: what both wires share when they turn events, or a whole body, into chunks and a response.

A whole answer is taken as a stream of one delta, so that a streamed and a plain call cannot differ. No I/O, no clock.
An accumulator belongs to one answer and one thread at a time. Text grows as UTF-8 in bytearrays: a StringIO, like a
list, keeps an object for every delta on some Pythons.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

import msgspec

from ..errors import MAX_MESSAGE_CHARS, ResponseFormatError, StreamInterruptedError
from ..values.chunks import StreamChunk, StreamEnd, TextDelta, ToolCallDelta, ToolCallEnd, ToolCallStart, UsageUpdate
from ..values.messages import ChatMessage, Part, ToolCall
from ..values.response import ChatResponse
from ..values.usage import TokenUsage

if TYPE_CHECKING:
    from .sse import Event

MAX_TOOL_CALLS = 256

_BACKSLASH, _QUOTE = b'\\"'

Parsed = TypeVar("Parsed")


class StopCutter:
    """Find the first of some stop sequences, although they may be spread over many deltas.

    The first is the one that ends first, as a server that looks after every token would have it, so that it does not
    matter how a text is cut into deltas.
    """

    def __init__(self, stops: tuple[str, ...]) -> None:
        self.hit = False
        self.held = ""
        self._stops = stops
        self._longest = max(map(len, stops))

    def feed(self, piece: str) -> str:
        """Return what may be shown: all but a tail that could be the beginning of a stop sequence."""
        text = self.held + piece
        found = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            self.hit, self.held = True, ""
            return text[: min(found)[1]]
        tails = (text[-size:] for size in range(min(self._longest - 1, len(text)), 0, -1))
        self.held = next((tail for tail in tails if any(stop.startswith(tail) for stop in self._stops)), "")
        return text[: len(text) - len(self.held)]

    def flush(self) -> str:
        """Return what is held, at the end of the text."""
        held, self.held = self.held, ""
        return held


class GrowingCall:
    """A tool call whose arguments are still coming. `sent_id` is the service's, `id` one that is never empty."""

    def __init__(self, index: int, sent_id: str, id: str, name: str) -> None:
        self.index, self.sent_id, self.id, self.name = index, sent_id, id, name
        self.arguments = bytearray()
        self.ended = False
        self._looked_at = self._depth = 0
        self._in_string = self._escaped = False

    def whole(self) -> ToolCall:
        """Return the call as far as it has come."""
        return ToolCall(self.id, self.name, arguments_json=self.arguments.decode())

    def is_whole(self) -> bool:
        """Tell whether the arguments are an object whose last brace has come; looks at every byte once only."""
        for byte in self.arguments[self._looked_at :]:
            if self._escaped:
                self._escaped = False
            elif byte == _BACKSLASH:
                self._escaped = self._in_string
            elif byte == _QUOTE:
                self._in_string = not self._in_string
            elif not self._in_string:
                self._depth += (byte in b"{[") - (byte in b"}]")
        self._looked_at = len(self.arguments)
        return self._depth == 0 and not self._in_string and re.match(rb"\s*\{", self.arguments) is not None


class Accumulator(ABC):
    """Base of a wire's accumulator: subclasses take the wire's events and tell the parts of the message."""

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
        return "tool_calls" if self._calls else _FINISH_REASONS.get(self.finish_reason, self.finish_reason) or "stop"


_FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}


UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not the JSON they should be."""

_NO_JSON = (b"", b"[DONE]")
_ESCAPE = rb"\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(\\u[dD][89a-fA-F][\da-fA-F]{2})|\\."


def parsed(decode: Callable[[bytes], Parsed], data: bytes) -> Parsed:
    """Decode JSON, replacing invalid UTF-8 and halves of surrogate pairs, as a gateway that cuts text at UTF-16 sends.

    Raises `ResponseFormatError`, which tells the place and never the text.
    """
    for attempt in (bytes, _repaired):
        try:
            return decode(attempt(data))
        except UNREADABLE as exc:
            problem = str(exc)
    raise not_an_answer(problem, data)


def _repaired(data: bytes) -> bytes:
    text = data.decode("utf-8-sig", "replace").encode()
    return re.sub(_ESCAPE, lambda found: rb"\ufffd" if found[1] else found[0], text)


def not_an_answer(problem: str, data: bytes) -> ResponseFormatError:
    """Build the error for bytes that are not what they should be."""
    return ResponseFormatError(f"the service sent {len(data)} bytes that are no answer: {problem[:MAX_MESSAGE_CHARS]}")


def count(value: object) -> int:
    """Take a token count; what is none counts as 0, since usage must never cost an answer."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 16:
        return int(value)
    return int(value) if isinstance(value, int | float) and 0 <= value < 1e15 else 0


def json_text(value: object) -> str:
    """Write a decoded value as JSON text again."""
    try:
        return msgspec.json.encode(value).decode()
    except RecursionError:
        problem = "the service sent JSON that is nested too deeply"
    raise ResponseFormatError(problem)


def as_text(value: object) -> str:
    """Take a field that should be text; what is none counts as "", where the field is not worth losing an answer."""
    return value if isinstance(value, str) else ""
