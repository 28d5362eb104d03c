"""The life of a client, and one call of it: opening, siblings, pickles, closing; what every public method goes through.

Knows no input and no answer of a user's: those are the client's, which stands on this.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from .. import late_imports as late
from ..errors import ConfigError, RequestError, ResponseFormatError
from ..net.reply import Reply
from ..pacing.retry import RetryPolicy
from ..settings.resolve import resolve_settings
from ..settings.settings import Settings
from ..settings.table import CHECKS
from ..values.request import ChatRequest
from ..values.response import ChatResponse
from ..wires.table import Wire, wire_for
from .attempts import Call, Channel, Options, Redact, Transport, unexpected
from .open_core import open_channel

if TYPE_CHECKING:
    from ..auth.single_flight import Refreshed
    from ..hooks.call_watch import CallWatch

if sys.version_info >= (3, 11):
    from typing import Self

    os.register_at_fork(before=late.load_late_imports)
else:  # 3.10 was seen to crash when it imports in the midst of a fork, with threads running
    from typing_extensions import Self

    late.load_late_imports()

AnyCaller = TypeVar("AnyCaller", bound="Caller")
Result = TypeVar("Result")

_OWN_OPTIONS = ("timeout", "connect_timeout", "idle_timeout", "hooks")
_SIBLING_OPTIONS = ("model", "retry", *_OWN_OPTIONS)


class Caller:
    """Base of the client: what it shares with its siblings, and how a call of either is carried out."""

    _settings: Settings
    _channel: Channel
    _transport: Transport
    _wire: Wire
    _model: str
    _owns_channel: bool
    _owns_session: bool
    _closed: bool

    def _open(self, given: dict[str, Any], **origin: Any) -> None:
        session = given.pop("session", None)
        background_refresh = given.pop("background_refresh", True)
        options = {name: given.pop(name) for name in _OWN_OPTIONS if name in given}
        unknown = given.keys() - CHECKS.keys()
        if unknown:
            raise ConfigError(f"unknown argument {', '.join(sorted(unknown))}")
        self._settings = resolve_settings(arguments=given, **origin)
        self._channel = open_channel(self._settings, session, background_refresh=background_refresh)
        self._wire = wire_for(self._channel.endpoint)
        self._model = self._settings.model.value
        self._owns_channel, self._owns_session, self._closed = True, session is None, False
        self._use(_options(Options(self._settings.retry.value), options))
        self._watch_refreshes()

    def _use(self, options: Options) -> None:
        self._transport = Transport(self._channel, options)

    def _watch_refreshes(self) -> None:
        subscribe = getattr(self._channel.auth, "subscribe", None)
        if subscribe is not None and self._transport.options.hooks:
            subscribe(self._tell_refreshed)

    def with_options(self, **overrides: Any) -> Self:
        """Return a sibling with another `model`, `timeout`, `connect_timeout`, `idle_timeout`, `retry` or `hooks`.

        It shares session, limiter and credentials; closing it leaves them open.
        """
        unknown = overrides.keys() - set(_SIBLING_OPTIONS)
        if unknown:
            known = ", ".join(_SIBLING_OPTIONS)
            raise ConfigError(f"with_options() cannot change {', '.join(sorted(unknown))}; it can change {known}")
        sibling = type(self).__new__(type(self))
        sibling.__dict__.update(self.__dict__)
        sibling._owns_channel = False
        model = overrides.pop("model", self._model)
        if not isinstance(model, str) or not model.strip():
            raise ConfigError("model must be a model's name")
        sibling._model = model
        sibling._use(_options(self._transport.options, overrides))
        if "hooks" in overrides:
            sibling._watch_refreshes()
        return sibling

    @property
    def limiter(self) -> late.Limiter | None:
        """The limiter in use, None when requests are not paced. One in Redis tells as `degraded` that Redis is away."""
        return self._channel.limiter

    def close(self) -> None:
        """End the background thread and the connections. A session of the user's stays open; harmless when repeated."""
        self._closed = True
        if self._owns_channel:
            self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __copy__(self) -> Self:
        return self.with_options()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.with_options()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle where the settings come from, never a secret; the copy finds its own credentials.

        Raises `ConfigError` for a client with a key or a session from the code.
        """
        if not self._owns_session:
            raise ConfigError("a client with session= cannot be pickled; make one in each process")
        reference = dict(self._settings.reference())
        given = {**reference.pop("arguments"), **msgspec.structs.asdict(self._transport.options), "model": self._model}
        return reopened, (type(self), {**given, "background_refresh": self._channel.lease is not None}, reference)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._model} at {self._channel.endpoint.chat_url}, {self._channel.auth!r}>"

    def _chat_call(self, operation: str, request: ChatRequest) -> Call:
        self._check_open()
        endpoint, options = self._channel.endpoint, self._transport.options
        return Call(
            operation,
            endpoint.chat_url + self._channel.query,
            request.timeout or options.timeout,
            body=self._wire.encode(request, self._model, operation == "stream"),
            model=request.model or self._model,
            sampling={name: getattr(request, name) for name in ("max_tokens", "temperature", "top_p")},
        )

    def _run(self, call: Call, receive: Callable[[Reply, Redact], Result], watch: CallWatch | None) -> Result:
        if watch is None:
            return self._transport.run(call, receive)
        try:
            return self._transport.run(call, receive, watch)
        except BaseException as error:
            watch.ended(error=error)
            raise

    @property
    def _is_watched(self) -> bool:
        return self._channel.quota is not None or bool(self._transport.options.hooks)

    def _over(self, watch: CallWatch | None, response: ChatResponse, error: BaseException | None = None) -> None:
        """Charge the quota's budget and tell the hooks."""
        quota = self._channel.quota
        if quota is not None:
            self._transport.note_quota(quota.spend(response.usage.total_tokens))
        if watch is not None:
            watch.ended(response, error, quota.last if quota is not None else None)

    def _tell_refreshed(self, refreshed: Refreshed) -> None:
        if refreshed.outcome == "refreshed":
            from ..hooks.events import TokenRefreshed, emit

            event = TokenRefreshed(
                provider=self._channel.provider, duration=refreshed.seconds, expires_at=refreshed.expires_at
            )
            emit(self._transport.options.hooks, event)

    def _check_open(self) -> None:
        if self._closed:
            raise RequestError("this client is closed; make another one")

    def _service(
        self, operation: str, path: str, decode: Callable[[bytes], Result], body: bytes | None = None
    ) -> Result:
        from ..wires.services import failure_in

        def receive(reply: Reply, _: Redact) -> Result:
            answer = reply.read()
            failure = decoded(reply, answer, failure_in)
            if failure is not None:
                raise failure
            return decoded(reply, answer, decode)

        self._check_open()
        url = self._channel.endpoint.service_url(path)
        method = "GET" if body is None else "POST"
        call = Call(operation, url, self._transport.options.timeout, method=method, body=body)
        watch = self._transport.watch(call)
        result = self._run(call, receive, watch)
        if watch is not None:
            watch.ended()
        return result


