"""The Token Plan's portal: the user-code flow with PKCE, and the token endpoint with its strict refresh tokens.

Contains the forms, the bodies, the page that a person opens, and the ways to disturb a refresh: delays, faults, and
hooks at known stages. `grants` decides which tokens are valid.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timezone
from pathlib import Path
from typing import Any

from .envelopes import NOT_FOUND, Refusal, base_resp, json_reply
from .faults import instead
from .grants import Grants, InvalidGrantError, Pair
from .journal import FORM, Received
from .script import Fault, make_fault, next_of
from .server import Reply

CLIENT_IDS = ("78257093-7e40-4613-99e0-527b14b39113", "659cf4c1-615c-45f6-a5f6-4bf15eb476e5")
CODE_GRANTS = ("urn:ietf:params:oauth:grant-type:user_code", "urn:ietf:params:oauth:grant-type:device_code")
KINDS = ("disconnect", "stall", "html", "lost")
CODE_LIFETIME = 600.0
PAGE = "<!DOCTYPE html><html><head><title>MiniMax emulator</title></head><body><h1>{}</h1></body></html>"

EXPIRED_IN: dict[str, Callable[[float], float]] = {
    "epoch_ms": lambda expires: int(expires * 1000),
    "epoch_s": lambda expires: int(expires),
    "ttl_s": lambda expires: max(0, round(expires - time.time())),
}


@dataclass
class Login:
    """A login that waits for approval."""

    challenge: str
    expires: float
    approved: bool = False
    polls: int = 0


class PortalError(Exception):
    """The portal refuses a form; the message is its answer."""


class Portal:
    """The portal of an emulator, available as `emulator.portal`. Its attributes can be set at any time.

    It serves the older paths (`/oauth/code`, `/oauth/token`) and today's (`/oauth2/device/code`, `/oauth2/token`).

    `access_ttl`: lifetime of an access token in seconds. `expired_in`: the format of that lifetime in answers,
    "epoch_ms", "epoch_s" or "ttl_s". `reuse_interval`: seconds within which a used refresh token gives the same
    successor again. `latency_before_commit`, `latency_after_commit`: seconds before and after the rotation.
    `on_stage(stage, request)` is called in the serving thread at "received", "committed" (a pair was granted) and
    "answered" of each token request. `auto_approve`: the portal approves user codes itself, after `pending_polls`
    polls; otherwise `approve()` or opening the page does. `interval_ms`: how often a client is asked to poll.
    `client_ids`: the accepted client ids, by default those of openclaw and of MiniMax's own command line.
    Counters: `posts`, refresh requests received; `grants`, those that rotated; `reused`, used refresh tokens that came
    again; `generation`, rotations of the latest login.

    >>> from minimax_sync.emulator import Emulator
    >>> with Emulator() as emulator:
    ...     emulator.portal.access_ttl = 60.0
    ...     pair = emulator.portal.issue()
    ...     emulator.portal.accepts(pair["access_token"])
    True
    """

    def __init__(self, url: Callable[[], str], stopping: Callable[[], threading.Event]) -> None:
        self.access_ttl = 7200.0
        self.expired_in = "epoch_ms"
        self.reuse_interval = 0.0
        self.latency_before_commit = 0.0
        self.latency_after_commit = 0.0
        self.on_stage: Callable[[str, Received], object] | None = None
        self.auto_approve = True
        self.pending_polls = 1
        self.interval_ms = 2000
        self.client_ids = set(CLIENT_IDS)
        self.resource_url: str | None = None
        self.notification_message = ""
        self.posts = 0
        self._url = url
        self._stopping = stopping
        self._grants = Grants()
        self._faults: deque[Fault] = deque()
        self._logins: dict[str, Login] = {}
        self._lock = threading.Lock()
        self.routes: Mapping[tuple[str, str], Callable[[Received], Reply]] = {
            ("POST", "/oauth/code"): self._code,
            ("POST", "/oauth2/device/code"): self._code,
            ("POST", "/oauth/token"): self._token,
            ("POST", "/oauth2/token"): self._token,
            ("GET", "/oauth-authorize"): self._page,
            ("POST", "/oauth-authorize"): self._page,
        }

    @property
    def grants(self) -> int:
        """The number of refreshes that gave a new pair."""
        return self._grants.granted

    @property
    def reused(self) -> int:
        """The number of refresh tokens that were used a second time and so revoked their login."""
        return self._grants.reused

    @property
    def generation(self) -> int:
        """How often the refresh token of the latest login was rotated."""
        return self._grants.latest.generation if self._grants.latest else 0

    @property
    def current(self) -> Pair | None:
        """The valid pair of the latest login, as the portal knows it; None before the first login."""
        return self._grants.latest.current if self._grants.latest else None

    def fault(
        self,
        kind: str | None = None,
        *,
        status: int | None = None,
        body: Any = None,
        fields: Mapping[str, Any] | None = None,
        retry_after: float | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Queue a fault for the next request to the token or code endpoint.

        `kind`: "disconnect" (no answer, nothing granted), "stall", "html", or "lost" (granted, then the connection is
        reset without a byte of the answer). `status`, `body` (bytes, text, or a value for JSON) and `headers` are
        sent as they are, and nothing is granted: `status=307, headers={"Location": ...}`, `body={"status": "error"}`.
        `fields` replaces fields of a success; a field that is None is left out, and without `refresh_token` the old
        one stays valid.
        """
        fault = make_fault(KINDS, kind, retry_after, status=status, body=body, headers=headers, fields=fields or {})
        self._faults.append(fault)

    def issue(self, ttl: float | None = None) -> Pair:
        """Log in without the flow. Return a pair whose access token is valid for `ttl` seconds, or `access_ttl`."""
        return self._grants.login(self.access_ttl if ttl is None else ttl)

    def bundle(self, path: str | os.PathLike[str], *, ttl: float | None = None) -> Pair:
        """Write a new pair as a Token Plan bundle with mode 0600 whose region is this emulator. Return the pair."""
        pair = self.issue(ttl)
        expires_at = pair["expires_at"].astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=target.parent)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump({**pair, "expires_at": expires_at, "region": self._url()}, file, indent=2)
        os.replace(temporary, target)
        return pair

    def expire_access(self) -> None:
        """Refuse every access token from now on, whatever lifetime was announced."""
        self._grants.end()

    def revoke_access(self, token: str) -> None:
        """Refuse this access token from now on."""
        self._grants.end(token)

    def approve(self, user_code: str) -> None:
        """Approve a user code, as a person does on the page. Raise ValueError if there is no such code."""
        login = self._logins.get(user_code)
        if login is None:
            raise ValueError(f"no login is waiting for the user code {user_code!r}")
        login.approved = True

    def accepts(self, access_token: str) -> bool:
        """Return True if API calls with this token are served."""
        return self._grants.is_live(access_token)

    def issued(self, access_token: str) -> bool:
        """Return True if this token was issued here, valid or not."""
        return self._grants.knows(access_token)

    def _page(self, request: Received) -> Reply:
        try:
            self.approve(request.query.get("user_code", ""))
        except ValueError:
            return NOT_FOUND
        return Reply(PAGE.format("Approved. You can close this page.").encode(), content_type="text/html")

    def _code(self, request: Received) -> Reply:
        fault = next_of(self._faults)
        if fault and not fault.fields:
            return self._instead(fault, request)
        try:
            body = self._begin(self._form(request, "scope", "code_challenge", "state"))
        except PortalError as error:
            return _invalid(str(error))
        return json_reply(_merge(body, fault))

    def _begin(self, form: Mapping[str, str]) -> dict[str, Any]:
        if form.get("response_type", "code") != "code" or form.get("code_challenge_method") != "S256":
            raise PortalError("invalid_request")
        user_code = f"{secrets.token_hex(2)}-{secrets.token_hex(2)}".upper()
        login = Login(form["code_challenge"], time.time() + CODE_LIFETIME)
        self._logins[user_code] = login
        return {
            "user_code": user_code,
            "verification_uri": f"{self._url()}/oauth-authorize?user_code={user_code}&client=minimax-sync",
            "expired_in": int(login.expires * 1000),
            "interval": self.interval_ms,
            "state": form["state"],
        }

    def _token(self, request: Received) -> Reply:
        refreshing = _fields(request).get("grant_type") == "refresh_token"
        with self._lock:
            self.posts += refreshing
        self._stage("received", request)
        fault = next_of(self._faults)
        if fault and not (fault.fields or fault.kind == "lost"):
            reply = self._instead(fault, request)
        else:
            reply = self._answer(fault, request, refreshing)
        return replace(reply, after=lambda: self._stage("answered", request))

    def _answer(self, fault: Fault | None, request: Received, refreshing: bool) -> Reply:
        self._stopping().wait(self.latency_before_commit)
        try:
            pair = self._refreshed(request, fault) if refreshing else self._polled(request)
        except (PortalError, InvalidGrantError) as error:
            return _invalid(str(error) or "invalid_grant")
        if pair is None:
            return json_reply({"status": "pending"})
        self._stage("committed", request)
        self._stopping().wait(self.latency_after_commit)
        reply = json_reply(_merge(self._success(pair), fault))
        return replace(reply, ending="lost") if fault and fault.kind == "lost" else reply

    def _refreshed(self, request: Received, fault: Fault | None) -> Pair:
        form = self._form(request, "refresh_token")
        keep = fault is not None and fault.fields.get("refresh_token", "") is None
        interval = self.reuse_interval
        return self._grants.rotate(form["refresh_token"], self.access_ttl, reuse_interval=interval, keep=keep)

    def _polled(self, request: Received) -> Pair | None:
        form = self._form(request, "grant_type", "user_code", "code_verifier")
        if form["grant_type"] not in CODE_GRANTS:
            raise PortalError("unsupported_grant_type")
        with self._lock:
            login = self._logins.get(form["user_code"])
            if login is None or time.time() > login.expires:
                raise PortalError("invalid user_code")
            if _challenge(form["code_verifier"]) != login.challenge:
                raise InvalidGrantError
            login.polls += 1
            if not (login.approved or (self.auto_approve and login.polls > self.pending_polls)):
                return None
            del self._logins[form["user_code"]]
        return self.issue()

    def _form(self, request: Received, *required: str) -> Mapping[str, str]:
        """Return the fields of the form. Raise PortalError if a required one is missing or the client is unknown."""
        form = _fields(request)
        for name in ("client_id", *required):
            if not form.get(name):
                raise PortalError(f"{name} is required")
        if form["client_id"] not in self.client_ids:
            raise PortalError("invalid_client")
        return form

    def _success(self, pair: Pair) -> dict[str, Any]:
        body = {
            "status": "success",
            "access_token": pair["access_token"],
            "refresh_token": pair["refresh_token"],
            "expired_in": EXPIRED_IN[self.expired_in](pair["expires_at"].timestamp()),
            "token_type": "Bearer",
            "resource_url": self.resource_url or f"{self._url()}/anthropic",
        }
        if self.notification_message:
            body["notification_message"] = self.notification_message
        return body

    def _instead(self, fault: Fault, request: Received) -> Reply:
        if fault.status is not None and fault.status >= 400 and fault.body is None and fault.kind is None:
            fault = replace(fault, body={"base_resp": base_resp(1, Refusal(fault.status, None).message)})
        reply = instead(fault, request, lambda refusal: _invalid(refusal.message))
        return replace(reply, headers={**reply.headers, **fault.headers})

    def _stage(self, stage: str, request: Received) -> None:
        if self.on_stage:
            self.on_stage(stage, request)


def _fields(request: Received) -> Mapping[str, str]:
    """Return the fields of the form; none if the body is no form, as after a redirect that lost it."""
    content_type = request.headers.get("content-type", "")
    is_form = content_type.startswith(FORM) and isinstance(request.body, dict)
    return request.body if is_form else {}


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _invalid(message: str) -> Reply:
    return json_reply({"base_resp": base_resp(1, message)}, 400)


def _merge(body: dict[str, Any], fault: Fault | None) -> dict[str, Any]:
    """Replace fields of a success by those of a fault; fields that are None are left out."""
    merged = {**body, **(fault.fields if fault else {})}
    return {name: value for name, value in merged.items() if value is not None}
