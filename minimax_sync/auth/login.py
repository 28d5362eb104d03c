"""Log in at MiniMax's portal in a browser, and log out.

`login` asks for a code, shows it, polls until it is confirmed and stores the bundle. Nothing is written before the
portal has granted the tokens, so that an interrupted login leaves nothing behind. `user_code` decodes the portal's
answers; `file_store` and `redis_store` store the bundle.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..errors import (
    CallTimeoutError,
    ConfigError,
    LlmError,
    ServerError,
    TransportError,
)
from ..net.trust import Verify
from ..settings.checks import check_text
from ..settings.endpoints import REGIONS, portal_url
from ..settings.places import BUNDLE_FILE
from ..settings.table import BY_NAME
from ..tracebacks import sealed
from .clock import Clock, SystemClock
from .file_access import write_private
from .interfaces import POST_TIMEOUT
from .portal import Answer, Form, Route, portal_route, post_form, read_answer
from .token_plan import bundle_place, open_store
from .user_code import Approval, Attempt, OAuthClient, UserCode, decode_code, decode_poll

OnCode = Callable[[str, str, datetime], object]

_log = logging.getLogger("minimax_sync.auth")

_GROUP_ID_FILE = "minimax_group_id.txt"
_FAILURES_IN_A_ROW = 5


@dataclass(frozen=True)
class Login:
    """A completed login. `bundle` is the file or the URL (any password masked) where it is stored.

    `notification` is a text from the portal for its user, often empty.

    >>> def show(user_code, verification_url, expires_at):
    ...     emulator.portal.approve(user_code)
    >>> done = login(emulator.url, bundle="plan.json", on_code=show)
    >>> str(done.bundle)
    'plan.json'
    """

    bundle: Path | str
    region: str
    expires_at: datetime
    group_id: str | None
    notification: str


@sealed
def login(
    region: str = "global",
    *,
    bundle: str | os.PathLike[str] = BUNDLE_FILE,
    on_code: OnCode | None = None,
    client_id: str | None = None,
    scope: str | None = None,
    grant: str | None = None,
    verify: Verify = True,
    proxy: str | None = None,
    clock: Clock | None = None,
) -> Login:
    """Log in at the portal of `region` ("global", "cn" or a base URL) and write the Token Plan bundle.

    `on_code(user_code, verification_url, expires_at)` shows the user the code, the page and the time limit (an aware
    datetime); by default it is printed. Blocks until the code is confirmed. A group id from the portal is written
    beside a bundle in a file. `client_id`, `scope` and `grant` ("user_code" or "device_code") are for a program with
    its own OAuth client; by default MiniMax's public client and its user-code grant are used. `verify` and `proxy` mean
    what they mean for `MiniMaxClient`.

    Raises CredentialInvalidError if the login is refused, CallTimeoutError if the code is not confirmed in time,
    BundleError if the bundle cannot be stored, and what a call raises if the portal does not answer.

    >>> def show(user_code, verification_url, expires_at):
    ...     emulator.portal.approve(user_code)  # a person does this in a browser
    >>> done = login(emulator.url, bundle="plan.json", on_code=show)
    >>> done.region == emulator.url
    True
    """
    place = bundle_place(bundle)
    route = portal_route(verify, proxy)
    region = check_text(region, "region")
    store = open_store(place, SystemClock())
    store.check_writable()
    portal = _Portal(region, _oauth_client(client_id, scope, grant), route, clock or SystemClock())
    try:
        code = portal.ask_for_code()
        (on_code or _print_code)(code.user_code, code.verification_url, code.expires_at)
        approval = portal.wait_for(code)
    finally:
        portal.close()
    store.save(approval.bundle)
    if isinstance(place, Path):
        _write_group_id(place, approval.group_id)
    kept = place if isinstance(place, Path) else store.name
    return Login(kept, approval.bundle.region, approval.bundle.expires_at, approval.group_id, approval.notification)


def logout(bundle: str | os.PathLike[str] = BUNDLE_FILE) -> bool:
    """Remove the Token Plan bundle and the files that refreshes left beside it; return False if there was none.

    >>> pair = emulator.portal.bundle("plan.json")
    >>> logout("plan.json"), logout("plan.json")
    (True, False)
    """
    return open_store(bundle_place(bundle), SystemClock()).remove()


class _Portal:
    """The portal of one region during one login."""

    def __init__(self, region: str, client: OAuthClient, route: Route, clock: Clock) -> None:
        base = REGIONS.get(region, region)
        if "://" not in base:
            raise ConfigError(f"region: {region!r} is neither a URL nor one of {', '.join(REGIONS)}")
        by_hand = None if region in REGIONS else region
        self._attempt = Attempt.begin(base, by_hand, client)
        self._code_url = portal_url(base, "/oauth/code", by_hand)
        self._token_url = portal_url(base, "/oauth/token", by_hand)
        self._clock = clock
        self._http = route.open()

    def close(self) -> None:
        self._http.close()

    def ask_for_code(self) -> UserCode:
        outcome = decode_code(self._post(self._code_url, self._attempt.code_form()), self._attempt, self._clock.time())
        if isinstance(outcome, LlmError):
            raise outcome
        return outcome

    def wait_for(self, code: UserCode) -> Approval:
        """Poll until the code is confirmed, refused or expired; up to four consecutive failures are tolerated."""
        deadline = code.expires_at.timestamp()
        failures = 0
        wait = code.interval
        while (left := deadline - self._clock.time()) > 0:
            self._clock.sleep(min(wait, left))
            outcome = self._poll(code)
            if isinstance(outcome, Approval):
                return outcome
            failures = failures + 1 if outcome else 0
            if outcome and (failures >= _FAILURES_IN_A_ROW or not isinstance(outcome, (ServerError, TransportError))):
                raise outcome
            wait = max(code.interval, (outcome.retry_after_ms or 0) / 1000 if outcome else 0.0)
        raise CallTimeoutError("the code was not confirmed in time; run minimax-sync login again")

    def _poll(self, code: UserCode) -> Approval | LlmError | None:
        try:
            answer = self._post(self._token_url, self._attempt.poll_form(code))
        except TransportError as error:
            return error
        return decode_poll(answer, self._attempt, self._clock.time())

    def _post(self, url: str, form: Form) -> Answer:
        return read_answer(post_form(self._http, url, form, self._clock.monotonic() + POST_TIMEOUT))


def _oauth_client(client_id: str | None, scope: str | None, grant: str | None) -> OAuthClient:
    given = {"client_id": client_id, "scope": scope, "grant": grant}
    return OAuthClient(**{name: BY_NAME[name].check(value, name) for name, value in given.items() if value is not None})


def _write_group_id(bundle: Path, group_id: str | None) -> None:
    if group_id is None:
        return
    target = bundle.with_name(_GROUP_ID_FILE)
    try:
        write_private(str(target), f"{group_id}\n".encode())
    except OSError as error:
        _log.warning("the group id %s could not be written to %s: %s", group_id, target, error.strerror)


def _print_code(user_code: str, verification_url: str, expires_at: datetime) -> None:
    print(
        f"Open {verification_url}\nand confirm the code {user_code} before {expires_at.astimezone():%H:%M}.", flush=True
    )