def reopened(kind: type[AnyCaller], given: dict[str, Any], origin: dict[str, Any]) -> AnyCaller:
    """Make the client that a pickle tells of."""
    client = kind.__new__(kind)
    client._open(given, **origin)
    return client


def decoded(reply: Reply, body: bytes, decode: Callable[[bytes], Result]) -> Result:
    """Decode a 2xx; what is no answer becomes an error that tells what it looks like."""
    try:
        return decode(body)
    except ResponseFormatError as exc:
        problem = str(exc)
    raise unexpected(reply, body, problem)


def _options(base: Options, overrides: Mapping[str, Any]) -> Options:
    """Return `base` with checked overrides; raises `ConfigError` naming the field."""
    for name in ("timeout", "connect_timeout", "idle_timeout"):
        value = overrides.get(name, 1.0)
        if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value) or value <= 0:
            raise ConfigError(f"{name} must be a number of seconds above 0")
    if not isinstance(overrides.get("retry", base.retry), RetryPolicy):
        raise ConfigError("retry must be a RetryPolicy")
    hooks = overrides.get("hooks", base.hooks)
    if not isinstance(hooks, Iterable) or not all(map(callable, hooks := tuple(hooks))):
        raise ConfigError("hooks must be callables that take one event")
    return msgspec.structs.replace(base, **{**overrides, "hooks": hooks})
