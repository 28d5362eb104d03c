"""The settings of a client as values, each with its source, and none shown with a secret.

Contains also what is derived from them: the endpoint, the rows of `status`, the content of a pickle. Does not know how
settings are found.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import msgspec

from ..errors import ConfigError
from ..pacing.retry import RetryPolicy
from ..secret import Headers, Secret, StoreUrl
from ..wires.table import Flavor
from .endpoints import REGIONS, Endpoint, plan_base_url, resolve_endpoint

T_co = TypeVar("T_co", covariant=True)


DEFAULT_PROVIDER = "minimax"
KEY_BASE_URL = REGIONS["global"]
PLAN_KEY_BASE_URL = plan_base_url(KEY_BASE_URL)


class Sourced(msgspec.Struct, Generic[T_co], frozen=True):
    """A value and its source, in words: ``argument model``, ``config/llm.yaml:7 retry.max_attempts``, ``default``."""

    value: T_co
    source: str


class ConfigFile(msgspec.Struct, frozen=True):
    """A configuration file: its name below `base`, as messages show it, and the source of that name."""

    name: str
    base: Path
    source: str

    @property
    def path(self) -> Path:
        return self.base / self.name

    @property
    def exists(self) -> bool:
        return os.path.lexists(self.path)


class Settings(msgspec.Struct, frozen=True):
    """All settings of a client: an attribute for each row of the table, but one for all of `retry`.

    `auth_mode` is `static`, `token_plan`, or `custom` for an `auth=` object; its source is the reason. `api_key` may be
    a function that returns the key; `plan_key` is whether it belongs to a plan. `bundle` is an absolute path or a URL
    of Redis, `user_bundle` the one of the user's own directory. `base_url` None: the bundle or the `auth` object names
    it. `requests_per_second` None: no limit. `limiter` is a URL of Redis, an object of the user's or None.
    `retry_sources` are the sources of the policy's fields. `server_fault` is why the server must not get the login, or
    "". The repr shows no key and no password.
    """

    provider: Sourced[str]
    auth_mode: Sourced[Literal["static", "token_plan", "custom"]]
    api_key: Sourced[Secret | Callable[[], str] | None]
    plan_key: bool
    auth: Sourced[Any]
    bundle: Sourced[str]
    user_bundle: str
    client_id: Sourced[str | None]
    scope: Sourced[str | None]
    grant: Sourced[str]
    group_id: Sourced[str | None]
    base_url: Sourced[str | None]
    api_flavor: Sourced[Flavor | None]
    chat_path: Sourced[str | None]
    model: Sourced[str]
    timeout: Sourced[float]
    connect_timeout: Sourced[float]
    idle_timeout: Sourced[float]
    requests_per_second: Sourced[float | None]
    burst: Sourced[int | None]
    limiter: Sourced[Any]
    quota_alert_threshold: Sourced[int | None]
    quota_budget: Sourced[int | None]
    background_refresh: Sourced[bool]
    verify: Sourced[Any]
    proxy: Sourced[StoreUrl | None]
    default_headers: Sourced[Headers | None]
    retry: Sourced[RetryPolicy]
    retry_sources: dict[str, str]
    server_fault: str
    given: dict[str, Any]

    @property
    def base_url_by_hand(self) -> str | None:
        """The base URL if the user set it: then its origin may receive tokens."""
        return None if self.base_url.source.startswith("default") else self.base_url.value

    def check_server(self) -> None:
        """Raise ConfigError if a file of the project would send the user's own login to a server of its choice."""
        if self.server_fault:
            raise ConfigError(self.server_fault)

    def endpoint(self, fallback: str = KEY_BASE_URL) -> Endpoint:
        """Return where calls go; `fallback` is the base URL that the credentials name, for when none is set."""
        source = f"base_url, from {self.base_url.source}"
        if self.base_url.value is None and self.auth_mode.value == "token_plan":
            source = f"the region in the Token Plan bundle {self.bundle.value!r}"
        return resolve_endpoint(
            self.base_url.value or fallback, self.api_flavor.value, self.chat_path.value, source=source
        )

    def reference(self) -> dict[str, Any]:
        """Return the keyword arguments with which `resolve_settings` finds the same settings again in another process.

        Raises ConfigError when one of them holds a secret, since they are meant to be pickled.
        """
        for name, value in self.given["arguments"].items():
            if isinstance(value, Secret) or (isinstance(value, (StoreUrl, Headers)) and value.has_secret):
                raise ConfigError(
                    f"argument {name}: a client made from a secret in the code cannot be pickled; put it into the "
                    "environment, llm.yaml, a file under ./secrets or a Token Plan bundle, where each process finds it"
                )
        return self.given

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Yield name, value as text with secrets masked, and source of every setting."""
        for name in self.__struct_fields__:
            found = getattr(self, name)
            if name == "retry":
                for field, source in self.retry_sources.items():
                    yield f"retry.{field}", shown(getattr(self.retry.value, field)), source
            elif isinstance(found, Sourced):
                yield name, shown(found.value), found.source

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value} ({source})' for name, value, source in self.rows())})"


def shown(value: object) -> str:
    """Return a value as text, secrets masked."""
    if isinstance(value, (Secret, StoreUrl, Headers)):
        return value.masked()
    if callable(value):
        return f"the function {getattr(value, '__qualname__', type(value).__name__)}"
    return "none" if value is None else str(value)
