"""Look for one setting in its places, in the order of the table.

This module does not know how settings depend on each other; `resolve` does. It reads small files and opens no
connection.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..secret import Secret, unquoted
from .places import CONFIG_FILE, USER, USER_CONFIG_FILE, is_there, label, located, path_text, user_directory
from .settings import DEFAULT_PROVIDER, ConfigFile, Sourced
from .table import BY_NAME

_NOT_BLANK = ("model",)
"""Arguments that must not be blank. A blank one of the others, as from an unset variable, counts as not given."""


class Search:
    """Looks for settings in all their places. It holds secrets, so its repr is the default one.

    `provider` is the one that the files are read for. `user` is the user's configuration directory. `is_decided`:
    an argument is the credential, so a small file that cannot be read counts as absent.
    """

    def __init__(self, arguments: Mapping[str, Any], environ: Mapping[str, str], cwd: Path) -> None:
        self.arguments = {
            name: BY_NAME[name].hidden(value) for name, value in arguments.items() if BY_NAME[name].is_given(value)
        }
        self.environ = environ
        self.cwd = cwd
        self.user = user_directory(environ)
        self.provider = Sourced(DEFAULT_PROVIDER, "default")
        self.is_decided = False
        self._files: dict[str, ConfigFile] = {}
        self._in_files: dict[str, dict[str, Sourced[Any]]] = {}

    def read_files(self, provider: str, agent: str | None, path: str | os.PathLike[str] | None) -> None:
        """Read `llm.yaml` of the working directory and of the user, or the one file that was named instead.

        The reader is imported only where there is a file, or where one was asked for.
        """
        if provider != DEFAULT_PROVIDER:
            self.provider = Sourced(provider, "argument provider")
        named = self._named_file(path)
        self._files = {"file": named or ConfigFile(CONFIG_FILE, self.cwd, "default")}
        if named is None:
            self._files[USER_CONFIG_FILE] = ConfigFile(label(USER_CONFIG_FILE, self.user), self.user, "default")
        is_plain = named is None and agent is None and provider == DEFAULT_PROVIDER
        if is_plain and not any(file.exists for file in self._files.values()):
            return
        from .llm_yaml import read_config
        from .placeholders import Placeholders

        placeholders = Placeholders(self.environ, self.cwd)
        self.provider, values = read_config(tuple(self._files.values()), self.provider, agent, placeholders)
        self._in_files = dict(zip(self._files, values, strict=True))

    def find(self, name: str, places: Sequence[str] | None = None) -> Sourced[Any] | None:
        """Return the first that is set and not blank, checked; None when there is none."""
        places = BY_NAME[name].looked_at if places is None else places
        return next((found for place in places if (found := self.look(name, place))), None)

    def look(self, name: str, place: str) -> Sourced[Any] | None:
        """Return what one place has, checked; None when it is not set or blank."""
        setting = BY_NAME[name]
        if place in ("file", USER_CONFIG_FILE):
            return self._in_files.get(place, {}).get(name)
        if place == "argument":
            if name not in self.arguments:
                return None
            value, source = self.arguments[name], f"argument {name}"  # None among them is a rate: no limit
            if name not in _NOT_BLANK and _is_blank(value):
                return None
        else:
            source = label(place, self.user)
            value = setting.hidden(unquoted(self._text(place, source)))
            if _is_blank(value):
                return None
            value = setting.read(value) if setting.read and isinstance(value, str) else value
        _refuse_placeholder(value, source)
        return Sourced(setting.check(value, source), source)

    def is_project(self, name: str, found: Sourced[Any]) -> bool:
        """Return whether a value comes from an `llm.yaml` that the working directory holds and nobody has named."""
        return found is self.look(name, "file") and self._files["file"].source == "default"

    def is_user(self, path: str | os.PathLike[str]) -> bool:
        """Return whether a file is in the user's directory. A symlink counts as the file to which it leads."""
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self.user))

    def described(self, name: str) -> list[str]:
        """Return the names of a setting's places, for the message that it is in none of them."""
        words = []
        for place in BY_NAME[name].looked_at:
            if place == "argument":
                words.append(f"argument {name}")
            elif place not in ("file", USER_CONFIG_FILE):
                words.append(label(place, self.user))
            elif file := self._files.get(place):
                missing = "" if file.exists else " (there is no such file)"
                words.append(f"{file.name} providers.{self.provider.value}.{BY_NAME[name].key}{missing}")
        return words

    def _named_file(self, path: str | os.PathLike[str] | None) -> ConfigFile | None:
        if path is not None:
            return ConfigFile(path_text(path, "argument path"), self.cwd, "argument path")
        named = self.environ.get("MINIMAX_CONFIG", "").strip()
        return ConfigFile(named, self.cwd, "environment variable MINIMAX_CONFIG") if named else None

    def _text(self, place: str, source: str) -> str:
        """Return the text of an environment variable or a small file, empty when it is not there."""
        if place.startswith("$"):
            return self.environ.get(place[1:], "")
        path = located(place, self.cwd, self.user)
        if not is_there(path, unknown=not place.startswith(USER)) or (self.is_decided and not os.access(path, os.R_OK)):
            return ""
        from .placeholders import PlaceholderError, read_text

        try:
            return read_text(path, source)
        except PlaceholderError as error:
            fault = str(error)
        raise ConfigError(fault)


def _is_blank(value: Any) -> bool:
    text = value.reveal() if isinstance(value, Secret) else value
    return isinstance(text, str) and not text.strip()


def _refuse_placeholder(value: object, source: str) -> None:
    """Raise ConfigError for `${NAME}`, which should have been expanded before. Files expand their own."""
    text = value.reveal() if isinstance(value, Secret) else value
    is_placeholder = isinstance(text, str) and text.strip().startswith("${") and text.strip().endswith("}")
    del value, text  # a traceback may show locals
    if is_placeholder:
        raise ConfigError(
            f"{source}: it is a placeholder like ${{NAME}}, which is expanded only in llm.yaml; set the value itself"
        )
