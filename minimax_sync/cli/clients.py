"""Make a client, its settings or its Token Plan login from the options that all commands share."""

from __future__ import annotations

import re
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, LlmError
from .terminal import duration, remark

if TYPE_CHECKING:
    from .. import MiniMaxClient
    from ..auth.status import BundleStatus
    from ..auth.token_plan import TokenPlan
    from ..hooks.events import Event
    from ..settings.endpoints import Endpoint
    from ..settings.settings import Settings

_NO_CREDENTIAL = "no MiniMax credential"

_PARTIAL = re.compile(r"; the (part received|last answer) is in \.partial")
_FLAGS = {"path": "--config", "agent": "--agent", "base_url": "--base-url", "model": "--model", "bundle": "--bundle"}
_ARGUMENT = re.compile(rf"\bargument ({'|'.join(_FLAGS)})\b")


def open_client(arguments: Namespace, **overrides: Any) -> MiniMaxClient:
    """Make the client that the common options describe; `overrides` that are None do not change a setting."""
    from .. import MiniMaxClient

    return MiniMaxClient.from_config(
        arguments.config,
        agent=arguments.agent,
        background_refresh=False,  # a long command requests a token before each call, which refreshes it
        hooks=(_report_wait,),
        **_given(arguments, overrides),
    )


def find_settings(arguments: Namespace, **overrides: Any) -> Settings:
    """Find the settings of the client that `open_client` would make."""
    from ..settings.resolve import resolve_settings

    return resolve_settings(arguments=_given(arguments, overrides), path=arguments.config, agent=arguments.agent)


def find_login_settings(arguments: Namespace, **overrides: Any) -> Settings:
    """Find the settings before there is a credential; everything else is checked."""
    return find_settings(arguments, auth=_NoCredential(), **overrides)


def is_without_credential(error: ConfigError) -> bool:
    """Return whether the only problem is a missing credential."""
    return str(error).startswith(_NO_CREDENTIAL)


def token_plan(settings: Settings) -> TokenPlan:
    """Return the login that the settings name."""
    from ..calls import open_core

    return open_core.token_plan(settings)


def login_of(settings: Settings) -> BundleStatus | None:
    """Return the state of the login that the settings name; None if they name another credential."""
    return token_plan(settings).status() if settings.auth_mode.value == "token_plan" else None


def endpoint_of(settings: Settings, login: BundleStatus | None) -> Endpoint:
    """Return where a client with these settings, and this login, calls."""
    from ..settings.endpoints import plan_base_url
    from ..settings.settings import KEY_BASE_URL

    return settings.endpoint(plan_base_url(login.region or KEY_BASE_URL) if login else KEY_BASE_URL)


def read_schema(name: str) -> dict[str, Any]:
    """Read a JSON schema from a file."""
    import json

    try:
        schema = json.loads(Path(name).read_text("utf-8-sig"))
    except ValueError as error:
        raise ConfigError(f"--schema {name}: not JSON in UTF-8: {error}") from None
    if not isinstance(schema, dict):
        raise ConfigError(f"--schema {name}: a JSON schema is an object")
    return schema


def as_complaint(error: LlmError) -> str:
    """Return the message of an error with flags for arguments, and without `.partial`, which a user cannot read."""
    text = _PARTIAL.sub("", in_flags(str(error))) or type(error).__name__
    text = text.replace(":\n  ", ": ").replace("\n  ", ", ").replace("\n", ". ")  # a list, in one line
    return f"{text} [request {error.request_id}]" if error.request_id else text


def place_of(settings: Settings) -> str:
    """Return the place of the bundle, without the password that its URL may hold."""
    from ..settings.settings import shown

    return shown(settings.bundle.value)


def in_flags(text: str) -> str:
    """Return a message of the library with flags for arguments."""
    return _ARGUMENT.sub(lambda found: _FLAGS[found[1]], text)


class _NoCredential:
    """A placeholder for a missing credential."""

    def bearer(self) -> str:
        raise ConfigError(_NO_CREDENTIAL)


def _given(arguments: Namespace, overrides: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {"base_url": arguments.base_url, **overrides}.items() if value is not None}


def _report_wait(event: Event) -> None:
    from ..hooks.events import AttemptFailed

    if isinstance(event, AttemptFailed) and event.retry_in:
        remark(f"{event.error_type}; trying again in {duration(event.retry_in)}")
