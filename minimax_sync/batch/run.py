"""One run over many prompts: draw inputs a little ahead, answer them in threads or an executor, yield the results.

Everything happens in the thread that iterates, except the calls themselves and the writing of checkpoint lines, which
follows each answer immediately. Limits, retries and credentials are the client's; nothing here sleeps or sends.
"""

from __future__ import annotations

import concurrent.futures
import functools
import os
import queue
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import ExitStack, suppress
from typing import Any

import msgspec

from ..errors import ConfigError, LlmError, RequestError
from ..net.interrupts import WAIT_SLICE
from ..tracebacks import sealed
from ..values.messages import ChatMessage
from ..values.request import ChatRequest, as_request
from ..values.results import MapResult
from .asking import Answer, Ask, Client, Schema, reference_of
from .checkpoint import Checkpoint, Line, key_of
from .gate import Gate
from .progress import Progress
from .threads import WorkerThreads

AHEAD = 4
"""Inputs drawn per worker, so that the workers stay busy while the loop's body processes a result."""


_RUN_ARGUMENTS = ("workers", "executor", "ordered", "progress", "checkpoint", "schema")
"""The keyword arguments of `map` that no request has."""


class Prompt(msgspec.Struct, frozen=True):
    """An input as a request, or as the error in it; `id` is written to the checkpoint's line."""

    request: ChatRequest | LlmError
    id: Any = None


class _Question(msgspec.Struct, frozen=True):
    """An input that was drawn and has no result yet."""

    index: int
    input: Any
    id: Any
    key: str


Read = Callable[[Any], Prompt]


def reader(options: Mapping[str, Any]) -> Read:
    """Return the function that turns an input into a prompt. Raises `RequestError` for an invalid option."""
    given = {name: value for name, value in options.items() if name != "tool_choice"}
    as_request(ChatMessage.user("-"), given, others=_RUN_ARGUMENTS)

    def read(input: Any) -> Prompt:
        try:
            return Prompt(as_request(input, options))
        except LlmError as error:
            return Prompt(error)

    return read


