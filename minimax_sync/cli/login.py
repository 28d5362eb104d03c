"""`login`, `logout` and `token`: the Token Plan's login in a browser, its removal, and the bearer of a call."""

from __future__ import annotations

import os
import sys
import webbrowser
from argparse import Namespace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from .clients import find_login_settings, find_settings, place_of, token_plan
from .parser import PROGRAM, Command, UsageError, argument
from .terminal import bold, instant, printable

if TYPE_CHECKING:
    from ..settings.settings import Settings

_TOKEN_TIMEOUT = 60.0

_BUNDLE = (
    argument(
        "--bundle",
        metavar="PATH",
        help="the file of the login; by default the one in llm.yaml, else ./secrets/minimax_token_plan.json",
    ),
    argument("--user", action="store_true", help="the login of the user, which is used in every directory"),
)


def _login(arguments: Namespace) -> int:
    if arguments.region and arguments.base_url:
        raise UsageError("give --region or --base-url, not both")
    from ..auth.login import login
    from ..settings.endpoints import REGIONS

    usual = find_login_settings(arguments)
    portal = REGIONS.get(arguments.region, arguments.region) or arguments.base_url
    settings = find_login_settings(arguments, bundle=_bundle(arguments, usual), base_url=portal)
    settings.check_server()

    def on_code(user_code: str, url: str, expires_at: datetime) -> None:
        print(f"Open    {printable(url)}\nConfirm {bold(printable(user_code))}\n")
        print(f"Waiting until {expires_at.astimezone():%H:%M}; Ctrl-C cancels without changes.", flush=True)
        if not arguments.no_browser and _has_browser():
            webbrowser.open(url)

    done = login(
        arguments.region or _region(settings),
        bundle=settings.bundle.value,
        on_code=on_code,
        client_id=settings.client_id.value,
        scope=settings.scope.value,
        grant=settings.grant.value,
        verify=settings.verify.value,
        proxy=settings.proxy.value,
    )
    now = datetime.now(timezone.utc)
    print(f"\nLogged in at {done.region}.")
    if done.notification:
        print(printable(done.notification))
    print(f"The login is in {done.bundle}; keep it secret.")
    print(f"Its access token is valid until {instant(done.expires_at, now)} and is refreshed automatically.")
    _advise(settings, usual, done.region)
    return 0


def _region(settings: Settings) -> str:
    """Return the region of the portal that belongs to the base URL, if one is set."""
    from ..settings.endpoints import REGIONS

    chosen = settings.base_url_by_hand
    if chosen is None:
        return "global"
    origin = settings.endpoint().origin
    return next((name for name, home in REGIONS.items() if home == origin), chosen)


def _advise(settings: Settings, usual: Settings, region: str) -> None:
    """Print what must be done before the login is used, if anything, and how to try it."""
    from ..settings.endpoints import may_receive_token, plan_base_url

    if settings.bundle.value == usual.user_bundle:
        if os.path.lexists(usual.bundle.value):
            print(f"In this directory the login {place_of(usual)} is used instead.")
    elif settings.bundle.value != usual.bundle.value:
        print(f"Name it in llm.yaml, as providers.minimax.auth.bundle: {place_of(settings)}")
    if not may_receive_token(region, usual.base_url_by_hand):
        print(
            f"It is not one of MiniMax's own hosts, so set it yourself: export MINIMAX_BASE_URL={plan_base_url(region)}"
        )
    print(f"Try it: {PROGRAM} status --check")


def _has_browser() -> bool:
    """Return whether opening a page opens a window; a text browser would take over the terminal."""
    on_screen = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(on_screen or os.environ.get("BROWSER"))


def _logout(arguments: Namespace) -> int:
    from ..auth.login import logout

    usual = find_login_settings(arguments)
    settings = find_login_settings(arguments, bundle=_bundle(arguments, usual))
    removed = logout(settings.bundle.value)
    print(f"Removed the login {place_of(settings)}." if removed else f"There is no login at {place_of(settings)}.")
    if settings.bundle.value != usual.user_bundle and os.path.lexists(usual.user_bundle):
        print(f"The login {usual.user_bundle} is used in every directory: {PROGRAM} logout --user removes it.")
    return 0


def _bundle(arguments: Namespace, usual: Settings) -> str | None:
    """Return the bundle that the options name, None for the default one."""
    if arguments.user and arguments.bundle:
        raise UsageError("give --bundle or --user, not both")
    return usual.user_bundle if arguments.user else arguments.bundle


def _token(arguments: Namespace) -> int:
    from ..secret import Secret

    settings = find_settings(arguments)
    key = settings.api_key.value
    print(key.reveal() if isinstance(key, Secret) else token_plan(settings).bearer(timeout=_TOKEN_TIMEOUT))
    return 0


class _Regions(tuple[str, ...]):
    """The named regions; a URL counts as a region too."""

    def __contains__(self, region: object) -> bool:
        return super().__contains__(region) or "://" in str(region)


LOGIN = Command(
    "login",
    "log in to a Token Plan in the browser",
    """\
Log in to a MiniMax Token Plan.

Shows a code and the page to confirm it on, opens that page, waits until it is confirmed, and writes the tokens to a
file that only you can read. From then on clients use them and refresh them automatically. An earlier login is replaced.
Ctrl-C cancels without changes.""",
    _login,
    (
        argument(
            "--region",
            choices=_Regions(("global", "cn")),
            metavar="{global,cn,URL}",
            help="global: minimax.io, cn: minimax.cn, or a portal's URL; by default where the base URL points to, else "
            "global",
        ),
        *_BUNDLE,
        argument("--no-browser", action="store_true", help="only print the page's address"),
    ),
    "minimax-sync login\nminimax-sync login --user\nminimax-sync login --region cn --no-browser",
)

LOGOUT = Command(
    "logout",
    "remove the Token Plan login from this machine",
    """\
Remove the file of the Token Plan login, and the files that refreshes left next to it.

Running programs continue until their access token expires. The login itself can be revoked on MiniMax's own pages.""",
    _logout,
    _BUNDLE,
    "minimax-sync logout\nminimax-sync logout --user",
)

TOKEN = Command(
    "token",
    "print the key or the fresh token that would be used",
    """\
Print the bearer that a call would send, and nothing else: a key, or the access token of a Token Plan login, refreshed
when it is due. For programs that get their key from a helper. Exit status 1 if there is none.""",
    _token,
    examples="minimax-sync token",
)
