"""Many prompts at once: draw inputs a little ahead, have them answered in threads or elsewhere, hand out the results.

Everything happens in the thread that iterates, but for the calls themselves and the checkpoint's lines, which are
written as soon as an answer is there. Limits, retries and credentials are the client's; nothing here sleeps or sends.
"""

from __future__ import annotations

import concurrent.futures
import functools
import os
import pickle
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, Executor, Future
from contextlib import ExitStack, suppress
from typing import Any, NamedTuple, Protocol

import msgspec

from ..errors import CallTimeoutError, ConfigError, LlmError, RequestError, ServerError
from ..pacing.token_bucket import Limiter
from ..tracebacks import sealed
from ..values.messages import ChatMessage
from ..values.request import ChatRequest, as_request
from ..values.response import ChatResponse
from ..values.results import MapResult
from .checkpoint import Checkpoint, Line, key_of
from .progress import Progress
from .threads import WorkerThreads

AHEAD = 4
"""Inputs drawn per worker, so that the workers are busy while the loop's body works on a result."""


class Client(Protocol):
    """What a run needs of a client: one that goes through the run's `Gate`, and that pickles for other processes."""

    def chat(self, input: ChatRequest, /) -> ChatResponse: ...


class Prompt(NamedTuple):
    """An input as it was understood, or what is wrong with it; `id` goes to the checkpoint's line."""

    request: ChatRequest | LlmError
    id: Any = None


class _Question(msgspec.Struct, frozen=True):
    """An input on its way."""

    index: int
    input: Any
    id: Any
    key: str


Read = Callable[[Any], Prompt]


def reader(options: Mapping[str, Any]) -> Read:
    """Return what makes a prompt of an input. An option that is wrong for every input is a `RequestError` at once."""
    as_request(ChatMessage.user("-"), {name: value for name, value in options.items() if name != "tool_choice"})

    def read(input: Any) -> Prompt:
        try:
            return Prompt(as_request(input, options))
        except LlmError as error:
            return Prompt(error)

    return read


def map_inputs(
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
) -> Iterator[MapResult]:
    """Check the arguments and return the results, whose iteration does the work. See `MiniMaxClient.map`.

    `client` goes through `gate`; `model` is the one for requests that name none.
    """
    if isinstance(inputs, str | bytes | Mapping | ChatRequest | ChatMessage) or not isinstance(inputs, Iterable):
        raise RequestError(f"inputs must be many: a list or another iterable of them, not {type(inputs).__name__}")
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise ConfigError("workers must be a whole number from 1")
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise ConfigError(f"executor must be a concurrent.futures.Executor, not {type(executor).__name__}")
    in_process = executor is None or isinstance(executor, concurrent.futures.ThreadPoolExecutor)
    run = _Run(
        client,
        gate,
        inputs,
        read,
        model=model,
        workers=workers,
        executor=executor,
        ordered=ordered,
        reference=b"" if in_process else _reference(client),
        progress=Progress(inputs) if progress else None,
        checkpoint=None if checkpoint is None else Checkpoint(checkpoint),
    )
    return run.results()


