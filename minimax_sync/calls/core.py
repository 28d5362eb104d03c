"""`Core`: what a client and its siblings share, as one frozen value. `with_options` and `with_limiter` return another.

Knows the wire, the channel and the options of a call, but no prompts and no answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ..auth import Listener, Refreshed
from ..errors import ConfigError, LlmError, RequestError
from ..hooks.events import Event, Hook, TokenRefreshed, emit
from ..pacing.retry import RetryPolicy
from ..pacing.token_bucket import Limiter
from ..settings.checks import check_seconds, check_text
from ..settings.settings import Settings
from ..values.request import ChatRequest
from ..wires.wire import Wire
from .attempts import Call, Outgoing
from .channel import Channel, Options
from .model_choice import ModelChoice, explain_refusal
from .stop import Stop

_SAMPLING = ("max_tokens", "temperature", "top_p")
_SECONDS = ("timeout", "connect_timeout", "idle_timeout")
CHANGEABLE = ("model", "retry", *_SECONDS, "hooks")


class ChatOutgoing(Outgoing, frozen=True, kw_only=True):
    """A chat request. `models` is the client's choice of a model, None where the request names its own."""

    wire: Wire
    request: ChatRequest
    models: ModelChoice | None

    def after(self, error: LlmError) -> Outgoing | None:
        """Return the same request for the successor of the client's default model, if that model was refused."""
        model = self.models.instead_of(self.model, error) if self.models is not None else None
        if model is None:
            explain_refusal(error, self.model)
            return None
        body = self.wire.encode(self.request, model, self.is_streamed)
        return msgspec.structs.replace(self, model=model, body=body)

    def answered_by(self, model: str) -> None:
        """Note the model that answered."""
        if self.models is not None and model != self.model:
            self.models.answered_by(self.model, model)


class Core(msgspec.Struct, frozen=True):
    """Everything below a client. Thread-safe.

    `listener` reports the refreshes of the login to the hooks; siblings with the same hooks share it, so that each
    refresh is reported once. `owns_channel` is False for a sibling, which leaves the channel open.
    """

    settings: Settings
    channel: Channel
    options: Options
    wire: Wire
    models: ModelChoice
    listener: Listener | None = None
    owns_channel: bool = True
    owns_session: bool = True
    closed: bool = False

    @property
    def model(self) -> str:
        """The model for requests that name none."""
        return self.models.name

    def call(self, operation: str, request: ChatRequest, stop: Stop | None = None) -> Call:
        """Return the attempts of a chat call; `operation` is "chat" or "stream". Raises `RequestError`."""
        self.check_open()
        model = request.model or self.model
        outgoing = ChatOutgoing(
            operation,
            self.channel.endpoint.chat_url + self.channel.query,
            request.timeout or self.options.timeout,
            body=self.wire.encode(request, model, operation == "stream"),
            model=model,
            sampling={name: getattr(request, name) for name in _SAMPLING},
            headers=request.extra_headers,
            is_streamed=operation == "stream",
            wire=self.wire,
            request=request,
            models=None if request.model else self.models,
        )
        return Call(self.channel, self.options, outgoing, stop)

    def service(self, operation: str, path: str, body: bytes | None = None) -> Call:
        """Return the attempts of a call to another service at the same origin: a POST of `body`, or a GET."""
        self.check_open()
        method = "GET" if body is None else "POST"
        url = self.channel.endpoint.service_url(path)
        return Call(self.channel, self.options, Outgoing(operation, url, self.options.timeout, method, body))

    def check_open(self) -> None:
        """Raise `RequestError` if the client is closed."""
        if self.closed:
            raise RequestError("this client is closed; make another one")

    def close(self) -> Core:
        """Close the channel, unless it is a sibling's, and return the closed core."""
        if self.owns_channel:
            self.channel.close()
        return msgspec.structs.replace(self, closed=True)

    def emit(self, event: Event) -> None:
        """Call the hooks with an event, to which the provider's name is added."""
        emit(self.options.hooks, msgspec.structs.replace(event, provider=self.channel.provider))

    def with_options(self, overrides: Mapping[str, Any]) -> Core:
        """Return a sibling's core with other options. Raises `ConfigError` naming the option."""
        unknown = overrides.keys() - set(CHANGEABLE)
        if unknown:
            known = ", ".join(CHANGEABLE)
            raise ConfigError(f"with_options() cannot change {', '.join(sorted(unknown))}; it can change {known}")
        others = dict(overrides)
        models = self.models
        if "model" in others:
            models = ModelChoice(check_text(others.pop("model"), "model"), is_default=False)
        options = options_with(self.options, others)
        listener = listener_for(self.channel, options.hooks) if "hooks" in others else self.listener
        return msgspec.structs.replace(self, models=models, options=options, listener=listener, owns_channel=False)

    def with_limiter(self, limiter: Limiter | None) -> Core:
        """Return a sibling's core with another limiter."""
        channel = msgspec.structs.replace(self.channel, limiter=limiter)
        return msgspec.structs.replace(self, channel=channel, owns_channel=False)

    def reference(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the arguments and the origin from which another process opens the same core. Holds no secret.

        Raises `ConfigError` for a core that was opened with a key or a session as an argument.
        """
        if not self.owns_session:
            raise ConfigError("a client with session= cannot be pickled; make one in each process")
        origin = dict(self.settings.reference())
        arguments = {**origin.pop("arguments"), **msgspec.structs.asdict(self.options)}
        if not self.models.is_default or self.model != self.models.first:
            arguments["model"] = self.model
        return arguments, origin


def options_with(base: Options, overrides: Mapping[str, Any]) -> Options:
    """Return `base` with checked overrides; raises `ConfigError` naming the option."""
    seconds = {name: check_seconds(overrides[name], f"argument {name}") for name in _SECONDS if name in overrides}
    if not isinstance(overrides.get("retry", base.retry), RetryPolicy):
        raise ConfigError("retry must be a RetryPolicy")
    hooks = overrides.get("hooks", base.hooks)
    if not isinstance(hooks, Iterable) or not all(map(callable, hooks := tuple(hooks))):
        raise ConfigError("hooks must be callables that take one event")
    return msgspec.structs.replace(base, **{**overrides, **seconds, "hooks": hooks})


def listener_for(channel: Channel, hooks: tuple[Hook, ...]) -> Listener | None:
    """Subscribe `hooks` to the refreshes of the login, as long as the returned listener is referenced."""
    subscribe = getattr(channel.auth, "subscribe", None)
    if subscribe is None or not hooks:
        return None

    def listener(refreshed: Refreshed) -> None:
        if refreshed.outcome == "refreshed":
            emit(
                hooks,
                TokenRefreshed(
                    provider=channel.provider,
                    duration=refreshed.seconds,
                    expires_at=refreshed.expires_at,
                    forced=refreshed.forced,
                ),
            )

    subscribe(listener)
    return listener
