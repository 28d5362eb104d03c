"""Find the settings of a client, and choose between a key and a Token Plan login.

The order of the places is the table's: argument, environment, files of the working directory, files of the user,
default. Of a bundle only its existence is checked. Opens no connection.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ..errors import ConfigError
from ..pacing.retry import RetryPolicy
from ..secret import Secret, StoreUrl, shown_name
from .checks import check_text
from .endpoints import host_of, may_receive_token
from .places import BUNDLE_FILE, USER, USER_BUNDLE_FILE, USER_CONFIG_FILE, is_there, label
from .search import Search
from .settings import DEFAULT_PROVIDER, KEY_BASE_URL, PLAN_KEY_BASE_URL, Settings, Sourced, shown
from .spelling import did_you_mean
from .table import ARGUMENTS, BY_NAME, PLAN_KEY_PLACES, SETTINGS

_RETRY = tuple(setting.name for setting in SETTINGS if setting.name.startswith("retry."))
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

    `arguments` are the client's, by name. One that is a default object of the table, or None (but for
    `requests_per_second`), counts as not given; a key should be wrapped in a `Secret` already. `path` or
    `MINIMAX_CONFIG` names the one file to read instead of the default ones; `environ` and `cwd` default to the
    process's own. Raises ConfigError, which names the source of the wrong value, or all places looked at when there is
    no credential.
    """
    unknown = arguments.keys() - set(ARGUMENTS)
    if unknown:
        name = min(unknown)
        del arguments  # a traceback may show locals
        raise ConfigError(f"unknown argument {shown_name(name)}{did_you_mean(name, ARGUMENTS)}")
    search = Search(arguments, os.environ if environ is None else environ, _working_directory() if cwd is None else cwd)
    del arguments, environ  # a traceback may show locals
    provider = check_text(provider, "argument provider")
    agent = None if agent is None else check_text(agent, "argument agent")
    search.read_files(provider, agent, path)
    near, user = _bundles(search)
    chosen = _credential(search, near, user)
    retry, retry_sources = _retry(search)
    found: dict[str, Any] = {
        **msgspec.structs.asdict(chosen),
        "user_bundle": user.value,
        "base_url": search.find("base_url") or _default_base_url(chosen),
        "retry": retry,
        "retry_sources": retry_sources,
    }
    for setting in SETTINGS:
        if setting.name not in found and setting.name not in _RETRY:
            found[setting.name] = search.find(setting.name) or Sourced(setting.default_value, "default")
    found["server_fault"] = _server_fault(search, found)
    given = {"arguments": search.arguments, "provider": provider, "agent": agent, "path": path}
    settings = Settings(provider=search.provider, given=given, **found)
    settings.endpoint()  # an invalid base URL is an error now, not at the first call
    return settings


class _Credential(msgspec.Struct, frozen=True):
    """The choice of the credential, as fields of `Settings`."""

    auth_mode: Sourced[Any]
    bundle: Sourced[str]
    api_key: Sourced[Any]
    plan_key: bool


def _credential(search: Search, near: Sourced[str], user: Sourced[str]) -> _Credential:
    """Choose the credential. What is nearer wins: arguments, then the login of the working directory, the keys of the
    environment and of the working directory, then the login and the keys of the user."""
    key, auth, asked = search.look("api_key", "argument"), search.look("auth", "argument"), search.find("auth_mode")
    if auth and key:
        raise ConfigError("arguments api_key and auth: give only one of them")
    if key and asked and (asked.value, asked.source) == ("token_plan", "argument auth_mode"):
        raise ConfigError("arguments api_key and auth_mode='token_plan': give only one of them")
    if auth or key:
        search.is_decided = True
        mode = Sourced("custom" if auth else "static", auth.source if auth else key.source if key else "")
        return _chosen(search, mode, near, key)
    wanted = asked.value if asked else "auto"
    logins = (near, user) if near.source == "default" else (near,)
    missing = f"there is no Token Plan bundle {' or '.join(repr(login.value) for login in logins)}"
    static = asked if asked and wanted == "static" else Sourced("static", missing)
    for login in (near, user):
        is_users = login is user
        if wanted != "static" and login in logins and _exists(login, unknown=not is_users):
            found = Sourced("token_plan", f"there is the Token Plan bundle {login.value!r}")
            return _chosen(search, asked if asked and wanted == "token_plan" else found, login)
        places = [place for place in BY_NAME["api_key"].looked_at if place.startswith(USER) == is_users]
        if wanted != "token_plan" and (key := search.find("api_key", places)):
            return _chosen(search, static, near, key)
    if asked and wanted == "token_plan":
        raise ConfigError(f"{asked.source}: token_plan, but {missing}; run `minimax-sync login`")
    looked_at = "".join(f"\n  {place}" for place in search.described("api_key"))
    raise ConfigError(
        "no MiniMax credential: run `minimax-sync login` for a Token Plan, or set a key in one of these places:"
        f"{looked_at}\nThe auth mode is static: {static.source}"
    )


