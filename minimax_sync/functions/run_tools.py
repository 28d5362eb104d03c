"""Rounds of answers and tool calls: `ToolRun` is a stream of all rounds, `run_tools` returns only the last answer.

Knows no client: the functions that send requests and report events are passed in.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import msgspec

from ..calls.stop import Stop
from ..calls.stream import ChatStream, refuse_second_reader
from ..errors import LlmError, RequestError, StreamInterruptedError
from ..hooks.events import Event
from ..tracebacks import clear_locals
from ..values.chunks import StreamChunk, ToolResult
from ..values.messages import ChatMessage, ToolCall, open_calls
from ..values.options import RUN_OPTIONS
from ..values.request import ChatRequest, as_request
from ..values.response import CUT_REASONS, ChatResponse
from ..values.usage import TokenUsage
from .toolbox import Approve, Toolbox

Ask = Callable[[ChatRequest], "ChatResponse | ChatStream"]
Emit = Callable[[Event], None]


class Rounds:
    """The exchange of a run. It does not reference its ToolRun, so that a dropped one closes its connection."""

    def __init__(
        self, ask: Ask, emit: Emit, request: ChatRequest, toolbox: Toolbox, max_rounds: int, stop: Stop
    ) -> None:
        if not isinstance(max_rounds, int) or isinstance(max_rounds, bool) or max_rounds < 1:
            raise RequestError("max_rounds must be an integer of at least 1")
        self._ask, self._emit, self._toolbox, self._rounds_left = ask, emit, toolbox, max_rounds
        self._request, self._open_calls = request, open_calls(request.messages)
        if not self._open_calls:
            request.check()
        self._answer: ChatResponse | ChatStream | None = None
        self._usage, self._model = TokenUsage(), ""
        self._stop = stop
        self._recording = threading.Lock()
        self.failure: LlmError | None = None
        self.is_over = False

    def partial(self) -> ChatResponse:
        """Return the last answer as far as it has come, with the messages to continue from.

        An answer that is not whole is not among the messages: a call in it may be incomplete and must not be run.
        """
        answer, is_whole = self._answer, True
        if isinstance(answer, ChatStream):
            is_whole, answer = answer.is_over, answer.partial
        if answer is None:
            answer, is_whole = ChatResponse(ChatMessage.assistant(""), model=self._model), False
        last = (answer.message,) if is_whole and not answer.message.is_empty else ()
        usage = self._usage + answer.usage
        return msgspec.structs.replace(answer, messages=(*self._request.messages, *last), usage=usage)

    def failed(self, error: BaseException) -> None:
        """Attach the exchange so far to an `LlmError` that ended the run, and keep the error for later reads."""
        if isinstance(error, LlmError):
            error.partial = self.partial()
            self.failure = error

    def interrupted(self) -> StreamInterruptedError:
        """Return the error for reading on after an interrupt, or after an exception of the caller's `approve`."""
        problem = "the run was interrupted; the part received is in .partial"
        return StreamInterruptedError(problem, partial=self.partial())

    def close(self) -> None:
        """End the request in flight; nothing more is sent and no other tool is called."""
        if isinstance(answer := self._answer, ChatStream):
            answer.close()
        self._stop.close()

    def chunks(self) -> Iterator[StreamChunk]:
        """Send, yield and run the calls to the end. Closing this generator closes the connection."""
        if self._open_calls:
            yield from self._call_tools(self._request.messages, self._open_calls)
        while not self.is_over:
            answer = yield from self._round()
            if self.is_over:
                return
            messages = (*self._request.messages, answer.message)
            self._usage, self._model, self._answer = self._usage + answer.usage, answer.model, None
            yield from self._call_tools(messages, answer.tool_calls)

    def _round(self) -> Generator[StreamChunk, None, ChatResponse]:
        """Send one request and yield the chunks of the answer, if it is a stream; return the whole answer."""
        self._check_open()
        self._rounds_left -= 1
        try:
            self._answer = answer = self._ask(self._request)
        except LlmError:
            self._check_open()
            raise
        if isinstance(answer, ChatStream):
            with answer as stream:
                self._check_open()
                for chunk in stream:
                    self.is_over = stream.is_over and self._is_last(stream.partial)
                    yield chunk
            self._answer = answer = stream.partial
        self.is_over = self._is_last(answer)
        return answer

    def _is_last(self, answer: ChatResponse) -> bool:
        calls = answer.tool_calls
        is_cut = answer.finish_reason in CUT_REASONS
        return not calls or not self._rounds_left or is_cut or self._toolbox.leaves_to_caller(calls)

    def _call_tools(self, messages: tuple[ChatMessage, ...], calls: tuple[ToolCall, ...]) -> Iterator[StreamChunk]:
        """Run the calls at the end of `messages`, which become those of the next request."""
        # A choice that forces a call applies only to the first round; otherwise it would force one forever.
        choice = self._request.tool_choice if self._request.tool_choice == "none" else None
        self._request = msgspec.structs.replace(self._request, messages=messages, tool_choice=choice)
        for result, failure in self._toolbox.outcomes(calls, self._check_open, self._record):
            if failure is not None:
                self._emit(failure)
            yield result

    def _record(self, result: ToolResult) -> None:
        """Add a result to the next request, in the thread of its call: it counts even if the reader has left."""
        with self._recording:
            messages = _with_result(self._request.messages, result.message)
            self._request = msgspec.structs.replace(self._request, messages=messages)

    def _check_open(self) -> None:
        if self._stop.is_closed:
            raise StreamInterruptedError("the run was closed; the part received is in .partial")


