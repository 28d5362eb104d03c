"""What a user holds: options in, values out.

Everything below is shared by a client and its siblings, and no state of a call lives here, so one client serves any
number of threads.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar, overload

import minimax_sync

from . import late_imports as late
from .calls.attempts import Redact
from .calls.core import Caller, decoded, reopened
from .errors import RequestError
from .net.reply import Reply
from .pacing.retry import RetryPolicy
from .settings.settings import DEFAULT_AUTH_MODE, DEFAULT_MODEL, DEFAULT_PROVIDER, DEFAULT_RATE, DEFAULT_RETRY
from .tracebacks import sealed
from .values.request import as_request
from .values.response import ChatResponse
from .wires.failures import request_id_in

if sys.version_info >= (3, 11):
    from typing import Self, Unpack
else:
    from typing_extensions import Self, Unpack

Result = TypeVar("Result")


class MiniMaxClient(Caller):
    """A blocking client for MiniMax M2.5. Thread-safe: make one and share it; a forked child may go on with it.

    Without arguments it finds its credentials by itself. Every setting: argument, then environment, then
    `config/llm.yaml`, then the default.

    `api_key`: a key in the code; better in the environment. `base_url`, `api_flavor` ("openai_compat" or
    "anthropic_messages") and `chat_path` choose the server and its wire. `group_id` is sent when set. `auth`: an object
    with `bearer()` and `force_refresh(rejected)`; `auth_mode`: "auto", "static" or "token_plan"; `bundle`: the Token
    Plan login's file. `requests_per_second` paces requests, None not at all; `limiter`: a `TokenBucket` of yours.
    `quota_alert_threshold` warns when less is left, of what the service tells or of `quota_budget` (tokens).
    `timeout` is for a whole call, retries and waits included; `connect_timeout` for one connection; `idle_timeout` is
    the longest silence on the wire; all in seconds. `session`: a `requests.Session` of yours, used as it is and left
    open. `background_refresh`: whether a daemon thread keeps a Token Plan login fresh. `hooks` get events.

    Raises `ConfigError` for a setting that is missing or impossible, `BundleError` for a bundle that cannot be read.
    """

    @sealed
    def __init__(
        self,
        api_key: str | None = None,
        *,
        model: str = DEFAULT_MODEL,
        base_url: str | None = None,
        api_flavor: str | None = None,
        chat_path: str | None = None,
        group_id: str | None = None,
        auth: Any = None,
        auth_mode: str = DEFAULT_AUTH_MODE,
        bundle: str | os.PathLike[str] | None = None,
        requests_per_second: float | None = DEFAULT_RATE,
        limiter: Any = None,
        quota_alert_threshold: float | None = None,
        quota_budget: float | None = None,
        retry: RetryPolicy = DEFAULT_RETRY,
        timeout: float = 600.0,
        connect_timeout: float = 10.0,
        idle_timeout: float = 120.0,
        session: late.Session | None = None,
        background_refresh: bool = True,
        hooks: Iterable[minimax_sync.hooks.Hook] = (),
    ) -> None:
        given = dict(locals())
        del given["self"]
        self._open(given)

    @classmethod
    @sealed
    def from_config(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        provider: str = DEFAULT_PROVIDER,
        agent: str | None = None,
        **overrides: Any,
    ) -> Self:
        """Make a client from `path`, `MINIMAX_CONFIG` or `config/llm.yaml`.

        `provider` picks a section of its `providers`, `agent` an entry of the `agents.d/*.yaml` beside it. `overrides`
        are arguments of the client and win. Raises `ConfigError` naming file, key and line.
        """
        return reopened(cls, overrides, {"path": path, "provider": provider, "agent": agent})

    # chat

    @sealed
    def chat(self, input: object, **options: Unpack[late.ChatOptions]) -> ChatResponse:
        """Ask, wait, and return the whole answer.

        `input` is a string, a `ChatRequest`, a `ChatMessage`, a sequence of messages, or an OpenAI-style dict;
        `options` are the fields of `ChatRequest`. Raises `RequestError` before anything is sent for a request that
        cannot be, and any other `LlmError` for what went wrong after the retries.
        """
        request = as_request(input, options)

        def receive(reply: Reply, _: Redact) -> ChatResponse:
            body = reply.read()
            accumulator = self._wire.accumulator(request)
            accumulator.request_id = request_id_in(reply.headers)
            decoded(reply, body, accumulator.feed_body)
            accumulator.end()
            return accumulator.response(reply.headers)

        call = self._chat_call("chat", request)
        watch = self._transport.watch(call)
        response = self._run(call, receive, watch)
        self._over(watch, response)
        return response

    @sealed
    def stream(self, input: object, **options: Unpack[late.ChatOptions]) -> minimax_sync.ChatStream:
        """Ask, and return the answer as it comes; it returns when the first chunk is there.

        Takes what `chat` takes. Errors before the first chunk are raised here, after the retries; later ones where the
        stream is read.
        """
        from .calls.stream import ChatStream

        request = as_request(input, options)
        call = self._chat_call("stream", request)
        watch = self._transport.watch(call)

        def on_end(response: ChatResponse, error: BaseException | None) -> None:
            self._over(watch, response, error)

        def receive(reply: Reply, redact: Redact) -> ChatStream:
            accumulator = self._wire.accumulator(request)
            accumulator.request_id = request_id_in(reply.headers)
            stream = ChatStream(
                reply,
                accumulator,
                idle_timeout=self._transport.options.idle_timeout,
                redact=redact,
                on_end=on_end if self._is_watched else None,
            )
            stream.wait_for_first_chunk()
            return stream

        stream = self._run(call, receive, watch)
        if watch is not None:
            watch.first_token()
        return stream

    # built on the calls above

    @overload
    def parse(
        self, input: object, schema: type[Result], *, max_repairs: int = 2, **options: Unpack[late.ChatOptions]
    ) -> Result: ...
    @overload
    def parse(
        self, input: object, schema: Any, *, max_repairs: int = 2, **options: Unpack[late.ChatOptions]
    ) -> Any: ...
    @sealed
    def parse(self, input: object, schema: Any, *, max_repairs: int = 2, **options: Any) -> Any:
        """Ask for JSON and return it as an instance of `schema`, validated.

        `schema`: a dataclass, TypedDict, msgspec Struct or pydantic model, another type of JSON values such as
        `list[int]`, or a JSON schema as a dict. Takes what `chat` takes, but `tools` and `response_format`. An answer
        that does not fit, or was cut off, is sent back with its error up to `max_repairs` times; then
        `ResponseFormatError` is raised, with the last answer as `.partial`.
        """
        from .functions.parse import parse

        return parse(self, input, schema, max_repairs=max_repairs, options=options)

    @sealed
    def run_tools(
        self, input: object, tools: object, *, max_rounds: int = 10, parallel: bool | int = False, **options: Any
    ) -> ChatResponse:
        """Ask, call the Python functions that the model asks for, tell it their results, until it answers.

        `tools`: functions, with the `tool` decorator or plain; bound methods; `functools.partial`s. Arguments are
        converted to the annotated types; results that are no text are told as JSON. A function that raises, an unknown
        name or bad arguments are told to the model, and to the hooks as `ToolFailed`; `KeyboardInterrupt` goes through.
        `parallel` runs the calls of one round in up to 8 threads, or in as many as it says. Takes what `chat` takes;
        a `tool_choice` that forces a call holds for the first round, `timeout` for each.

        Returns the last answer, with the whole exchange as `.messages` and the usage of all rounds. It asks for calls
        that nobody has answered, `finish_reason` "tool_calls", after `max_rounds` answers, and when one of them is for
        a `ToolDef` or dict among the `tools`, which has no function: then none of that answer's functions is called.
        """
        from .functions.run_tools import run_tools

        return run_tools(self, input, tools, max_rounds=max_rounds, parallel=parallel, options=options)

    @sealed
    def conversation(
        self, system: str | None = None, *, messages: Sequence[Any] = (), **options: Any
    ) -> minimax_sync.Conversation:
        """Begin a `Conversation`, which keeps the history; `messages` is the history to go on with.

        `options` hold for each of its turns.
        """
        from .conversation import Conversation

        return Conversation(self, system, messages=messages, **options)

    @sealed
    def map(
        self,
        inputs: Iterable[Any],
        *,
        workers: int = 8,
        executor: late.Executor | None = None,
        ordered: bool = True,
        progress: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
        **options: Unpack[late.ChatOptions],
    ) -> Iterator[minimax_sync.MapResult]:
        """Ask all `inputs`, each as `chat` takes it, and yield a `MapResult` for each, in order or as they come.

        `inputs` may be endless: at most `4 * workers` are drawn ahead. `workers` calls run at once, in threads, or in
        any `executor` of `concurrent.futures`, which then sets the number and is left open; in other processes a client
        like this one is made from the same settings, with a pace of its own unless `limiter` is in Redis. `progress`
        shows a line on a terminal. `checkpoint` is a file of answers: run again, what it answers is not asked again,
        but for at most as many as were under way when the program was killed.

        An `LlmError` is a result; what `inputs` raises is raised, after the results of what came before it. Leaving
        the loop ends it: nothing more is sent, and calls under way end in daemon threads, unheeded.
        """
        from .batch.run import map_inputs, reader

        self._check_open()
        return map_inputs(
            self,
            inputs,
            reader(options),
            workers=workers,
            executor=executor,
            ordered=ordered,
            progress=progress,
            checkpoint=checkpoint,
        )

    # the other services

    @sealed
    def embed(self, texts: str | Sequence[str], *, kind: str = "db", model: str = "embo-01") -> minimax_sync.Embeddings:
        """Return one vector per text. `kind` is "db" for texts to be found, "query" for what is to find them."""
        from .wires.services import decode_embeddings, encode_embeddings

        texts = [texts] if isinstance(texts, str) else list(texts)
        body = encode_embeddings(texts, kind, model)
        path = f"/v1/embeddings{self._channel.query}"
        return self._service("embeddings", path, lambda answer: decode_embeddings(answer, len(texts)), body)

    @sealed
    def models(self) -> tuple[minimax_sync.Model, ...]:
        """Return the models that the service lists; the known ones where it has no list (404)."""
        from .wires.services import KNOWN_MODELS, decode_models

        try:
            return self._service("models", "/v1/models", decode_models)
        except RequestError as exc:
            if exc.status != 404:
                raise
        return KNOWN_MODELS

    @sealed
    def quota(self) -> minimax_sync.Quota:
        """Return the windows of the Token Plan and what is left of them."""
        from .pacing.quota_alert import decode_quota

        quota = self._service("quota", "/v1/token_plan/remains", decode_quota)
        if self._channel.quota is not None:
            self._transport.note_quota(self._channel.quota.observe_quota(quota))
        return quota

    @sealed
    def count_tokens(self, input: object, **options: Unpack[late.ChatOptions]) -> int:
        """Return how many tokens the prompt of a request has, as the service counts them. Takes what `chat` takes."""
        from .wires.services import decode_count, encode_count

        body = encode_count(as_request(input, options), self._model)
        return self._service("count_tokens", "/anthropic/v1/messages/count_tokens", decode_count, body)