class Run:
    """One run over the inputs. All but `_finish` and `_settle` belong to the thread that iterates over `results`.

    `client` uses `gate` as its limiter; `model` is for requests that name none; `schema` turns answers into typed
    values. The other arguments are those of `MiniMaxClient.map`. Raises `RequestError` or `ConfigError` for bad ones.
    """

    def __init__(
        self,
        client: Client,
        gate: Gate,
        inputs: Iterable[Any],
        read: Read,
        *,
        model: str,
        workers: int = 8,
        executor: Executor | None = None,
        ordered: bool = True,
        progress: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
        schema: Schema | None = None,
    ) -> None:
        if isinstance(inputs, str | bytes | Mapping | ChatRequest | ChatMessage) or not isinstance(inputs, Iterable):
            raise RequestError(f"inputs must be a list or another iterable of inputs, not {type(inputs).__name__}")
        if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
            raise ConfigError("workers must be an integer of at least 1")
        if executor is not None and not callable(getattr(executor, "submit", None)):
            raise ConfigError(f"executor must be a concurrent.futures.Executor, not {type(executor).__name__}")
        in_process = executor is None or isinstance(executor, concurrent.futures.ThreadPoolExecutor)
        self._client, self._gate, self._model = client, gate, model
        self._reference, self._schema = b"" if in_process else reference_of(client), schema
        self._progress = Progress(inputs) if progress else None
        self._checkpoint = None if checkpoint is None else Checkpoint(checkpoint)
        self._inputs: Iterator[Any] | None = iter(inputs)
        self._read = read
        self._ahead = AHEAD * workers
        self._executor, self._workers = executor, workers
        self._ordered = ordered
        self._drawn = self._given = 0
        self._broken: Exception | None = None
        self._futures: dict[int, Future[Answer | LlmError]] = {}
        self._settled: queue.SimpleQueue[MapResult | BaseException] = queue.SimpleQueue()
        self._waiting: dict[int, MapResult] = {}

    def results(self) -> Iterator[MapResult]:
        """Yield the results. Leaving the iteration in any way ends the run."""
        with ExitStack() as leaving:
            for part in (self._checkpoint, self._progress):
                if part is not None:
                    leaving.enter_context(part)
            own = None if self._executor is not None else WorkerThreads(self._workers, "minimax-map", daemon=True)
            leaving.callback(self._stop, own)
            while self._draw(own or self._executor):
                yield self._next()
            if self._broken is not None:
                raise self._broken

    def _stop(self, own: WorkerThreads | None) -> None:
        self._gate.close()
        for future in self._futures.values():
            future.cancel()
        if own is not None:
            own.shutdown(wait=False)

    @sealed
    def _draw(self, executor: Any) -> bool:
        """Draw at least one input, and more until a result is ready. Return False if no results will follow."""
        while self._inputs is not None and self._drawn - self._given < self._ahead:
            try:
                drawn = next(self._inputs)
            except StopIteration:
                self._inputs = None
                break
            except Exception as error:  # raised after the results of the inputs before it
                frames = error.__traceback__
                self._inputs, self._broken = None, error.with_traceback(frames and frames.tb_next)
                break
            self._begin(executor, drawn)
            self._drawn += 1
            if self._is_next_ready():
                break
        return self._drawn > self._given

    def _begin(self, executor: Any, drawn: Any) -> None:
        prompt = self._read(drawn)
        request, own_id = prompt.request, prompt.id
        key, known = "", None
        try:
            if isinstance(request, ChatRequest) and self._schema is not None:
                request = self._schema.request(request)
            if isinstance(request, ChatRequest) and self._checkpoint is not None:
                key = key_of(request, self._model)
                known = self._known(key, own_id)
        except RequestError as error:
            request = error
        question = _Question(self._drawn, drawn, own_id, key)
        if isinstance(request, LlmError):
            self._settle(question, request)
        elif known is not None:
            self._settled.put(MapResult(self._drawn, drawn, known.response, value=known.value))
        else:
            future = executor.submit(Ask(self._client, self._reference, request, self._schema))
            self._futures[self._drawn] = future
            future.add_done_callback(functools.partial(self._finish, question))

    def _known(self, key: str, own_id: Any) -> Answer | None:
        """Return the answer that the checkpoint holds, if it fits the schema."""
        assert self._checkpoint is not None
        response = self._checkpoint.find(self._drawn, key, own_id)
        if response is None or self._schema is None:
            return None if response is None else Answer(response)
        with suppress(LlmError):
            return Answer(response, self._schema.value(response))
        return None

    def _finish(self, question: _Question, future: Future[Answer | LlmError]) -> None:
        """Handle the end of a call, in the thread in which it ended."""
        try:
            self._settle(question, future.result())
        except BaseException as error:  # of the executor, of the disk: raised where the results are read
            self._settled.put(error)

    def _settle(self, question: _Question, outcome: Answer | LlmError) -> None:
        response, value, error = None, None, None
        if isinstance(outcome, LlmError):
            error = outcome
        else:
            response, value = outcome.response, outcome.value
        if self._checkpoint is not None:
            self._checkpoint.write(Line.of(question.index, question.id, question.key, response, error))
        self._settled.put(MapResult(question.index, question.input, response, error, value))

    def _next(self) -> MapResult:
        while not self._is_next_ready():
            try:
                settled = self._settled.get(timeout=WAIT_SLICE)
            except queue.Empty:
                continue
            self._collect(settled)
        index = self._given if self._ordered else next(iter(self._waiting))
        self._given += 1
        return self._waiting.pop(index)

    def _is_next_ready(self) -> bool:
        while not self._settled.empty():
            self._collect(self._settled.get())
        return self._given in self._waiting if self._ordered else bool(self._waiting)

    def _collect(self, settled: MapResult | BaseException) -> None:
        if isinstance(settled, BaseException):
            raise settled
        asked = self._futures.pop(settled.index, None) is not None
        if self._progress is not None:
            self._progress.count(settled.response, asked=asked)
        self._waiting[settled.index] = settled