def _with_result(messages: tuple[ChatMessage, ...], result: ChatMessage) -> tuple[ChatMessage, ...]:
    """Return a history that ends in calls with another result, in the order of the calls."""
    results = [result, *itertools.takewhile(lambda message: message.role == "tool", reversed(messages))]
    before = messages[: len(messages) + 1 - len(results)]
    order = {call.id: number for number, call in enumerate(before[-1].tool_calls)}
    return (*before, *sorted(results, key=lambda message: order.get(message.tool_call_id, -1)))


class ToolRun(ChatStream):
    """The chunks of all rounds as they come, with a `ToolResult` for each call between two rounds.

    Iterate it once, in one thread; it is a context manager. Each round ends with its own `StreamEnd`; the last one ends
    the run. A failed run raises the error of its round, with the part received of that round in `.partial`, and the
    exchange so far in `.partial.messages`: another run continues from them and repeats no call.

    >>> def clock() -> str:
    ...     return "12:00"
    >>> emulator.answer(tool_calls=[("clock", {})])
    >>> emulator.answer("It is noon.")
    >>> with client.tool_run("What time is it?", [clock]) as run:
    ...     print(run.response.text, len(run.messages))
    It is noon. 4
    """

    def __init__(self, rounds: Rounds) -> None:
        self._rounds = rounds
        self._chunks = rounds.chunks()

    @property
    def messages(self) -> tuple[ChatMessage, ...]:
        """The exchange so far: the input, the whole answers, and the result of each call that has returned, read or
        not. The part received of an answer is only in `partial.message`.
        """
        return self.partial.messages

    @property
    def partial(self) -> ChatResponse:
        """The last answer as far as it has come, with the messages and the usage of all rounds."""
        return self._rounds.partial()

    @property
    def is_over(self) -> bool:
        """Whether the end of the last round has been read."""
        return self._rounds.is_over

    def __next__(self) -> StreamChunk:
        rounds = self._rounds
        if rounds.failure is None:
            try:
                return next(self._chunks)
            except StopIteration:
                if rounds.is_over:
                    raise
            except BaseException as error:
                refuse_second_reader(error)
                rounds.failed(error)
                clear_locals(error)
                raise
        raise rounds.failure or rounds.interrupted()

    def close(self) -> None:
        """End the run and its connection, from any thread: nothing more is sent and no other tool is called.

        A tool that is running finishes, and `messages` holds its result as soon as it has returned; reading on waits
        for it. A wait for a limiter other than a `TokenBucket` lasts until its slot.
        """
        self._rounds.close()

    def __repr__(self) -> str:
        return f"<ToolRun: {self.partial!r}>"


def tool_run(
    ask: Ask,
    emit: Emit,
    input: object,
    tools: object,
    options: Mapping[str, Any],
    stop: Stop | None = None,
    *,
    max_rounds: int = 10,
    parallel: bool | int = False,
    approve: Approve | None = None,
) -> ToolRun:
    """Return a run that has not started; see `MiniMaxClient.tool_run`. Raises `RequestError` for a bad request.

    `stop` ends the calls that `ask` makes.
    """
    toolbox = Toolbox(tools, parallel, approve)
    request = as_request(input, {**options, "tools": toolbox.definitions}, check=False, others=RUN_OPTIONS)
    return ToolRun(Rounds(ask, emit, request, toolbox, max_rounds, stop or Stop()))
