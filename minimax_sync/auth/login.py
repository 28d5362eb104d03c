"""Log in at MiniMax's portal in a browser, and log out.

Owns the course of a login: ask for a code, show it, poll until it is confirmed, store the bundle. Nothing is written
before the portal has granted the tokens, so that an interrupted login leaves nothing behind. What the answers mean is
`user_code`'s business, how a bundle is stored `store`'s.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from ..errors import (
    BundleError,
    CallTimeoutError,
    ConfigError,
    LlmError,
    ResponseFormatError,
    ServerError,
    TransportError,
)
from ..net.session import Http
from ..settings.endpoints import REGIONS, host_of, portal_redirect, portal_url
from ..settings.settings import DEFAULT_BUNDLE
from ..tracebacks import sealed
from .clock import Clock, SystemClock
from .file_access import write_private
from .redis_store import RedisStore
from .stores import bundle_place, open_store
from .token_endpoint import LONGEST_ANSWER, POST_TIMEOUT
from .user_code import Answer, Approval, Attempt, UserCode, decode_code, decode_poll

OnCode = Callable[[str, str, datetime], object]

_log = logging.getLogger("minimax_sync.auth")

_GROUP_ID_FILE = "minimax_group_id.txt"
_FAILURES_IN_A_ROW = 5


@dataclass(frozen=True)
class Login:
    """A login that is done, and where it is stored: a file or a URL, with any password hidden.

    `notification` is what the portal wants its user to read, often nothing.
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
    bundle: str | os.PathLike[str] = DEFAULT_BUNDLE,
    on_code: OnCode | None = None,
    clock: Clock | None = None,
) -> Login:
    """Log in at the portal of `region` ("global", "cn" or a base URL) and write the Token Plan bundle.

    `on_code(user_code, verification_url, expires_at)` shows the user what to confirm, where and until when (an aware
    datetime); by default it is printed. Waits until it is confirmed. A group id that the portal tells is written beside
    the bundle if that is a file. Raises CredentialInvalidError when the login is refused, CallTimeoutError when nobody
    confirms in time, BundleError when the bundle cannot be stored, and what a call raises when the portal does not
    answer.
    """
    place = bundle_place(bundle)
    store = open_store(place, SystemClock())
    if isinstance(store, RedisStore):
        store.check_writable()
    else:
        _check_writable(Path(place))
    portal = _Portal(region, clock or SystemClock())
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


def logout(bundle: str | os.PathLike[str] = DEFAULT_BUNDLE) -> bool:
    """Remove the Token Plan bundle and what refreshes left beside it; False when there was none."""
    return open_store(bundle_place(bundle), SystemClock()).remove()


class _Portal:
    """The portal of one region during one login."""

    def __init__(self, region: str, clock: Clock) -> None:
        base = REGIONS.get(region, region)
        if "://" not in base:
            raise ConfigError(f"region: {region!r} is none of {', '.join(REGIONS)} and no URL")
        by_hand = None if region in REGIONS else region
        self._attempt = Attempt.begin(base, by_hand)
        self._code_url = portal_url(base, "/oauth/code", by_hand)
        self._token_url = portal_url(base, "/oauth/token", by_hand)
        self._clock = clock
        self._http = Http()

    def close(self) -> None:
        self._http.close()

    def ask_for_code(self) -> UserCode:
        outcome = decode_code(self._post(self._code_url, self._attempt.code_form()), self._attempt, self._clock.time())
        if isinstance(outcome, LlmError):
            raise outcome
        return outcome

    def wait_for(self, code: UserCode) -> Approval:
        """Poll until the code is confirmed, refused or expired; a portal that fails is borne for a while."""
        deadline = code.expires_at.timestamp()
        failures = 0
        wait = code.interval
        while (left := deadline - self._clock.time()) > 0:
            self._clock.sleep(min(wait, left))
            outcome = self._poll(code.user_code)
            if isinstance(outcome, Approval):
                return outcome
            failures = failures + 1 if outcome else 0
            if outcome and (failures >= _FAILURES_IN_A_ROW or not isinstance(outcome, (ServerError, TransportError))):
                raise outcome
            wait = max(code.interval, (outcome.retry_after_ms or 0) / 1000 if outcome else 0.0)
        raise CallTimeoutError("nobody confirmed the code in time; run minimax-sync login again")

    def _poll(self, user_code: str) -> Approval | LlmError | None:
        try:
            answer = self._post(self._token_url, self._attempt.poll_form(user_code))
        except TransportError as error:
            return error
        return decode_poll(answer, self._attempt, self._clock.time())

    def _post(self, url: str, form: bytes) -> Answer:
        deadline = self._clock.monotonic() + POST_TIMEOUT
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
            "x-request-id": str(uuid4()),
        }
        reply = self._http.exchange("POST", url, headers=headers, body=form, deadline=deadline)
        location = reply.headers.get("location")
        target = portal_redirect(url, reply.status, location)
        if target:
            reply.close()
            reply = self._http.exchange("POST", target, headers=headers, body=form, deadline=deadline)
        if 300 <= reply.status < 400:
            reply.close()
            host = host_of(location or "") or "no usable address"
            raise ResponseFormatError(f"the portal redirects (HTTP {reply.status}) to {host}, which is not followed")
        return Answer(reply.status, reply.headers, reply.read(LONGEST_ANSWER))


def _check_writable(bundle: Path) -> None:
    """Find out before anybody is bothered, and without a trace, that the login could not be stored."""
    folder = Path(os.path.realpath(bundle)).parent
    while not os.path.lexists(folder):
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise BundleError(
            f"cannot store the Token Plan bundle {bundle}: {folder} is no directory that can be written to"
        )


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
