"""The settings of a client as values: each with where it came from, and none of them a secret in sight.

Owns the defaults and what can be told from settings that are found: the endpoint, the rows of a status, what a pickle
may hold. How they are found is `resolve`'s business.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, Literal, TypeVar

import msgspec

from ..errors import ConfigError
from ..pacing.retry import RetryPolicy
from ..secret import Secret, StoreUrl
from ..wires.table import Flavor
from .endpoints import REGIONS, Endpoint, resolve_endpoint

T_co = TypeVar("T_co", covariant=True)


class _DefaultText(str):
    __slots__ = ()


class _DefaultNumber(float):
    __slots__ = ()


# Defaults of the client's arguments. Told by identity from an equal value that a user wrote, they never hide the file,
# while `requests_per_second=2.0` in a call does outrank `requests_per_second: 5` in llm.yaml.
DEFAULT_MODEL: str = _DefaultText("MiniMax-M2.5")
DEFAULT_AUTH_MODE: str = _DefaultText("auto")
DEFAULT_RATE: float = _DefaultNumber(2.0)
DEFAULT_RETRY = RetryPolicy()

DEFAULT_FILE = "config/llm.yaml"
DEFAULT_PROVIDER = "minimax"
DEFAULT_BUNDLE = "./secrets/minimax_token_plan.json"
KEY_BASE_URL = REGIONS["global"]
PLAN_KEY_BASE_URL = f"{KEY_BASE_URL}/anthropic"


class Sourced(msgspec.Struct, Generic[T_co], frozen=True):
    """A value and where it came from, in words: ``argument model``, ``config/llm.yaml:7 retry``, ``default``."""

    value: T_co
    source: str


class Settings(msgspec.Struct, frozen=True):
    """All settings of a client. Its repr shows no key and no password.

    `auth_mode` is `static`, `token_plan`, or `custom` for an `auth=` object; its source is the reason. `plan_key` tells
    whether `api_key` belongs to a plan. `bundle` is an absolute path or a store's URL. `base_url` None means: ask the
    bundle or the `auth` object. `requests_per_second` None means no limit. `limiter` is a store's URL, an object of the
    user's or None. `config_file` is the file that was read, if any.
    """

    provider: Sourced[str]
    config_file: str | None
    auth_mode: Sourced[Literal["static", "token_plan", "custom"]]
    api_key: Sourced[Secret | None]
    plan_key: bool
    auth: Sourced[Any]
    bundle: Sourced[str]
    group_id: Sourced[str | None]
    base_url: Sourced[str | None]
    api_flavor: Sourced[Flavor | None]
    chat_path: Sourced[str | None]
    model: Sourced[str]
    requests_per_second: Sourced[float | None]
    burst: Sourced[int | None]
    limiter: Sourced[Any]
    quota_alert_threshold: Sourced[int | None]
    quota_budget: Sourced[int | None]
    retry: Sourced[RetryPolicy]
    given: dict[str, Any]

    @property
    def base_url_by_hand(self) -> str | None:
        """The base URL if the user set it: then its origin may receive tokens."""
        return None if self.base_url.source.startswith("default") else self.base_url.value

    def endpoint(self, fallback: str = KEY_BASE_URL) -> Endpoint:
        """Return where calls go; `fallback` is the base URL that the credentials name, for when none is set."""
        return resolve_endpoint(
            self.base_url.value or fallback,
            self.api_flavor.value,
            self.chat_path.value,
            source=f"base_url, from {self.base_url.source}",
        )

    def reference(self) -> dict[str, Any]:
        """Return the keyword arguments with which `resolve_settings` finds the same settings again in another process.

        Raises ConfigError when one of them is a key or holds a password, for they are meant to be pickled.
        """
        for name, value in self.given["arguments"].items():
            if isinstance(value, Secret) or (isinstance(value, StoreUrl) and value.has_secret):
                raise ConfigError(
                    f"argument {name}: a client made from a secret in the code cannot be pickled; put it into the "
                    "environment, llm.yaml, a file under ./secrets or a Token Plan bundle, where each process finds it"
                )
        return self.given

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Yield name, value as text with secrets masked, and source of every setting."""
        for name in self.__struct_fields__:
            found = getattr(self, name)
            if isinstance(found, Sourced):
                yield name, _shown(found.value), found.source

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value} ({source})' for name, value, source in self.rows())})"


def _shown(value: object) -> str:
    if isinstance(value, (Secret, StoreUrl)):
        return value.masked()
    return "none" if value is None else str(value)