def _chosen(search: Search, mode: Sourced[Any], bundle: Sourced[str], key: Sourced[Any] | None = None) -> _Credential:
    if key is None:
        return _Credential(mode, bundle, Sourced(None, f"not used: {mode.source}"), plan_key=False)
    plan_places = {label(place, search.user) for place in PLAN_KEY_PLACES}
    is_plan = isinstance(key.value, Secret) and (
        key.source in plan_places or key.value.reveal().startswith(_PLAN_PREFIX)
    )
    return _Credential(mode, bundle, key, is_plan)


def _bundles(search: Search) -> tuple[Sourced[str], Sourced[str]]:
    """Return the locations of the login of the working directory and of the login of the user."""
    places = [place for place in BY_NAME["bundle"].looked_at if place != USER_CONFIG_FILE]
    near = search.find("bundle", places) or Sourced(BUNDLE_FILE, "default")
    user = search.look("bundle", USER_CONFIG_FILE) or Sourced(label(USER_BUNDLE_FILE, search.user), "default")
    return _absolute(near, search.cwd), _absolute(user, search.user)


def _absolute(bundle: Sourced[str], base: Path) -> Sourced[str]:
    if isinstance(bundle.value, StoreUrl):
        return bundle
    return Sourced(str(base / bundle.value), bundle.source)


def _exists(bundle: Sourced[str], *, unknown: bool) -> bool:
    return isinstance(bundle.value, StoreUrl) or is_there(Path(bundle.value), unknown=unknown)


def _server_fault(search: Search, found: Mapping[str, Any]) -> str:
    """Return why the login must not be sent to the server, or "".

    A project that was downloaded must not get the user's own login by naming its server, or the certificates that make
    a proxy look like MiniMax. A login or a key of the project itself goes where the project sends it.
    """
    url, verify, bundle = found["base_url"], found["verify"], found["bundle"].value
    if search.is_project("base_url", url) and not may_receive_token(url.value, None):
        fault, cure = f"{url.source}: {host_of(url.value)} is not one of MiniMax's hosts", f"BASE_URL={url.value}"
    elif search.is_project("verify", verify) and verify.value is not True:
        fault, cure = f"{verify.source}: it changes which certificates are trusted", f"VERIFY={verify.value}"
    else:
        return ""
    if bundle != found["user_bundle"] and (isinstance(bundle, StoreUrl) or not search.is_user(bundle)):
        return ""
    return (
        f"{fault}, and the login {shown(bundle)} is your own, so only you can decide that: set the environment "
        f"variable MINIMAX_{cure}, or log in for this directory alone with `minimax-sync login`"
    )


def _retry(search: Search) -> tuple[Sourced[RetryPolicy], dict[str, str]]:
    """Return the policy, and the source of each of its fields."""
    given = search.find("retry")
    if given:
        return given, {name.removeprefix("retry."): given.source for name in _RETRY}
    found = {name.removeprefix("retry."): search.find(name) for name in _RETRY}
    fields = {field: each.value for field, each in found.items() if each}
    sources = {field: each.source if each else "default" for field, each in found.items()}
    source = ", ".join(dict.fromkeys(each.source for each in found.values() if each)) or "default"
    try:
        return Sourced(RetryPolicy(**fields), source), sources
    except ConfigError as error:
        fault = str(error)
    raise ConfigError(f"{source}: {fault}")


def _default_base_url(chosen: _Credential) -> Sourced[str | None]:
    if chosen.auth_mode.value != "static":
        return Sourced(None, "default: the server that the credentials name")
    if chosen.plan_key:
        return Sourced(PLAN_KEY_BASE_URL, "default for a plan key")
    return Sourced(KEY_BASE_URL, "default")


def _working_directory() -> Path:
    """Return the working directory; when it was deleted, a path below which nothing is found."""
    try:
        return Path.cwd()
    except OSError:
        return Path()