class _Run:
    """One run over the inputs. All but `_finish` and `_settle` belong to the thread that iterates."""

    def __init__(
        self,
        client: Client,
        gate: Gate,
        inputs: Iterable[Any],
        read: Read,
        *,
        model: str,
        workers: int,
        executor: Executor | None,
        ordered: bool,
        reference: bytes,
        progress: Progress | None,
        checkpoint: Checkpoint | None,
    ) -> None:
        self._client, self._gate, self._model = client, gate, model
        self._reference = reference
        self._inputs: Iterator[Any] | None = iter(inputs)
        self._read = read
        self._ahead = AHEAD * workers
        self._executor, self._workers = executor, workers
        self._ordered = ordered
        self._progress, self._checkpoint = progress, checkpoint
        self._drawn = self._given = 0
        self._broken: Exception | None = None
        self._futures: dict[int, Future[ChatResponse | LlmError]] = {}
        self._settled: queue.SimpleQueue[MapResult | BaseException] = queue.SimpleQueue()
        self._waiting: dict[int, MapResult] = {}

    def results(self) -> Iterator[MapResult]:
        """Yield the results; leaving the iteration, however, ends the run."""
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
        """Draw inputs: one at least, then more until there is a result to give; tell whether results are to come."""
        while self._inputs is not None and self._drawn - self._given < self._ahead:
            try:
                drawn = next(self._inputs)
            except StopIteration:
                self._inputs = None
                break
            except Exception as error:  # raised when the results of what came before it have been given
                frames = error.__traceback__
                self._inputs, self._broken = None, error.with_traceback(frames and frames.tb_next)
                break
            self._begin(executor, drawn)
            self._drawn += 1
            if self._is_next_ready():
                break
        return self._drawn > self._given

    def _begin(self, executor: Any, drawn: Any) -> None:
        request, own_id = self._read(drawn)
        key, known = "", None
        if self._checkpoint is not None and isinstance(request, ChatRequest):
            try:
                key = key_of(request, self._model)
            except RequestError as error:
                request = error
            else:
                known = self._checkpoint.find(self._drawn, key, own_id)
        question = _Question(self._drawn, drawn, own_id, key)
        if isinstance(request, LlmError):
            self._settle(question, request)
        elif known is not None:
            self._settled.put(MapResult(self._drawn, drawn, known))
        else:
            future = executor.submit(_Ask(self._client, self._reference, request))
            self._futures[self._drawn] = future
            future.add_done_callback(functools.partial(self._finish, question))

    def _finish(self, question: _Question, future: Future[ChatResponse | LlmError]) -> None:
        """Take an answer, in whatever thread it comes."""
        try:
            self._settle(question, future.result())
        except BaseException as error:  # of the executor, of the disk: raised where the results are read
            self._settled.put(error)

    def _settle(self, question: _Question, outcome: ChatResponse | LlmError) -> None:
        response, error = (None, outcome) if isinstance(outcome, LlmError) else (outcome, None)
        if self._checkpoint is not None:
            self._checkpoint.write(Line.of(question.index, question.id, question.key, response, error))
        self._settled.put(MapResult(question.index, question.input, response, error))

    def _next(self) -> MapResult:
        while not self._is_next_ready():
            self._collect(self._settled.get())
        index = self._given if self._ordered else next(iter(self._waiting))
        self._given += 1
        return self._waiting.pop(index)

    def _is_next_ready(self) -> bool:
        with suppress(queue.Empty):
            while True:
                self._collect(self._settled.get_nowait())
        return self._given in self._waiting if self._ordered else bool(self._waiting)

    def _collect(self, settled: MapResult | BaseException) -> None:
        if isinstance(settled, BaseException):
            raise settled
        asked = self._futures.pop(settled.index, None) is not None
        if self._progress is not None:
            self._progress.count(settled.response, asked=asked)
        self._waiting[settled.index] = settled


class _Ask:
    """One call. In this process it uses the client itself; pickled, it goes with where the client's settings are."""

    def __init__(self, client: Client, reference: bytes, request: ChatRequest) -> None:
        self._client, self._reference, self._request = client, reference, request

    def __call__(self) -> ChatResponse | LlmError:
        try:
            response = self._client.chat(self._request)
        except LlmError as error:
            return error.with_traceback(None)
        if response.finish_reason != "error":
            return response
        problem = 'the service ended the answer with the finish reason "error"; what had come of it is in .partial'
        return ServerError(problem, request_id=response.request_id or None, partial=response)

    def __reduce__(self) -> tuple[Any, ...]:
        return _ask_there, (self._reference, self._request)

    def __dask_tokenize__(self) -> bytes:
        return os.urandom(16)  # Dask takes equal tasks for one, but the same prompt twice is two calls


def _ask_there(reference: bytes, request: ChatRequest) -> _Ask:
    return _Ask(_client_of(reference), reference, request)


# A worker process opens each client once, and keeps its connections between calls.
_client_of: Callable[[bytes], Client] = functools.lru_cache(maxsize=8)(pickle.loads)


def _reference(client: Client) -> bytes:
    try:
        return pickle.dumps(client)
    except (pickle.PicklingError, AttributeError, TypeError) as exc:
        problem = str(exc)
    raise ConfigError(f"executor: the client cannot be pickled for other processes: {problem}")


class Gate:
    """The client's limiter, passed by one worker at a time and by none after the end.

    So a loop that is left sends nothing more, at most one worker lingers in the limiter's line, and another call with
    the same client waits behind one of ours, not behind all of them.
    """

    def __init__(self, limiter: Limiter | None) -> None:
        self._limiter = limiter
        self._turn = threading.Lock()
        self._closed = False

    def close(self) -> None:
        """Let nobody through any more."""
        self._closed = True

    def acquire(self, timeout: float | None = None) -> float:
        """Wait for a slot of the limiter; raises CancelledError after the end."""
        waited = 0.0 if self._limiter is None else self._wait(self._limiter, timeout)
        self._refuse_after_end()
        return waited

    def pause(self, seconds: float) -> None:
        """Hold the limiter back."""
        if self._limiter is not None:
            self._limiter.pause(seconds)

    def _wait(self, limiter: Limiter, timeout: float | None) -> float:
        began = time.monotonic()
        longest = threading.TIMEOUT_MAX if timeout is None else max(0.0, min(timeout, threading.TIMEOUT_MAX))
        if not self._turn.acquire(timeout=longest):
            raise CallTimeoutError("the rate limit left no slot in time; raise timeout= or requests_per_second=")
        try:
            self._refuse_after_end()
            waited = time.monotonic() - began
            return waited + limiter.acquire(None if timeout is None else timeout - waited)
        finally:
            self._turn.release()

    def _refuse_after_end(self) -> None:
        if self._closed:
            raise CancelledError("the loop over the results was left")
