"""`status`: the settings of a client, the source of each value, and whether they work. Shows no secret."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BundleError, ConfigError
from .clients import endpoint_of, find_settings, in_flags, login_of, open_client
from .parser import PROGRAM, Command, argument
from .terminal import bold, instant, print_table, print_title

if TYPE_CHECKING:
    from ..auth.status import BundleStatus
    from ..settings.settings import Settings

_PREFIX = "MINIMAX_"
_STATES = {
    "fresh": "fresh",
    "due": "due: refreshed at the next call",
    "expired": "expired: refreshed at the next call",
    "dead": "dead: the portal refuses it; run `minimax-sync login`",
    "unreadable": "unreadable",
    "missing": "missing; `minimax-sync login` makes it",
}


def _run(arguments: Namespace) -> int:
    try:
        settings = find_settings(arguments)
        login = login_of(settings)
    except ConfigError:
        _print_places(arguments)
        raise
    _print_summary(settings, login)
    for other in _unused_logins(login):
        _print_login(other, "Token Plan login that is not used here")
    print_title("Settings")
    rows = ((name, value, in_flags(source)) for name, value, source in settings.rows())
    print_table(rows, ("NAME", "VALUE", "FROM"))
    _print_places(arguments)
    if login and login.state == "unreadable":
        raise BundleError(login.problem)
    if arguments.check:
        _check(arguments)
    return 0


def _print_summary(settings: Settings, login: BundleStatus | None) -> None:
    endpoint = endpoint_of(settings, login)
    print(bold("In use"))
    print_table(
        (
            ("credential", "the Token Plan login" if login else "a key"),
            ("model", settings.model.value),
            ("calls go to", endpoint.chat_url),
            ("wire", endpoint.flavor),
        )
    )
    if login:
        _print_login(login, "Token Plan login")


def _unused_logins(used: BundleStatus | None) -> Iterator[BundleStatus]:
    """Yield the logins of the working directory and of the user, without the one that is used."""
    from ..auth.token_plan import TokenPlan
    from ..settings.places import BUNDLE_FILE, USER_BUNDLE_FILE, is_there, located, user_directory

    for place in (BUNDLE_FILE, USER_BUNDLE_FILE):
        path = located(place, Path(), user_directory())
        if is_there(path):
            found = TokenPlan(path).status()
            if used is None or found.path != used.path:
                yield found


def _print_login(login: BundleStatus, title: str) -> None:
    print_title(title)
    print_table(_bundle_rows(login))


def _bundle_rows(found: BundleStatus) -> Iterator[tuple[str, str]]:
    now = datetime.now(timezone.utc)
    yield "path", str(found.path)
    yield "state", _STATES[found.state]
    if found.problem:
        yield "problem", found.problem
    if found.region:
        yield "region", found.region
    if found.expires_at:
        yield "access token until", instant(found.expires_at, now)
    if found.refreshed_at:
        yield "written", instant(found.refreshed_at, now)


def _print_places(arguments: Namespace) -> None:
    """Print the environment variables that are set, the keys that could be, and whether the files exist."""
    from ..secret import shown_name
    from ..settings.places import CONFIG_PLACES, FILE_PLACES, label, located, user_directory
    from ..settings.spelling import did_you_mean
    from ..settings.table import BY_NAME, ENVIRONMENT

    print_title("Looked at")
    known = [name for name, _ in ENVIRONMENT]
    is_set = {name for name in known if os.environ.get(name, "").strip()}
    shown = [name for name in known if name in is_set or name in BY_NAME["api_key"].variables]
    rows = [(name, "set" if name in is_set else "not set") for name in shown]
    config = arguments.config or os.environ.get("MINIMAX_CONFIG", "").strip()
    user = user_directory()
    files = {config: Path(config)} if config else {}
    for place in FILE_PLACES:
        if not (config and place in CONFIG_PLACES):
            files[label(place, user)] = located(place, Path(), user)
    rows += ((name, "there" if os.path.lexists(path) else "not there") for name, path in files.items())
    print_table(rows)
    for name in sorted(os.environ):
        if not name.startswith(_PREFIX) or name in known:
            continue
        setting = name.removeprefix(_PREFIX).lower()
        is_setting = setting in BY_NAME
        hint = f"; set {setting} in llm.yaml" if is_setting else did_you_mean(name, known, _PREFIX)
        if hint:
            print(f"{shown_name(name)} is set, but is not a variable of {PROGRAM}{hint}")


def _check(arguments: Namespace) -> None:
    print_title("Check")
    began = time.monotonic()
    with open_client(arguments) as client:
        response = client.chat("Answer with the word: ok", max_tokens=64, timeout=60.0)
        is_degraded = getattr(client.limiter, "degraded", False)
    usage = response.usage
    print(
        f"ok: {response.model or 'the model'} answered in {time.monotonic() - began:.1f} s, "
        f"{usage.prompt_tokens} + {usage.completion_tokens} tokens"
    )
    if is_degraded:
        print("but Redis cannot be reached: this process limits only its own rate")


COMMAND = Command(
    "status",
    "what would be used, and where each value comes from",
    """\
Show which credential, model and address would be used, where each setting comes from (an argument, the environment,
llm.yaml or a default), the state of the Token Plan login, and which places were searched. Keys are masked.

Exit status 1 when nothing is configured, or when the check fails.""",
    _run,
    (argument("--check", action="store_true", help="make one small call to see whether it works"),),
    "minimax-sync status\nminimax-sync status --check --agent ana",
)
