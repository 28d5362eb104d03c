"""Where a client's settings come from: argument, environment, `llm.yaml`, default, in this order.

Owns precedence, with its exceptions in one table, and the choice between a key and a Token Plan bundle. What the files
say is `config`'s business, what a value may be is `checks`'. Reads small files and opens no connection; of the bundle
it only sees whether it is there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..secret import Secret, StoreUrl
from .settings import (
    DEFAULT_AUTH_MODE,
    DEFAULT_BUNDLE,
    DEFAULT_FILE,
    DEFAULT_MODEL,
    DEFAULT_PROVIDER,
    DEFAULT_RATE,
    DEFAULT_RETRY,
    KEY_BASE_URL,
    PLAN_KEY_BASE_URL,
    Settings,
    Sourced,
)
from .table import CHECKS

_NOT_GIVEN: dict[str, object] = {
    "model": DEFAULT_MODEL,
    "auth_mode": DEFAULT_AUTH_MODE,
    "requests_per_second": DEFAULT_RATE,
    "retry": DEFAULT_RETRY,
}
_DEFAULTS: dict[str, object] = {
    "model": str(DEFAULT_MODEL),
    "requests_per_second": float(DEFAULT_RATE),
    "retry": DEFAULT_RETRY,
}
_KEY_FILE = "./secrets/minimax_code_plan_key.txt"
_PLACES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(CHECKS, ("argument", "file")),
    "api_key": ("argument", "$MINIMAX_CODE_PLAN_KEY", "$MINIMAX_CODING_API_KEY", _KEY_FILE, "file", "$MINIMAX_API_KEY"),
    "group_id": ("argument", "$MINIMAX_GROUP_ID", "./secrets/minimax_group_id.txt", "file"),
    "base_url": ("argument", "$MINIMAX_BASE_URL", "file"),
}
_PLAN_PLACES = ("$MINIMAX_CODE_PLAN_KEY", "$MINIMAX_CODING_API_KEY", _KEY_FILE)
_PLAN_PREFIX = "sk-cp-"


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

    `arguments` are the client's, by name. One that is a default of the `settings` module, or None (but for
    `requests_per_second`), counts as not given; a key should be wrapped in a `Secret` already. `path`, `MINIMAX_CONFIG`
    or the default names the file; `environ` and `cwd` default to the process's own. Raises ConfigError, which names the
    source of what is wrong, or all places looked at when there is no credential.
    """
    search = _Search(arguments, os.environ if environ is None else environ, Path.cwd() if cwd is None else cwd)
    del arguments, environ  # a traceback may show locals
    return search.settings(provider, agent, path)


class _Search:
    """Look for settings in all their places. Holds everything secret, so its repr is the plain one."""

    def __init__(self, arguments: Mapping[str, Any], environ: Mapping[str, str], cwd: Path) -> None:
        self._arguments = {name: _wrapped(name, value) for name, value in arguments.items() if _is_given(name, value)}
        self._environ = environ
        self._cwd = cwd
        self._config = Sourced(DEFAULT_FILE, "default")
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
        for name in CHECKS.keys() - found.keys():
            found[name] = self._find(name) or Sourced(_DEFAULTS.get(name), "default")
        given = {"arguments": self._arguments, "provider": provider, "agent": agent, "path": path}
        settings = Settings(provider=self._provider, config_file=self._file, plan_key=plan_key, given=given, **found)
        settings.endpoint()  # a base URL that cannot be is told now, not at the first call
        return settings

    def _config_path(self, path: str | os.PathLike[str] | None) -> Sourced[str]:
        if path is not None:
            return Sourced(os.fspath(path), "argument path")
        named = self._environ.get("MINIMAX_CONFIG", "").strip()
        return Sourced(named, _label("$MINIMAX_CONFIG")) if named else self._config

    def _read_files(self, provider: str, agent: str | None) -> None:
        """Take what the files say. What reads them is loaded only where there is one, or where one was asked for."""
        if provider != DEFAULT_PROVIDER:
            self._provider = Sourced(provider, "argument provider")
        is_plain = self._provider.source == self._config.source == "default" and agent is None
        if is_plain and not os.path.lexists(self._cwd / DEFAULT_FILE):
            return
        from .llm_yaml import read_config
        from .placeholders import Placeholders

        self._file, self._provider, self._in_file = read_config(
            self._config, self._provider, agent, Placeholders(self._environ, self._cwd), self._cwd
        )

    def _find(self, name: str) -> Sourced[Any] | None:
        """Return the first that is set and not blank, checked; None when there is none."""
        return next((found for place in _PLACES[name] if (found := self._look(name, place))), None)

    def _look(self, name: str, place: str) -> Sourced[Any] | None:
        if place == "file":
            return self._in_file.get(name)
        if place == "argument":
            if name not in self._arguments:
                return None
            value, source = self._arguments[name], f"argument {name}"  # None among them is a rate: no limit
        elif place.startswith("$"):
            value, source = _wrapped(name, self._environ.get(place[1:], "")), _label(place)
        else:
            value, source = _wrapped(name, self._read(place)), place
        return None if _is_blank(value) else Sourced(CHECKS[name](value, source), source)

    def _read(self, place: str) -> str:
        path = self._cwd / place
        if not _is_there(path):
            return ""
        from .placeholders import PlaceholderError, read_text

        try:
            return read_text(path, place)
        except PlaceholderError as error:
            fault = str(error)
        raise ConfigError(fault)

    def _bundle(self) -> Sourced[str]:
        found = self._find("bundle") or Sourced(DEFAULT_BUNDLE, "default")
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

    def _static_key(self, mode: Sourced[Any], bundle: Sourced[str]) -> Sourced[Secret | None]:
        found = self._find("api_key")
        if found:
            return found
        in_file = f"{self._config.value} providers.{self._provider.value}.api_key"
        labels = {"file": in_file if self._file else f"{in_file} (there is no such file)"}
        places = [labels.get(place) or _label(place) for place in _PLACES["api_key"]]
        raise ConfigError(
            f"no MiniMax credential: auth mode static ({mode.source}), and no key in any of: {', '.join(places)}. "
            "Set one of them, or run `minimax-sync login` for a Token Plan"
        )


def _is_given(name: str, value: object) -> bool:
    return value is not _NOT_GIVEN.get(name) and (value is not None or name == "requests_per_second")


def _wrapped(name: str, value: Any) -> Any:
    """Hide what may be secret, before a traceback can show it as a local."""
    if name == "api_key" and isinstance(value, str):
        return Secret(value)
    return StoreUrl(value) if isinstance(value, str) and "://" in value and name in ("limiter", "bundle") else value


def _is_blank(value: Any) -> bool:
    text = value.reveal() if isinstance(value, Secret) else value
    return isinstance(text, str) and not text.strip()


def _label(place: str) -> str:
    return f"environment variable {place[1:]}" if place.startswith("$") else place


def _is_there(path: Path) -> bool:
    """Tell whether something stands at `path`; what cannot be looked at does, so that reading it tells why."""
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


def _is_plan_key(key: Sourced[Secret | None]) -> bool:
    return key.value is not None and (
        key.source in map(_label, _PLAN_PLACES) or key.value.reveal().startswith(_PLAN_PREFIX)
    )
