"""Read `llm.yaml` and `agents.d/*.yaml`: the settings of one provider, each with its file, line and key.

The layout is derived from the table. This module does not know the precedence over arguments and environment. Only the
chosen provider is read and expanded, so that a file shared with other programs does not need their variables.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Union

from ..errors import ConfigError
from ..secret import Headers
from .checks import check_text
from .placeholders import Placeholders
from .settings import DEFAULT_PROVIDER, Sourced
from .table import SETTINGS, Setting
from .yaml_lines import Item, read_yaml

_Layout = Mapping[str, Union[Setting, "_Layout"]]


def _layout(settings: Iterable[Setting]) -> _Layout:
    """Return the keys of a file as nested mappings, from the settings' dotted keys."""
    layout: dict[str, Any] = {}
    for setting in settings:
        *sections, key = setting.key.split(".")
        level = layout
        for section in sections:
            level = level.setdefault(section, {})
        level[key] = setting
    return layout


_IN_FILE = [setting for setting in SETTINGS if "file" in setting.looked_at]
_TOP = _layout(setting for setting in _IN_FILE if setting.key.startswith("retry."))
_PROVIDER = _layout(setting for setting in _IN_FILE if not setting.key.startswith("retry."))


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
    top = _fields(path, config, placeholders, ("providers", *_TOP)) if found else {}
    providers = top.pop("providers").fields() if "providers" in top else {}
    if provider.value not in providers and provider.value != DEFAULT_PROVIDER:
        known = f"it has {', '.join(providers)}" if providers else "it has none"
        raise ConfigError(f"{provider.source}: no provider {provider.value!r} in {config.value}; {known}")
    values = dict(_collect(top, _TOP))
    if provider.value in providers:
        values.update(_collect(providers[provider.value].fields(_PROVIDER), _PROVIDER))
    if "model" in chosen:
        values["model"] = chosen["model"]
    return FileSettings(config.value if found else None, provider, values)


def _fields(path: Path, file: Sourced[str], placeholders: Placeholders, known: Collection[str]) -> dict[str, Item]:
    try:
        root = read_yaml(path, file.value, placeholders)
    except OSError as error:
        raise ConfigError(f"{file.source}: {file.value} cannot be read: {error.strerror}") from None
    return {} if root is None else root.fields(known)


def _collect(fields: dict[str, Item], layout: _Layout) -> Iterator[tuple[str, Sourced[Any]]]:
    for key, item in fields.items():
        target = layout[key]
        if not isinstance(target, Setting):
            yield from _collect(item.fields(target), target)
        elif found := _value(item, target):
            yield target.name, found


def _value(item: Item, setting: Setting) -> Sourced[Any] | None:
    """Return the checked value, None when it is blank. The raw text is never a local: a traceback may show those."""
    if item.is_null:
        return Sourced(None, item.source) if setting.null_counts else None
    if setting.read is None:
        return Sourced(setting.check(Headers(_texts(item)), item.source), item.source)
    if item.text(flags=setting.is_flag) is None:
        return None
    value = setting.hidden(setting.read(item.text(flags=setting.is_flag) or ""))
    return Sourced(setting.check(value, item.source), item.source)


def _texts(item: Item) -> Iterator[tuple[str, str]]:
    for key, value in item.fields().items():
        yield key, value.text() or ""


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
        key: Sourced(check_text(text, item.source), item.source)
        for key, item in fields.items()
        if (text := item.text()) is not None
    }
