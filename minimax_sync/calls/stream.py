"""The stream that a user holds: iterate it, drain it, close it, from any thread and at once.

Between the socket and the user there is one generator: read, split into events, accumulate, hand out. What fails is
one of our errors with what had come in `.partial`; nothing is repeated here, and no half answer looks like a whole one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from types import TracebackType
from typing import NoReturn

from ..errors import CallTimeoutError, LlmError, ResponseFormatError, StreamInterruptedError, TransportError
from ..tracebacks import clear_locals
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
"""How long, in seconds, usage is waited for after a finish reason when the server leaves the socket open."""

MAX_STREAM_BYTES = 1024 * 1024 * 1024

_LENGTHS = ("transfer-encoding", "content-length")
"""Without either, a body that ends in the middle of an event cannot be told from one that was cut."""

_WHOLE_BODIES = ("json", "html", "xml")
_WHOLE_BODY_BEGINS = (b"{", b"[", b"<")
"""What no event begins with, but an answer or a page that came without its content type."""


class Reading:
    """The wire's side of a stream. It does not know the ChatStream, so that one that is dropped is closed at once."""

    def __init__(self, attempt: Attempt, accumulator: Accumulator) -> None:
        self.reply, self.accumulator = attempt.reply, accumulator
        self.closed = self.ended = False
        self.failure: LlmError | None = None
        self._attempt = attempt
        self._was_cut = False
        self._deadline = attempt.reply.deadline
        self._usage_due: float | None = None
        self._is_reported = not attempt.call.is_watched
        self._returned_at = time.monotonic()

    def partial(self) -> ChatResponse:
        """Return the answer as far as it has come."""
        return self.accumulator.response(self.reply.headers)

    def over(self, error: BaseException | None = None) -> None:
        """Close the reply and report the end of the call, once; a connection that was not read to its end is closed."""
        self.reply.close()
        if not self._is_reported:
            self._is_reported = True
            self._attempt.call.ended(self.partial(), error)

    def failed(self, error: BaseException) -> None:
        """End everything on an error, which gets the partial answer."""
        if isinstance(error, LlmError):
            error.partial = error.partial or self.partial()
            self.failure = self._attempt.redacted(error)
        self.over(error)

    def interrupted(self, reason: str) -> StreamInterruptedError:
        """Build the error of a stream without its end."""
        return StreamInterruptedError(
            f"the stream broke off: {reason}; what had come is in .partial", partial=self.partial()
        )

    def chunks(self) -> Iterator[StreamChunk]:
        """Read, accumulate and hand out, to the end. Closing this generator closes the connection."""
        reply, accumulator = self.reply, self.accumulator
        try:
            data = self._read1()
            content_type = reply.headers.get("content-type", "").lower()
            is_whole = data.lstrip().startswith(_WHOLE_BODY_BEGINS) or any(map(content_type.count, _WHOLE_BODIES))
            if not data or (is_whole and not is_event_stream(data)):
                self._take_whole_body(data)
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
        finally:
            reply.close()

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
        if not self._was_cut and any(name in self.reply.headers for name in _LENGTHS):
            yield from accumulator.feed_last(parser)

    def _take_whole_body(self, beginning: bytes) -> None:
        """Take JSON in answer to a stream request for the answer, which it is when it is one."""
        body = beginning + self.reply.read()
        try:
            self.accumulator.feed_body(body)
        except ResponseFormatError as error:
            describe_body(error, self.reply, body)
            raise

    def _read1(self) -> bytes:
        """Read on; b"" at a good end. The time since the last read was the caller's: the deadline moves by it."""
        reply = self.reply
        began = time.monotonic()
        self._deadline += began - self._returned_at
        if not self.accumulator.awaits_only_usage:
            self._usage_due = None
        elif self._usage_due is None:
            self._usage_due = began + USAGE_GRACE
        else:
            self._usage_due += began - self._returned_at
        reply.deadline = min(self._deadline, self._usage_due or self._deadline)
        try:
            data = reply.read1()
            self._returned_at = time.monotonic()
        except TransportError as exc:
            return self._end_of_wire(exc)
        if self.closed:
            raise self.interrupted("it was closed")
        return data

    def _end_of_wire(self, error: TransportError) -> bytes:
        """Judge a broken wire: after a finish reason the answer is whole, and only its usage is missing."""
        if self.closed:
            raise self.interrupted("it was closed")
        if self.accumulator.finish_reason:
            self._was_cut = True
            return b""
        if isinstance(error, CallTimeoutError):
            raise error
        raise self.interrupted(str(error))


class ChatStream:
    """An answer as it comes. Iterate it once, in one thread; it is a context manager.

    It yields `StreamChunk`s: `UsageUpdate`, when the service tells usage, right before `StreamEnd`, which is last. A
    stream that does not reach its end raises `StreamInterruptedError`, `CallTimeoutError` or the service's own error,
    each with `.partial`; so does one that is closed while it is read. One that is dropped closes its connection.

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
        if isinstance(error, ValueError) and "already executing" in str(error):
            raise RuntimeError("this stream is being read by another thread; iterate it in one") from None
        self._reading.failed(error)
        clear_locals(error)
        raise error

    def text_deltas(self) -> Iterator[str]:
        """Yield the text alone, piece by piece."""
        for chunk in self:
            if type(chunk) is TextDelta:
                yield chunk.text

    @property
    def response(self) -> ChatResponse:
        """Read the stream to its end and return the whole answer; raises what iterating raises."""
        for _ in self:
            continue
        return self.partial

    @property
    def partial(self) -> ChatResponse:
        """The answer as far as it has come; `finish_reason` is "" before the end. Never waits, never raises."""
        return self._reading.partial()

    @property
    def is_over(self) -> bool:
        """Whether the end of the answer has been read."""
        return self._reading.ended

    def close(self) -> None:
        """End the stream and its connection, from any thread and at once; harmless when repeated."""
        self._reading.closed = True
        self._reading.over()

    def display(self) -> ChatResponse:
        """Show the answer as it comes, as Markdown in a notebook and as plain text elsewhere; return it whole."""
        from .display import display_stream

        return display_stream(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        reading = self._reading
        state = "ended" if reading.ended else "closed" if reading.closed else "failed" if reading.failure else "open"
        return f"<ChatStream {state}: {self.partial!r}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a stream cannot be pickled; pickle its .response")


def open_stream(attempt: Attempt, accumulator: Accumulator) -> ChatStream:
    """Return a stream whose first chunk is there: a call that fails before it can still be repeated."""
    stream = ChatStream(attempt, accumulator)
    try:
        stream._first.append(next(stream._chunks))
    except LlmError as error:
        error.partial = error.partial or stream.partial
        raise
    return stream
