"""Find the settings of a client: argument, environment, `llm.yaml`, default, in this order, unless the table names
other places.

The choice between a key and a Token Plan bundle is made here too. This module does not know the layout of the files or
what a value may be. It reads small files and opens no connection; of the bundle it only sees whether it exists.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..pacing.retry import RetryPolicy
from ..secret import Secret, StoreUrl, unquoted
from .places import BUNDLE_FILE, CONFIG_FILE
from .settings import DEFAULT_PROVIDER, KEY_BASE_URL, PLAN_KEY_BASE_URL, Settings, Sourced
from .spelling import did_you_mean
from .table import ARGUMENTS, BY_NAME, PLAN_KEY_PLACES, SETTINGS

_PLAN_PREFIX = "sk-cp-"
_RETRY = tuple(setting for setting in SETTINGS if setting.name.startswith("retry."))


def resolve_settings(
    *,
    arguments: Mapping[str, Any],
    provider: str = DEFAULT_PROVIDER,
    agent: str | None = None,
    path: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Settings:
    """Find all settings of a client.

    `arguments` are the client's, by name. One that is a default object of the table, or None (but for
    `requests_per_second`), counts as not given; a key should be wrapped in a `Secret` already. `path`, `MINIMAX_CONFIG`
    or the default names the file; `environ` and `cwd` default to the process's own. Raises ConfigError, which names the
    source of the wrong value, or all places looked at when there is no credential.
    """
    unknown = arguments.keys() - set(ARGUMENTS)
    if unknown:
        name = min(unknown)
        del arguments  # a traceback may show locals
        raise ConfigError(f"unknown argument {name}{did_you_mean(name, ARGUMENTS)}")
    search = _Search(arguments, os.environ if environ is None else environ, Path.cwd() if cwd is None else cwd)
    del arguments, environ  # a traceback may show locals
    return search.settings(provider, agent, path)


class _Search:
    """Looks for settings in all their places. It holds everything secret, so its repr is the plain one."""

    def __init__(self, arguments: Mapping[str, Any], environ: Mapping[str, str], cwd: Path) -> None:
        self._arguments = {
            name: BY_NAME[name].hidden(value) for name, value in arguments.items() if BY_NAME[name].is_given(value)
        }
        self._environ = environ
        self._cwd = cwd
        self._config = Sourced(CONFIG_FILE, "default")
        self._provider = Sourced(DEFAULT_PROVIDER, "default")
        self._file: str | None = None
        self._in_file: dict[str, Sourced[Any]] = {}

    def settings(self, provider: str, agent: str | None, path: str | os.PathLike[str] | None) -> Settings:
        self._config = self._config_path(path)
        self._read_files(provider, agent)
        bundle = self._bundle()
        mode = self._auth_mode(bundle)
        key = self._static_key(mode, bundle) if mode.value == "static" else Sourced(None, f"not used: {mode.source}")
        plan_key = _is_plan_key(key)
        found: dict[str, Any] = {
            "api_key": key,
            "bundle": bundle,
            "auth_mode": mode,
            "base_url": self._find("base_url") or _default_base_url(mode, plan_key),
        }
        retry, retry_sources = self._retry()
        found |= {"retry": retry, "retry_sources": retry_sources}
        for setting in SETTINGS:
            if setting.name not in found and setting not in _RETRY:
                found[setting.name] = self._find(setting.name) or Sourced(setting.default_value, "default")
        given = {"arguments": self._arguments, "provider": provider, "agent": agent, "path": path}
        settings = Settings(provider=self._provider, config_file=self._file, plan_key=plan_key, given=given, **found)
        settings.endpoint()  # an impossible base URL is an error now, not at the first call
        return settings

    def _config_path(self, path: str | os.PathLike[str] | None) -> Sourced[str]:
        if path is not None:
            return Sourced(os.fspath(path), "argument path")
        named = self._environ.get("MINIMAX_CONFIG", "").strip()
        return Sourced(named, _label("$MINIMAX_CONFIG")) if named else self._config

    def _read_files(self, provider: str, agent: str | None) -> None:
        """Read the files. Their reader is imported only where there is one, or where one was asked for."""
        if provider != DEFAULT_PROVIDER:
            self._provider = Sourced(provider, "argument provider")
        is_plain = self._provider.source == self._config.source == "default" and agent is None
        if is_plain and not os.path.lexists(self._cwd / CONFIG_FILE):
            return
        from .llm_yaml import read_config
        from .placeholders import Placeholders

        self._file, self._provider, self._in_file = read_config(
            self._config, self._provider, agent, Placeholders(self._environ, self._cwd), self._cwd
        )

    def _find(self, name: str) -> Sourced[Any] | None:
        """Return the first that is set and not blank, checked; None when there is none."""
        places = BY_NAME[name].looked_at
        return next((found for place in places if (found := self._look(name, place))), None)

    def _look(self, name: str, place: str) -> Sourced[Any] | None:
        setting = BY_NAME[name]
        if place == "file":
            return self._in_file.get(name)
        if place == "argument":
            if name not in self._arguments:
                return None
            value, source = self._arguments[name], f"argument {name}"  # None among them is a rate: no limit
            if _is_blank(value):
                return None
        else:
            source = _label(place)
            value = setting.hidden(unquoted(self._text(place)))
            if _is_blank(value):
                return None
            value = setting.read(value) if setting.read and isinstance(value, str) else value
        _refuse_placeholder(value, source)
        return Sourced(setting.check(value, source), source)

    def _text(self, place: str) -> str:
        """Return the text of an environment variable or a small file, empty when it is not there."""
        if place.startswith("$"):
            return self._environ.get(place[1:], "")
        path = self._cwd / place
        if not _is_there(path):
            return ""
        from .placeholders import PlaceholderError, read_text

        try:
            return read_text(path, place)
        except PlaceholderError as error:
            fault = str(error)
        raise ConfigError(fault)

    def _retry(self) -> tuple[Sourced[RetryPolicy], dict[str, str]]:
        """Return the policy, and the source of each of its fields."""
        given = self._find("retry")
        found = {} if given else {setting.name: self._find(setting.name) for setting in _RETRY}
        fields = {name.removeprefix("retry."): each.value for name, each in found.items() if each}
        sources = {
            setting.name.removeprefix("retry."): given.source if given else _source(found[setting.name])
            for setting in _RETRY
        }
        if given:
            return given, sources
        source = ", ".join(dict.fromkeys(each.source for each in found.values() if each)) or "default"
        try:
            return Sourced(RetryPolicy(**fields), source), sources
        except ConfigError as error:
            fault = str(error)
        raise ConfigError(f"{source}: {fault}")

    def _bundle(self) -> Sourced[str]:
        found = self._find("bundle") or Sourced(BUNDLE_FILE, "default")
        if isinstance(found.value, StoreUrl):
            return found
        return Sourced(str(self._cwd / Path(found.value).expanduser()), found.source)

    def _auth_mode(self, bundle: Sourced[str]) -> Sourced[Any]:
        key, auth, asked = self._look("api_key", "argument"), self._look("auth", "argument"), self._find("auth_mode")
        if auth and key:
            raise ConfigError("arguments api_key and auth: give one of them")
        if auth:
            return Sourced("custom", auth.source)
        if key:
            if asked and (asked.value, asked.source) == ("token_plan", "argument auth_mode"):
                raise ConfigError("arguments api_key and auth_mode='token_plan': give one of them")
            return Sourced("static", key.source)
        there = isinstance(bundle.value, StoreUrl) or _is_there(Path(bundle.value))
        if asked and asked.value != "auto":
            if asked.value == "token_plan" and not there:
                raise ConfigError(
                    f"{asked.source}: token_plan, but there is no {bundle.value!r}; run `minimax-sync login`"
                )
            return asked
        where = f"the Token Plan bundle {bundle.value!r}"
        return Sourced("token_plan", f"{where} is there") if there else Sourced("static", f"{where} is not there")

    def _static_key(self, mode: Sourced[Any], bundle: Sourced[str]) -> Sourced[Any]:
        found = self._find("api_key")
        if found:
            return found
        in_file = f"{self._config.value} providers.{self._provider.value}.api_key"
        labels = {"file": in_file if self._file else f"{in_file} (there is no such file)"}
        places = [labels.get(place) or _label(place) for place in BY_NAME["api_key"].looked_at]
        raise ConfigError(
            f"no MiniMax credential: auth mode static ({mode.source}), and no key in any of: {', '.join(places)}. "
            "Set one of them, or run `minimax-sync login` for a Token Plan"
        )


def _source(found: Sourced[Any] | None) -> str:
    return found.source if found else "default"


def _refuse_placeholder(value: object, source: str) -> None:
    """Raise ConfigError for `${NAME}`, which somebody else should have expanded. Files expand their own."""
    text = value.reveal() if isinstance(value, Secret) else value
    is_placeholder = isinstance(text, str) and text.strip().startswith("${") and text.strip().endswith("}")
    del value, text  # a traceback may show locals
    if is_placeholder:
        raise ConfigError(
            f"{source}: it is a placeholder like ${{NAME}} that was not expanded; only llm.yaml expands those, so set "
            "the value itself"
        )


def _is_blank(value: Any) -> bool:
    text = value.reveal() if isinstance(value, Secret) else value
    return isinstance(text, str) and not text.strip()


def _label(place: str) -> str:
    return f"environment variable {place[1:]}" if place.startswith("$") else place


def _is_there(path: Path) -> bool:
    """Return whether something is at `path`. What cannot be looked at counts, so that reading it raises the reason."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _default_base_url(mode: Sourced[Any], plan_key: bool) -> Sourced[str | None]:
    if mode.value != "static":
        return Sourced(None, "default: what the credentials name")
    return Sourced(PLAN_KEY_BASE_URL, "default for a plan key") if plan_key else Sourced(KEY_BASE_URL, "default")


def _is_plan_key(key: Sourced[Any]) -> bool:
    return isinstance(key.value, Secret) and (
        key.source in map(_label, PLAN_KEY_PLACES) or key.value.reveal().startswith(_PLAN_PREFIX)
    )
