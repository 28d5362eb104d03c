"""One question of a run as a call that threads and other processes can make. Knows no inputs and no checkpoint."""

from __future__ import annotations

import functools
import os
import pickle
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import msgspec

from ..errors import ConfigError, LlmError, ServerError
from ..values.request import ChatRequest
from ..values.response import ChatResponse


@runtime_checkable
class Client(Protocol):
    """What a run needs of a client: one that goes through the run's `Gate`, and that pickles for other processes."""

    def chat(self, input: ChatRequest, /) -> ChatResponse: ...


class Answer(msgspec.Struct, frozen=True):
    """An answer, with its value where a schema was given."""

    response: ChatResponse
    value: Any = None


@runtime_checkable
class Schema(Protocol):
    """What a run needs of a schema; pickles for other processes."""

    def request(self, request: ChatRequest) -> ChatRequest:
        """Return the request, extended to ask for JSON that fits the schema."""
        ...

    def answer(self, ask: Callable[[ChatRequest], ChatResponse], request: ChatRequest) -> Answer:
        """Ask until the answer fits."""
        ...

    def value(self, response: ChatResponse) -> Any:
        """Return the value of an answer that fits; raises `LlmError`."""
        ...


class Ask:
    """One call. In this process it uses the client itself; in another process it opens one from the same settings."""

    def __init__(self, client: Client, reference: bytes, request: ChatRequest, schema: Schema | None) -> None:
        self._client, self._reference, self._request, self._schema = client, reference, request, schema

    def __call__(self) -> Answer | LlmError:
        try:
            if self._schema is not None:
                return self._schema.answer(self._client.chat, self._request)
            response = self._client.chat(self._request)
        except LlmError as error:
            return error.with_traceback(None)
        if response.finish_reason != "error":
            return Answer(response)
        problem = 'the service ended the answer with the finish reason "error"; the part received is in .partial'
        return ServerError(problem, request_id=response.request_id or None, partial=response)

    def __reduce__(self) -> tuple[Any, ...]:
        return _ask_there, (self._reference, self._request, self._schema)

    def __dask_tokenize__(self) -> bytes:
        return os.urandom(16)  # Dask runs equal tasks only once, but the same prompt twice is two calls


def _ask_there(reference: bytes, request: ChatRequest, schema: Schema | None) -> Ask:
    return Ask(_client_of(reference), reference, request, schema)


# A worker process opens each client once, and keeps its connections between calls.
_client_of: Callable[[bytes], Client] = functools.lru_cache(maxsize=8)(pickle.loads)


def reference_of(client: Client) -> bytes:
    """Return the pickle from which other processes open the client. Raises `ConfigError` if it cannot be pickled."""
    try:
        return pickle.dumps(client)
    except (pickle.PicklingError, AttributeError, TypeError) as exc:
        problem = str(exc)
    raise ConfigError(f"executor: the client cannot be pickled for other processes: {problem}")
