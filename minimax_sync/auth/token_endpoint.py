"""One request to the token endpoint: where it may go, what is sent, and what the answer means.

An answer is one of four things: a grant, all of it checked before anything is touched; a refusal of the refresh token;
a failure that leaves everything as it was; or no answer to a request that was sent. Knows no file, lock or thread.
No exception that leaves this module has a token in a local variable of its traceback.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple
from urllib.parse import urlencode

from ..errors import (
    AmbiguousResultError,
    CallTimeoutError,
    ConfigError,
    CredentialInvalidError,
    LlmError,
    ResponseFormatError,
    ServerError,
    TransportError,
)
from ..net.reply import Reply
from ..net.session import Http
from ..pacing.retry import retry_after_seconds
from ..secret import HIDDEN, Secret, check_key
from ..settings.endpoints import host_of, may_receive_token, portal_redirect, portal_url
from .bundle import Bundle
from .instants import expiry

CLIENT_ID = "78257093-7e40-4613-99e0-527b14b39113"  # MiniMax's public one
POST_TIMEOUT = 15.0  # seconds for one request, redirect and body included
LONGEST_ANSWER = 64 * 1024

# Other clients' tests agree on the first three; the rest are RFC 6749's and their spellings with spaces.
_DEAD = ("invalid_grant", "refresh_token_reused", "invalid_refresh_token", "refresh_token_expired")


class Grant(NamedTuple):
    """New tokens. `refresh_token` is None when the endpoint sent none: the old one goes on."""

    access_token: Secret
    refresh_token: Secret | None
    expires_at: datetime


class RefusedError(CredentialInvalidError):
    """The refresh token is dead: used, revoked or expired."""


class AnswerLostError(TransportError):
    """The request was sent and no answer came: the refresh token may be used up."""


class TokenEndpoint:
    """The portal's `/oauth/token`, in whatever region a bundle names.

    `by_hand` are the base URLs that the user set by hand: origins that tokens may go to although they are not
    MiniMax's. `wall` is the clock that lifetimes count from.
    """

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self.by_hand: set[str] = set()
        self._wall = wall

    def refresh(self, bundle: Bundle, deadline: float) -> Grant:
        """Spend the bundle's refresh token; `deadline` is `time.monotonic()`'s.

        Raises ConfigError when the region may not be sent a token, RefusedError, AnswerLostError, ResponseFormatError
        for a redirect that is not followed, and otherwise ServerError or TransportError: all is as it was.
        """
        url = self._url(bundle)
        http = Http()  # of its own: a connection that was idle for two hours is where answers get lost
        try:
            reply = _post(http, url, bundle, deadline)
            target = portal_redirect(url, reply.status, reply.headers.get("location"))
            if target:
                reply.close()
                reply = _post(http, target, bundle, deadline)
            outcome = self._outcome(reply, bundle.refresh_token)
        finally:
            http.close()
        if isinstance(outcome, LlmError):
            raise outcome
        return outcome

    def _url(self, bundle: Bundle) -> str:
        source = "region of the Token Plan bundle"
        for origin in tuple(self.by_hand):
            if may_receive_token(bundle.region, origin):
                return portal_url(bundle.region, "/oauth/token", origin, source=source)
        return portal_url(bundle.region, "/oauth/token", source=source)

    def _outcome(self, reply: Reply, spent: Secret) -> Grant | LlmError:
        try:
            return decode_answer(reply.status, reply.headers, reply.read(LONGEST_ANSWER), spent, self._wall())
        except ResponseFormatError:
            return ServerError("the token endpoint's answer is too long", status=reply.status)
        except TransportError as error:
            if reply.status == 200:
                return AnswerLostError(f"the token endpoint's answer was lost: {error}")
            return ServerError(f"the token endpoint answered HTTP {reply.status}", status=reply.status)


def decode_answer(status: int, headers: Mapping[str, str], body: bytes, spent: Secret, now: float) -> Grant | LlmError:
    """Tell what an answer of the token endpoint to the refresh token `spent` means.

    An error is returned, not raised, so that nothing of `body` hangs on it. `now` is Unix time.
    """
    if 300 <= status < 400:
        host = host_of(headers.get("location", "")) or "no usable address"
        text = f"the token endpoint redirects (HTTP {status}) to {host}, which is not followed"
        return ResponseFormatError(text, status=status)
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return _failed(status, headers, "an answer that is not JSON", now)
    reason = _reason(document).replace(spent.reveal(), HIDDEN)
    if any(mark in reason.lower().replace(" ", "_") for mark in _DEAD):
        return RefusedError(f"the token endpoint refused the refresh token: {reason}", status=status)
    if not 200 <= status < 300 or not _claims_success(document):
        return _failed(status, headers, reason or "no reason", now)
    return _grant(document, now) or _failed(status, headers, "an answer without usable tokens", now)


def _post(http: Http, url: str, bundle: Bundle, deadline: float) -> Reply:
    try:
        return http.exchange(
            "POST",
            url,
            headers={
                "Accept": "application/json",
                "Content-Type": "application/x-www-form-urlencoded",
                "x-request-id": str(uuid.uuid4()),
            },
            body=_form(bundle),
            deadline=deadline,
        )
    except (AmbiguousResultError, ResponseFormatError) as error:
        lost = str(error)
    except CallTimeoutError as error:
        if not error.sent:
            raise
        lost = str(error)
    raise AnswerLostError(f"the token endpoint was sent the refresh token and gave no answer: {lost}")


def _form(bundle: Bundle) -> bytes:
    form = {
        "grant_type": "refresh_token",
        "client_id": CLIENT_ID,
        "refresh_token": bundle.refresh_token.reveal(),
    }
    return urlencode(form).encode()


def _claims_success(document: Mapping[str, Any]) -> bool:
    base = document.get("base_resp")
    code = base.get("status_code", 0) if isinstance(base, dict) else 0
    return document.get("status", "success") == "success" and str(code) == "0" and not document.get("error")


def _grant(document: Mapping[str, Any], now: float) -> Grant | None:
    refresh_token = document.get("refresh_token")
    try:
        return Grant(
            check_key(document.get("access_token"), "access_token"),
            None if refresh_token is None else check_key(refresh_token, "refresh_token"),
            expiry(document.get("expired_in", document.get("expires_in")), now),
        )
    except ConfigError:
        return None


def _reason(document: Mapping[str, Any]) -> str:
    """Collect what an error answer says, from the places where MiniMax and RFC 6749 put it."""
    base = document.get("base_resp")
    error = document.get("error")
    inner = error if isinstance(error, dict) else {}
    told = [
        error,
        document.get("error_description"),
        *(inner.get(name) for name in ("message", "type", "code")),
        base.get("status_msg") if isinstance(base, dict) else None,
        document.get("message"),
        document.get("code"),
    ]
    return "; ".join(" ".join(text.split())[:200] for text in told if isinstance(text, str) and text)


def _failed(status: int, headers: Mapping[str, str], reason: str, now: float) -> ServerError:
    wait = retry_after_seconds(headers.get("retry-after"), datetime.fromtimestamp(now, timezone.utc))
    return ServerError(
        f"the token endpoint answered HTTP {status}: {reason}",
        status=status,
        retry_after_ms=None if wait is None else round(wait * 1000),
    )
