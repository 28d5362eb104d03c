"""Read `llm.yaml` and `agents.d/*.yaml`: the settings of one provider, each with its file, line and key.

The layout is derived from the table. This module does not know the precedence over arguments and environment. Only the
chosen provider is read and expanded, so that a file shared with other programs does not need their variables.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Union

from ..errors import ConfigError
from ..secret import Headers, shown_name
from .checks import check_text
from .placeholders import Placeholders
from .settings import DEFAULT_PROVIDER, ConfigFile, Sourced
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


Values = dict[str, Sourced[Any]]
"""The settings of a file by name."""


def read_config(
    files: Sequence[ConfigFile], provider: Sourced[str], agent: str | None, placeholders: Placeholders
) -> tuple[Sourced[str], list[Values]]:
    """Read the files for one provider, and return the provider and the settings in each file.

    An `agent` sets the model, and the provider unless another one than the default was requested. A default file may be
    missing, a named one may not. Raises ConfigError that names file, key and line.
    """
    chosen = {} if agent is None else _agent(agent, files, placeholders)
    if provider.value == DEFAULT_PROVIDER:
        provider = chosen.get("provider", provider)
    tops = [
        _fields(file.path, file, placeholders.below(file.base), ("providers", *_TOP))
        if file.exists or file.source != "default"
        else {}
        for file in files
    ]
    providers = [top.pop("providers").fields() if "providers" in top else {} for top in tops]
    known = list(dict.fromkeys(name for names in providers for name in names))
    if provider.value not in (*known, DEFAULT_PROVIDER):
        names = " or ".join(file.name for file in files if file.exists) or files[0].name
        has = f"it has {', '.join(map(shown_name, known))}" if known else "it has none"
        raise ConfigError(f"{provider.source}: no provider {shown_name(provider.value)!r} in {names}; {has}")
    values = []
    for top, sections in zip(tops, providers, strict=True):
        values.append(dict(_collect(top, _TOP)))
        if provider.value in sections:
            values[-1].update(_collect(sections[provider.value].fields(_PROVIDER), _PROVIDER))
    if "model" in chosen:
        values[0]["model"] = chosen["model"]
    return provider, values


def _fields(path: Path, file: ConfigFile, placeholders: Placeholders, known: Collection[str]) -> dict[str, Item]:
    try:
        root = read_yaml(path, file.name, placeholders)
    except OSError as error:
        raise ConfigError(f"{file.source}: {file.name} cannot be read: {error.strerror}") from None
    return {} if root is None else root.fields(known)


def _collect(fields: dict[str, Item], layout: _Layout) -> Iterator[tuple[str, Sourced[Any]]]:
    for key, item in fields.items():
        target = layout[key]
        if not isinstance(target, Setting):
            yield from _collect(item.fields(target), target)
        elif found := _value(item, target):
            yield target.name, found


def _value(item: Item, setting: Setting) -> Sourced[Any] | None:
    """Return the checked value, None if it is blank. The raw text is never a local, which a traceback may show."""
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


def _agent(agent: str, files: Sequence[ConfigFile], placeholders: Placeholders) -> Values:
    """Return model and provider of an agent, from the first `agents.d` that has it."""
    known: list[str] = []
    folders = [str(Path(file.name).parent / "agents.d") for file in files]
    for file, folder in zip(files, folders, strict=True):
        agents = _agents(agent, file, folder, placeholders)
        if agent in agents:
            model = agents[agent]
            fields = {} if model is None else model.fields(("provider", "model"))
            return {
                key: Sourced(check_text(text, item.source), item.source)
                for key, item in fields.items()
                if (text := item.text()) is not None
            }
        known += agents
    names = f"known: {', '.join(map(shown_name, known))}" if known else f"there is none in {' or '.join(folders)}"
    raise ConfigError(f"argument agent: no agent {shown_name(agent)!r}; {names}")


def _agents(agent: str, config: ConfigFile, folder: str, placeholders: Placeholders) -> dict[str, Item | None]:
    """Return the agents of a folder: the item that names the model of each."""
    known: dict[str, Item | None] = {}
    for path in sorted((config.base / folder).glob("[!.]*.yaml")):
        file = ConfigFile(str(Path(folder) / path.name), config.base, f"agent {shown_name(agent)!r}")
        entries = _fields(path, file, placeholders.below(config.base), ("agents",))
        for entry in entries["agents"].elements() if "agents" in entries else ():
            fields = entry.fields(("id", "model"))
            identity = fields["id"].text() if "id" in fields else None
            if identity is None:
                raise ConfigError(f"{entry.source}: an agent needs an id")
            if identity in known:
                raise ConfigError(f"{fields['id'].source}: there is another agent {shown_name(identity)!r}")
            known[identity] = fields.get("model")
    return known
