"""`MiniMaxClient`, the public entry point.

Every method reads downward: make a checked request, take its attempts from the core, return what the wire decodes. No
state of a call lives here, so one client serves any number of threads.
"""

from __future__ import annotations

import functools
import os
import ssl
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, Literal, TypeVar, overload

import minimax_sync

from .calls.core import Core
from .calls.open_core import open_core
from .calls.stop import Stop
from .calls.stream import ChatStream, open_stream
from .hooks.events import Hook
from .net import session as sessions
from .pacing.retry import DEFAULT_RETRY, RetryPolicy
from .pacing.token_bucket import Limiter
from .settings import table
from .settings.arguments import ClientArguments, SiblingArguments
from .settings.settings import DEFAULT_PROVIDER
from .tracebacks import sealed
from .values.messages import ToolCall
from .values.options import ChatOptions, ConversationOptions, ParseOptions, RoundOptions
from .values.request import ChatRequest, as_request
from .values.response import ChatResponse

if sys.version_info >= (3, 11):
    from typing import Self, Unpack
else:
    from typing_extensions import Self, Unpack

AnyClient = TypeVar("AnyClient", bound="MiniMaxClient")
Result = TypeVar("Result")


class MiniMaxClient:
    """A blocking client for MiniMax M2.5. Thread-safe: make one and share it; a forked child may use it too.

    Without arguments it finds its own credentials. Each setting comes from the argument, else from the environment,
    else from `config/llm.yaml`, else it is the default.

    `api_key`: a key, or a function that returns one and is called before each request. `base_url`, `api_flavor`
    ("openai_compat" or "anthropic_messages") and `chat_path` choose the server and its wire. `group_id` is sent when
    set. `auth`: an object with `bearer()` and, optionally, `force_refresh(rejected)`; `auth_mode`: "auto", "static" or
    "token_plan"; `bundle`: the file of the Token Plan login. `requests_per_second` paces requests, None turns that off;
    `limiter`: a `TokenBucket`, or the URL of a Redis. `quota_alert_threshold`: warn when less than this remains of the
    quota that the service reports, or of `quota_budget` (tokens).

    `timeout` is for a whole call, retries and waits included; `connect_timeout` for one connection; `idle_timeout` is
    the longest silence on the wire, except before the first byte of an answer that is not streamed; all in seconds.
    `session`: a `requests.Session`, used as it is and left open. Without one, `verify` is True, False, the path of
    certificates to trust or an `ssl.SSLContext`, and `proxy` the URL of a proxy for all hosts but loopback.
    `default_headers` go with every request. `background_refresh`: whether a daemon thread keeps a Token Plan login
    fresh. `hooks` are called with events.

    Raises `ConfigError` for a setting that is missing or impossible, `BundleError` for a bundle that cannot be read.

    >>> with MiniMaxClient(emulator.api_key, base_url=emulator.base_url) as client:
    ...     print(client.chat("Hello").text)
    You said: "Hello".
    """

    @sealed
    def __init__(
        self,
        api_key: str | Callable[[], str] | None = None,
        *,
        model: str = table.DEFAULT_MODEL,
        base_url: str | None = None,
        api_flavor: str | None = None,
        chat_path: str | None = None,
        group_id: str | None = None,
        auth: Any = None,
        auth_mode: str = table.DEFAULT_AUTH_MODE,
        bundle: str | os.PathLike[str] | None = None,
        requests_per_second: float | None = table.DEFAULT_RATE,
        limiter: Any = None,
        quota_alert_threshold: float | None = None,
        quota_budget: float | None = None,
        retry: RetryPolicy = DEFAULT_RETRY,
        timeout: float = table.DEFAULT_TIMEOUT,
        connect_timeout: float = table.DEFAULT_CONNECT_TIMEOUT,
        idle_timeout: float = table.DEFAULT_IDLE_TIMEOUT,
        session: sessions.Session | None = None,
        verify: bool | str | os.PathLike[str] | ssl.SSLContext = table.DEFAULT_VERIFY,
        proxy: str | None = None,
        default_headers: Mapping[str, str] | None = None,
        background_refresh: bool = table.DEFAULT_BACKGROUND_REFRESH,
        hooks: Iterable[Hook] = (),
    ) -> None:
        arguments = {
            "api_key": api_key,
            "model": model,
            "base_url": base_url,
            "api_flavor": api_flavor,
            "chat_path": chat_path,
            "group_id": group_id,
            "auth": auth,
            "auth_mode": auth_mode,
            "bundle": bundle,
            "requests_per_second": requests_per_second,
            "limiter": limiter,
            "quota_alert_threshold": quota_alert_threshold,
            "quota_budget": quota_budget,
            "retry": retry,
            "timeout": timeout,
            "connect_timeout": connect_timeout,
            "idle_timeout": idle_timeout,
            "session": session,
            "verify": verify,
            "proxy": proxy,
            "default_headers": default_headers,
            "background_refresh": background_refresh,
            "hooks": hooks,
        }
        self._core = open_core(arguments)

    @classmethod
    @sealed
    def from_config(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        provider: str = DEFAULT_PROVIDER,
        agent: str | None = None,
        **overrides: Unpack[ClientArguments],
    ) -> Self:
        """Make a client from `path`, `MINIMAX_CONFIG` or `config/llm.yaml`.

        `provider` picks a section of its `providers`, `agent` an entry of the `agents.d/*.yaml` beside it. `overrides`
        are arguments of the client and win. Raises `ConfigError` naming file, key and line.

        >>> with MiniMaxClient.from_config(api_key=emulator.api_key, base_url=emulator.base_url) as configured:
        ...     print(configured.chat("Hello").text)
        You said: "Hello".
        """
        return _over(cls, open_core(overrides, path=path, provider=provider, agent=agent))

    # chat

    @sealed
    def chat(self, input: object = None, **options: Unpack[ChatOptions]) -> ChatResponse:
        """Send a request and return the whole answer.

        `input` is a string, a `ChatRequest`, a `ChatMessage`, a sequence of messages, or an OpenAI-style dict;
        `messages=[...]` may be given instead. `options` are the fields of `ChatRequest`. Raises `RequestError` for an
        invalid request before anything is sent, and any other `LlmError` for a call that still fails after the retries.

        >>> answer = client.chat("How long is the Loire?", system="Answer in one line.", max_tokens=200)
        >>> answer.text, answer.finish_reason
        ('You said: "How long is the Loire?".', 'stop')
        """
        request = as_request(input, options)
        call = self._core.call("chat", request)
        for attempt in call:
            with attempt as reply:
                return attempt.finished(self._core.wire.decode(request, reply.read(), reply.headers))
        raise call.error

    @sealed
    def stream(self, input: object = None, **options: Unpack[ChatOptions]) -> ChatStream:
        """Send a request and return the answer as a stream, once its first chunk has arrived.

        Takes what `chat` takes. Errors before the first chunk are raised here, after the retries; later ones are raised
        by reading the stream.

        >>> with client.stream("Hello") as stream:
        ...     print("".join(stream.text_deltas()))
        You said: "Hello".
        """
        return self._stream(as_request(input, options))

    def _stream(self, request: ChatRequest, stop: Stop | None = None) -> ChatStream:
        call = self._core.call("stream", request, stop)
        for attempt in call:
            with attempt:
                stream = open_stream(attempt, self._core.wire.accumulator(request))
                call.first_token()
                return stream
        raise call.error

    # built on the calls above

    @overload
    def parse(
        self, input: object, schema: type[Result], *, full: Literal[False] = False, **options: Unpack[ParseOptions]
    ) -> Result: ...
    @overload
    def parse(
        self, input: object, schema: type[Result], *, full: Literal[True], **options: Unpack[ParseOptions]
    ) -> minimax_sync.Parsed[Result]: ...
    @overload
    def parse(self, input: object, schema: Any, *, full: bool = False, **options: Unpack[ParseOptions]) -> Any: ...
    @sealed
    def parse(self, input: object, schema: Any, *, max_repairs: int = 2, full: bool = False, **options: Any) -> Any:
        """Ask for JSON and return it as an instance of `schema`, validated.

        `schema`: a dataclass, TypedDict, msgspec Struct or pydantic model, another type of JSON values such as
        `list[int]`, or a JSON schema as a dict. Takes what `chat` takes, except `tools` and `response_format`. An
        answer that does not fit, or was cut off, is sent back with its error up to `max_repairs` times; then
        `ResponseFormatError` is raised, with the last answer as `.partial`. `full=True` returns a `Parsed`: the value
        with its response, the usage of all calls, and the number of repairs.

        >>> client.parse("Name two rivers.", list[str])
        ['example']
        >>> client.parse("Name two rivers.", list[str], full=True).repairs
        0
        """
        from .functions.parse import parse

        parsed = parse(self.chat, input, schema, max_repairs=max_repairs, options=options)
        return parsed if full else parsed.value

    @sealed
    def run_tools(
        self,
        input: object,
        tools: object,
        *,
        max_rounds: int = 10,
        parallel: bool | int = False,
        approve: Callable[[ToolCall], object] | None = None,
        **options: Unpack[RoundOptions],
    ) -> ChatResponse:
        """Call the Python functions that the model asks for and send their results back, until it answers.

        `tools`: functions, with the `tool` decorator or plain; bound methods; `functools.partial`s. Arguments are
        converted to the annotated types; results other than text are sent as JSON. A function that raises, an unknown
        name and bad arguments are reported to the model, and to the hooks as `ToolFailed`; `KeyboardInterrupt` is
        raised. `parallel` runs the calls of one round in up to 8 threads, or in the given number. `approve(call)` is
        called before a call runs: True runs it, False or None refuses it, a text is sent to the model instead. Takes
        what `chat` takes; a `tool_choice` that forces a call holds for the first round, `timeout` for each. If the
        history ends in calls without results, those are run first.

        Returns the last answer, with the whole exchange as `.messages` and the usage of all rounds. It asks for calls
        that have no result, `finish_reason` "tool_calls", after `max_rounds` answers, and when one of them is for
        a `ToolDef` or dict among the `tools`, which has no function: then none of that answer's functions is called.
        The calls of an answer that was cut off, `finish_reason` "length" or "content_filter", are not run either. The
        error of a later round has the exchange so far as `.partial.messages`, from which another run continues.

        >>> def degrees(city: str) -> int:
        ...     return 21
        >>> client.run_tools("How warm is it in Paris?", [degrees]).text
        'You said: "How warm is it in Paris?".'
        """
        from .functions.run_tools import tool_run

        run = tool_run(
            self.chat, self._core.emit, input, tools, options, max_rounds=max_rounds, parallel=parallel, approve=approve
        )
        return run.response

    @sealed
    def tool_run(
        self,
        input: object,
        tools: object,
        *,
        max_rounds: int = 10,
        parallel: bool | int = False,
        approve: Callable[[ToolCall], object] | None = None,
        **options: Unpack[RoundOptions],
    ) -> minimax_sync.ToolRun:
        """Return what `run_tools` does as a stream: the chunks of all rounds, with a `ToolResult` for each call.

        The run begins when it is iterated. It is a context manager; `close()` works from any thread.

        >>> def degrees(city: str) -> int:
        ...     return 21
        >>> with client.tool_run("How warm is it?", [degrees]) as run:
        ...     print("".join(run.text_deltas()))
        You said: "How warm is it?".
        """
        from .functions.run_tools import tool_run

        stop = Stop()
        ask = functools.partial(self._stream, stop=stop)
        return tool_run(
            ask, self._core.emit, input, tools, options, stop, max_rounds=max_rounds, parallel=parallel, approve=approve
        )

    @sealed
    def conversation(
        self, system: str | None = None, *, messages: Sequence[Any] = (), **options: Unpack[ConversationOptions]
    ) -> minimax_sync.Conversation:
        """Return a new `Conversation`, which keeps the history; `messages` is the history to continue.

        `options` hold for each of its turns.

        >>> talk = client.conversation("Be brief.", temperature=0.5)
        >>> talk.say("I am Ada.").text
        'You said: "I am Ada.".'
        """
        from .conversation import Conversation

        return Conversation(self, system, messages=messages, **options)

    @sealed
    def map(
        self,
        inputs: Iterable[Any],
        *,
        workers: int = 8,
        executor: Executor | None = None,
        ordered: bool = True,
        progress: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
        schema: Any = None,
        **options: Unpack[ChatOptions],
    ) -> Iterator[minimax_sync.MapResult]:
        """Ask all `inputs`, each as `chat` takes it, and yield a `MapResult` for each, in order or as they finish.

        `inputs` may be endless: at most `4 * workers` are drawn ahead. `workers` calls run concurrently, in threads, or
        in any `executor` of `concurrent.futures`, which then sets the number and is left open; in other processes a
        client like this one is made from the same settings, with a pace of its own unless `limiter` is in Redis.
        `progress` shows a line on a terminal. `checkpoint` is a file of answers: a second run does not ask again what
        it holds, so a killed program loses only the calls that were in flight. `schema` is what `parse` takes: each
        result has its value as `.value`, and the usage of its repairs.

        An `LlmError` is a result; an exception of `inputs` is raised, after the results of the inputs before it.
        Leaving the loop ends the run: nothing more is sent, and calls in flight finish in daemon threads, their results
        discarded.

        >>> [result.response.text for result in client.map(["one", "two"], workers=2)]
        ['You said: "one".', 'You said: "two".']
        """
        from .batch.run import reader

        return self._map(
            inputs,
            reader(options),
            schema=schema,
            workers=workers,
            executor=executor,
            ordered=ordered,
            progress=progress,
            checkpoint=checkpoint,
        )

    def _map(
        self, inputs: Iterable[Any], read: Callable[[Any], Any], *, schema: Any = None, **run: Any
    ) -> Iterator[minimax_sync.MapResult]:
        """Map inputs that `read` turns into prompts, as the command line does with the lines of a file."""
        from .batch.gate import Gate
        from .batch.run import Run

        self._core.check_open()
        if schema is not None:
            from .functions.parse import Schema

            run["schema"] = Schema(schema)
        gate = Gate(self._core.channel.limiter)
        sibling = _over(type(self), self._core.with_limiter(gate))
        return Run(sibling, gate, inputs, read, model=self._core.models.first, **run).results()

    # the other services

    @sealed
    def embed(self, texts: str | Sequence[str], *, kind: str = "db", model: str = "embo-01") -> minimax_sync.Embeddings:
        """Return one vector per text. `kind` is "db" for texts to search in, "query" for texts to search for.

        >>> len(client.embed(["The Loire", "The Rhine"]).vectors)
        2
        """
        from .calls import services

        return services.embed(self._core, texts, kind, model)

    @sealed
    def models(self) -> tuple[minimax_sync.Model, ...]:
        """Return the models that the service lists, or the known ones if it has no list (404).

        >>> client.models()[0].id
        'MiniMax-M2.5'
        """
        from .calls import services

        return services.models(self._core)

    @sealed
    def quota(self) -> minimax_sync.Quota:
        """Return the windows of the Token Plan and what remains of each.

        >>> client.quota().windows[0].remaining_percent
        99.0
        """
        from .calls import services

        return services.quota(self._core)

    @sealed
    def balance(self) -> minimax_sync.Balance:
        """Return what a pay-as-you-go account has left.

        >>> client.balance().available
        Decimal('12.34')
        """
        from .calls import services

        return services.balance(self._core)

    @sealed
    def count_tokens(self, input: object = None, **options: Unpack[ChatOptions]) -> int:
        """Return how many tokens the prompt of a request has, as the service counts them. Takes what `chat` takes.

        >>> client.count_tokens("How long is the Loire?") < 20
        True
        """
        from .calls import services

        return services.count_tokens(self._core, as_request(input, options))

    # siblings and closing

    def with_options(self, **overrides: Unpack[SiblingArguments]) -> Self:
        """Return a sibling with another `model`, `timeout`, `connect_timeout`, `idle_timeout`, `retry` or `hooks`.

        It shares session, limiter and credentials; closing it leaves them open.

        >>> client.with_options(timeout=5, model="MiniMax-M2.5").chat("Hello").text
        'You said: "Hello".'
        """
        return _over(type(self), self._core.with_options(overrides))

    @property
    def limiter(self) -> Limiter | None:
        """The limiter in use, None when requests are not paced. One in Redis is `degraded` while Redis is down."""
        return self._core.channel.limiter

    def close(self) -> None:
        """Stop the background thread and close the connections, but not a user's session. May be repeated.

        Calls and streams in progress, also those of other threads, continue to their end.

        >>> client.close()
        >>> client.chat("Hello")
        Traceback (most recent call last):
        minimax_sync.errors.RequestError: this client is closed; make another one
        """
        self._core = self._core.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __copy__(self) -> Self:
        return self.with_options()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.with_options()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the sources of the settings, never a secret; the copy finds its own credentials.

        Raises `ConfigError` for a client that was given a key or a session as an argument.
        """
        return _reopened, (type(self), *self._core.reference())

    def __repr__(self) -> str:
        core = self._core
        return f"<{type(self).__name__} {core.model} at {core.channel.endpoint.chat_url}, {core.channel.auth!r}>"


def _over(kind: type[AnyClient], core: Core) -> AnyClient:
    """Return a client over an open core."""
    client = kind.__new__(kind)
    client._core = core
    return client


def _reopened(kind: type[AnyClient], arguments: dict[str, Any], origin: dict[str, Any]) -> AnyClient:
    """Return the client that a pickle describes."""
    return _over(kind, open_core(arguments, **origin))
