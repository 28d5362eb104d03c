"""A YAML file as items that know their line.

This module parses and distinguishes text, mappings and lists; it does not know the meaning of keys. Values are taken
from the composed nodes, before YAML makes numbers and dates of them, so that a group id keeps its leading zeros. PyYAML
is imported when a file is read. No repr and no message shows a value.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, NoReturn

from ..errors import ConfigError
from ..secret import shown_name
from .placeholders import PlaceholderError, Placeholders
from .spelling import did_you_mean

_TAG = "tag:yaml.org,2002:"
_TEXT_TAGS = frozenset(_TAG + name for name in ("str", "int", "float", "timestamp"))
_QUOTED = re.compile(r"'([^']*)'")


class Item:
    """One value of a file. `source` is its place, as in ``config/llm.yaml:7 providers.minimax.api_key``."""

    def __init__(self, file: _File, node: Any, line: int, path: str) -> None:
        self.source = f"{file.name}:{line} {path}".rstrip()
        self._file = file
        self._node = node
        self._path = path

    @property
    def is_null(self) -> bool:
        """Whether the value was left out, or is `null` or `~`."""
        return bool(self._node.tag == _TAG + "null")

    def text(self, *, flags: bool = False) -> str | None:
        """Return the value as text, placeholders expanded and outer blanks removed; None when nothing is left.

        With `flags`, `true` and `false` are text too.
        """
        if self.is_null:
            return None
        if self._node.tag not in _TEXT_TAGS and not (flags and self._node.tag == _TAG + "bool"):
            self._refuse("text (in quotes, where YAML reads it as something else)")
        try:
            return self._file.placeholders.expand(self._node.value).strip() or None
        except PlaceholderError as error:
            fault = str(error)
        raise ConfigError(f"{self.source}: {fault}")

    def fields(self, known: Collection[str] | None = None) -> dict[str, Item]:
        """Return the items of a mapping by key; a key twice, or one that is not among `known`, is a ConfigError."""
        if self.is_null:
            return {}
        if self._node.tag != _TAG + "map":
            self._refuse("a mapping")
        self._merge()
        fields = {
            key.value: self._child(node, key, f"{self._path}.{shown_name(key.value)}".lstrip("."))
            for key, node in self._node.value
        }
        for name, item in fields.items():
            if known is not None and name not in known:
                hint = did_you_mean(name, known)
                raise ConfigError(f"{item.source}: unknown key{hint}; known here: {', '.join(known)}")
        return fields

    def elements(self) -> list[Item]:
        """Return the items of a list."""
        if self.is_null:
            return []
        if self._node.tag != _TAG + "seq":
            self._refuse("a list")
        return [self._child(node, node, f"{self._path}[{index}]") for index, node in enumerate(self._node.value)]

    def _merge(self) -> None:
        """Refuse a key that is not a single word or is duplicated, then merge the mappings that `<<` names."""
        lines: dict[str, int] = {}
        for key in [key for key, _ in self._node.value]:  # a node's repr shows its value: keep it out of the locals
            item = self._child(key, key, self._path)
            if key.id != "scalar":
                raise ConfigError(f"{item.source}: a key must be a single word")
            if key.value in lines:
                name = shown_name(key.value)
                raise ConfigError(f"{item.source}: key {name} is given twice, here and in line {lines[key.value]}")
            lines[key.value] = key.start_mark.line + 1
        if not self._file.flatten(self._node):
            self._refuse("a mapping whose << names another one")

    def _child(self, node: Any, marked: Any, path: str) -> Item:
        return Item(self._file, node, marked.start_mark.line + 1, path)

    def _refuse(self, wanted: str) -> NoReturn:
        raise ConfigError(f"{self.source}: must be {wanted}")


class _File:
    """What all items of a file share. The text stays inside PyYAML's loader, so that no repr shows it."""

    def __init__(self, path: Path, name: str, placeholders: Placeholders) -> None:
        self.name = name
        self.placeholders = placeholders
        self._path = path
        self._loader: Any = None

    def root(self) -> Item | None:
        """Parse the file; None without a document. PyYAML's errors quote the line with its key, so none is raised."""
        import yaml

        line: int | None = None
        try:
            self._loader = yaml.SafeLoader(self._path.read_bytes())
            node = self._loader.get_single_node()
            return None if node is None else Item(self, node, node.start_mark.line + 1, "")
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else None
            fault = _QUOTED.sub(_shown, error.problem or "it does not parse")
        except yaml.YAMLError:
            fault = "it holds a character that is not allowed, or is not UTF-8"
        except RecursionError:
            fault = "it is nested too deeply"
        where = self.name if line is None else f"{self.name}:{line}"
        hint = "; inside {...} put a value with ${...} in quotes" if "got '{'" in fault else ""
        raise ConfigError(f"{where}: not valid YAML: {fault}{hint}")

    def flatten(self, node: Any) -> bool:
        import yaml

        try:
            self._loader.flatten_mapping(node)
        except yaml.YAMLError:
            return False
        return True


def _shown(found: re.Match[str]) -> str:
    """Keep the quotes that are PyYAML's own; an undefined alias may be a password that begins with a star."""
    return found[0] if len(found[1]) < 3 or found[1].startswith("<") else "a name"


def read_yaml(path: Path, name: str, placeholders: Placeholders) -> Item | None:
    """Parse one YAML document and return its root, or None when there is nothing in it.

    `name` is the name of the file in messages. Raises OSError for a file that cannot be read, and ConfigError with the
    line for one that is not YAML.
    """
    return _File(path, name, placeholders).root()
