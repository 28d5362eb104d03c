"""What `llm.yaml` and `agents.d/*.yaml` say: the layout of the files, and one provider's settings out of them.

Owns which key means which setting. Precedence over arguments and environment is `resolve`'s business, parsing
`yaml_file`'s, the values themselves `checks`'. Only the chosen provider is read and expanded, so that a file shared
with other programs does not need their variables to be set here.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Union

from ..errors import ConfigError
from ..pacing.retry import RetryPolicy
from .placeholders import Placeholders
from .settings import DEFAULT_PROVIDER, Sourced
from .table import CHECKS
from .yaml_lines import Item, read_yaml

_Layout = Mapping[str, Union[str, "_Layout"]]

_TOP = ("providers", "retry")
_PROVIDER: _Layout = {
    "api_key": "api_key",
    "group_id": "group_id",
    "base_url": "base_url",
    "api_flavor": "api_flavor",
    "chat_path": "chat_path",
    "model": "model",
    "rate_limit": {
        "requests_per_second": "requests_per_second",
        "burst": "burst",
        "store": "limiter",
        "quota_alert_threshold": "quota_alert_threshold",
        "quota_budget": "quota_budget",
    },
    "auth": {"mode": "auth_mode", "bundle": "bundle"},
}
_RETRY = {
    "max_attempts": "rate_limit_attempts",
    "server_attempts": "server_attempts",
    "initial_backoff_ms": "initial_backoff_ms",
    "max_backoff_ms": "max_backoff_ms",
    "backoff_multiplier": "backoff_multiplier",
}
_NUMBERS = frozenset({"requests_per_second", "burst", "quota_alert_threshold", "quota_budget"})


class FileSettings(NamedTuple):
    """What the files give: `path`, the file that was read, None when there is none; `provider`, the one chosen;
    `values`, its settings by name."""

    path: str | None
    provider: Sourced[str]
    values: dict[str, Sourced[Any]]


def read_config(
    config: Sourced[str], provider: Sourced[str], agent: str | None, placeholders: Placeholders, cwd: Path
) -> FileSettings:
    """Read the file that `config` names, below `cwd`, for one provider.

    An `agent` brings its model, and its provider unless another than the default was asked for. The default file may be
    missing, a named one may not. Raises ConfigError that names file, key and line.
    """
    chosen = {} if agent is None else _agent(agent, config.value, placeholders, cwd)
    if provider.value == DEFAULT_PROVIDER:
        provider = chosen.get("provider", provider)
    path = cwd / config.value
    found = config.source != "default" or os.path.lexists(path)
    top = _fields(path, config, placeholders, _TOP) if found else {}
    providers = top["providers"].fields() if "providers" in top else {}
    if provider.value not in providers and provider.value != DEFAULT_PROVIDER:
        known = f"it has {', '.join(providers)}" if providers else "it has none"
        raise ConfigError(f"{provider.source}: no provider {provider.value!r} in {config.value}; {known}")
    values: dict[str, Sourced[Any]] = {}
    if provider.value in providers:
        values.update(_collect(providers[provider.value], _PROVIDER))
    if "retry" in top:
        values["retry"] = _retry(top["retry"])
    if "model" in chosen:
        values["model"] = chosen["model"]
    return FileSettings(config.value if found else None, provider, values)


def _fields(path: Path, file: Sourced[str], placeholders: Placeholders, known: Collection[str]) -> dict[str, Item]:
    try:
        root = read_yaml(path, file.value, placeholders)
    except OSError as error:
        raise ConfigError(f"{file.source}: {file.value} cannot be read: {error.strerror}") from None
    return {} if root is None else root.fields(known)


def _collect(parent: Item, layout: _Layout) -> Iterator[tuple[str, Sourced[Any]]]:
    for key, item in parent.fields(layout).items():
        target = layout[key]
        if not isinstance(target, str):
            yield from _collect(item, target)
        elif target == "requests_per_second" and item.is_null:
            yield target, Sourced(None, item.source)
        else:
            value = _value(item, target)
            if value is not None:
                yield target, Sourced(value, item.source)


def _value(item: Item, setting: str) -> Any:
    # The raw text is never a local: it may be a key, and a traceback may show locals.
    if setting in _NUMBERS:
        return None if item.number() is None else CHECKS[setting](item.number(), item.source)
    return None if item.text() is None else CHECKS[setting](item.text(), item.source)


def _retry(parent: Item) -> Sourced[RetryPolicy]:
    values: dict[str, Any] = {}
    for key, item in parent.fields(_RETRY).items():
        value: dict[str, Any] = {_RETRY[key]: item.number()}
        if value[_RETRY[key]] is None:
            continue
        try:
            RetryPolicy(**value)
        except ConfigError as error:
            raise ConfigError(f"{item.source}: must be {str(error).partition(' must be ')[2]}") from None
        values.update(value)
    return Sourced(RetryPolicy(**values), parent.source)


def _agent(agent: str, config: str, placeholders: Placeholders, cwd: Path) -> dict[str, Sourced[str]]:
    folder = Path(config).parent / "agents.d"
    known: dict[str, Item | None] = {}
    for path in sorted((cwd / folder).glob("[!.]*.yaml")):
        file = Sourced(str(folder / path.name), f"agent {agent!r}")
        entries = _fields(path, file, placeholders, ("agents",))
        for entry in entries["agents"].elements() if "agents" in entries else ():
            fields = entry.fields(("id", "model"))
            identity = fields["id"].text() if "id" in fields else None
            if identity is None:
                raise ConfigError(f"{entry.source}: an agent needs an id")
            if identity in known:
                raise ConfigError(f"{fields['id'].source}: there is another agent {identity!r}")
            known[identity] = fields.get("model")
    if agent not in known:
        names = f"known: {', '.join(known)}" if known else f"there is none in {folder}"
        raise ConfigError(f"argument agent: no agent {agent!r}; {names}")
    model = known[agent]
    fields = {} if model is None else model.fields(("provider", "model"))
    return {
        key: Sourced(CHECKS["model"](text, item.source), item.source)
        for key, item in fields.items()
        if (text := item.text()) is not None
    }
