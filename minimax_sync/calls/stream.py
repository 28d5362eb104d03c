"""`ChatStream`, an answer that arrives in chunks. It may be closed from any thread, which takes effect immediately.

Between the socket and the user there is one generator: read, split into events, accumulate, yield. Every failure is an
`LlmError` with the part received so far in `.partial`; nothing is retried here, and an incomplete answer never passes
for a complete one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import NoReturn

from ..errors import CallTimeoutError, LlmError, ResponseFormatError, StreamInterruptedError, TransportError
from ..tracebacks import clear_locals, sealed
from ..values.chunks import StreamChunk, TextDelta
from ..values.response import ChatResponse
from ..wires.accumulator import Accumulator
from ..wires.failures import request_id_in
from ..wires.sse import SseParser, is_event_stream
from .attempts import Attempt
from .refusals import describe_body

if sys.version_info >= (3, 11):
    from typing import Self
else:
    from typing_extensions import Self

USAGE_GRACE = 3.0
"""Seconds to wait for the usage after a finish reason when the server leaves the socket open."""

MAX_STREAM_BYTES = 1024 * 1024 * 1024

_LENGTHS = ("transfer-encoding", "content-length")
"""Without either, a body that ends in the middle of an event cannot be distinguished from one that was cut."""

_WHOLE_BODY_BEGINS = (b"{", b"[", b"<")
"""What no event begins with, but an answer or a page that came without its content type."""

_TELLING = 10
"""Bytes in which an event stream is recognized, with a byte order mark: "event:" is its longest field."""


class Reading:
    """The network side of a stream. It does not reference its ChatStream, so that a dropped one is closed."""

    def __init__(self, attempt: Attempt, accumulator: Accumulator) -> None:
        self.reply, self.accumulator = attempt.reply, accumulator
        self.closed = self.ended = False
        self.failure: LlmError | None = None
        self._attempt = attempt
        self._deadline = attempt.reply.deadline
        self._usage_due: float | None = None
        self._returned_at = time.monotonic()

    def partial(self) -> ChatResponse:
        """Return the part of the answer received so far."""
        return self.accumulator.response(self.reply.headers)

    def over(self, error: BaseException | None = None) -> None:
        """Close the reply and report the end of the call; a connection that was not read to its end is closed."""
        self.reply.close()
        call = self._attempt.call
        if not call.is_over:
            call.ended(self.partial() if call.is_watched else None, error)

    def failed(self, error: BaseException) -> None:
        """Close the stream after an error, to which the partial answer is attached."""
        if isinstance(error, LlmError):
            error.partial = error.partial or self.partial()
            self.failure = self._attempt.described(error)
        self.over(error)

    def interrupted(self, reason: str) -> StreamInterruptedError:
        """Return the error for a stream that ended early."""
        return StreamInterruptedError(
            f"the stream broke off: {reason}; the part received is in .partial", partial=self.partial()
        )

    def chunks(self) -> Iterator[StreamChunk]:
        """Read, accumulate and yield to the end. Closing this generator closes the connection."""
        reply, accumulator = self.reply, self.accumulator
        try:
            data = self._read1()
            if not data or (self._may_be_whole(data) and not is_event_stream(data := self._enough_of(data))):
                self._decode_whole_body(data)
            else:
                yield from self._take_events(data)
            last = accumulator.end()
            self.ended = True
            self._attempt.call.outgoing.answered_by(accumulator.model)
            yield from last
            if not accumulator.stopped:
                reply.finish()
            self.over()
        except GeneratorExit:
            self.over()
            raise

    def _may_be_whole(self, data: bytes) -> bool:
        content_type = self.reply.headers.get("content-type", "").lower()
        return data.lstrip().startswith(_WHOLE_BODY_BEGINS) or "event-stream" not in content_type

    def _enough_of(self, data: bytes) -> bytes:
        """Read on until the data shows whether it is an event stream."""
        while len(data) < _TELLING and (more := self._read1()):
            data += more
        return data

    def _take_events(self, data: bytes) -> Iterator[StreamChunk]:
        parser, accumulator = SseParser(), self.accumulator
        feed, received = parser.feed, 0
        while data:
            received += len(data)
            if received > MAX_STREAM_BYTES:
                raise ResponseFormatError(f"the stream is longer than {MAX_STREAM_BYTES} bytes")
            for event in feed(data):
                chunks = accumulator.feed(event)
                if chunks:
                    yield from chunks
                if accumulator.complete or accumulator.stopped:
                    return
            data = self._read1()
        if any(name in self.reply.headers for name in _LENGTHS):
            yield from accumulator.feed_last(parser)

    def _decode_whole_body(self, beginning: bytes) -> None:
        """Decode a reply that is JSON instead of a stream: a whole answer, or an error."""
        body = beginning + self.reply.read()
        try:
            self.accumulator.feed_body(body)
        except ResponseFormatError as error:
            describe_body(error, self.reply, body)
            raise

    def _read1(self) -> bytes:
        """Return the next bytes; b"" at a clean end. The deadline is extended by the time that the caller took."""
        reply = self.reply
        began = time.monotonic()
        self._deadline += began - self._returned_at
        if not self.accumulator.awaits_only_usage:
            self._usage_due = None
        elif self._usage_due is None:
            self._usage_due = began + USAGE_GRACE
        reply.deadline = min(self._deadline, self._usage_due or self._deadline)
        data = b""
        try:
            data = reply.read1()
            self._returned_at = time.monotonic()
        except TransportError as exc:
            if not self.closed:
                return self._end_of_wire(exc)
        if self.closed:
            raise self.interrupted("it was closed")
        return data

    def _end_of_wire(self, error: TransportError) -> bytes:
        """Raise the error of a broken connection, unless the answer is whole and only its usage is missing."""
        if self.accumulator.finish_reason:
            return b""
        if isinstance(error, CallTimeoutError):
            raise error
        raise self.interrupted(str(error))


class ChatStream:
    """An answer as it comes. Iterate it once, in one thread; it is a context manager.

    It yields `StreamChunk`s: `UsageUpdate`, when the service reports usage, right before `StreamEnd`, which is last. A
    stream that does not reach its end raises `StreamInterruptedError`, `CallTimeoutError` or the service's own error,
    each with `.partial`; so does one that is closed while it is read. A stream that is garbage-collected closes its
    connection.

    >>> emulator.answer("The Loire.")
    >>> with client.stream("Name a river.") as stream:
    ...     print("".join(stream.text_deltas()), stream.response.finish_reason)
    The Loire. stop
    """

    def __init__(self, attempt: Attempt, accumulator: Accumulator) -> None:
        accumulator.request_id = request_id_in(attempt.reply.headers)
        self._reading = Reading(attempt, accumulator)
        self._chunks = self._reading.chunks()
        self._first: list[StreamChunk] = []

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> StreamChunk:
        reading = self._reading
        if reading.ended or not reading.closed:
            if self._first:
                return self._first.pop()
            try:
                return next(self._chunks)
            except StopIteration:
                if reading.ended:
                    raise
            except BaseException as exc:
                self._fail(exc)
        raise reading.failure or reading.interrupted("it was closed or interrupted")

    def _fail(self, error: BaseException) -> NoReturn:
        refuse_second_reader(error)
        self._reading.failed(error)
        clear_locals(error)
        raise error

    def text_deltas(self) -> Iterator[str]:
        """Yield the text alone, piece by piece.

        >>> for text in client.stream("Hello").text_deltas():
        ...     print(text, end="", flush=True)
        You said: "Hello".
        """
        for chunk in self:
            if type(chunk) is TextDelta:
                yield chunk.text

    @property
    @sealed
    def response(self) -> ChatResponse:
        """Read the stream to its end and return the whole answer; raises what iterating raises."""
        for _ in self:
            continue
        return self.partial

    @property
    def partial(self) -> ChatResponse:
        """The part of the answer received so far; `finish_reason` is "" before the end. Never waits, never raises."""
        return self._reading.partial()

    @property
    def is_over(self) -> bool:
        """Whether the end of the answer has been read."""
        return self._reading.ended

    def close(self) -> None:
        """End the stream and its connection immediately, from any thread. May be repeated."""
        self._reading.closed = True
        self._reading.over()

    def display(self) -> ChatResponse:
        """Show the answer as it arrives, as Markdown in a notebook and as plain text elsewhere, and return it."""
        from .display import display_stream

        return display_stream(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        reading = self._reading
        state = "ended" if reading.ended else "closed" if reading.closed else "failed" if reading.failure else "open"
        return f"<ChatStream {state}: {self.partial!r}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a stream cannot be pickled; pickle its .response")


def refuse_second_reader(error: BaseException) -> None:
    """Raise `RuntimeError` if `error` is that of a generator which another thread is running."""
    if isinstance(error, ValueError) and "already executing" in str(error):
        raise RuntimeError("this stream is being read by another thread; iterate it in one thread only") from None


def open_stream(attempt: Attempt, accumulator: Accumulator) -> ChatStream:
    """Return a stream whose first chunk is there: a call that fails before it can still be repeated."""
    stream = ChatStream(attempt, accumulator)
    try:
        stream._first.append(next(stream._chunks))
    except LlmError as error:
        error.partial = error.partial or stream.partial
        raise
    return stream
