"""The login with a code as values: the forms that are sent to the portal, and what each of its answers means.

Pure rules: no network, no file, no waiting. Errors are returned, not raised, so that their tracebacks hold no part of
an answer; a message quotes the portal's own words at most.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import Any

import msgspec

from ..errors import ConfigError, CredentialInvalidError, LlmError, ResponseFormatError
from ..secret import Secret
from ..settings.checks import check_group_id
from ..settings.endpoints import may_receive_token, page_url, portal_url
from ..wires.error_codes import error_for
from .bundle import CLIENT_ID, Bundle
from .instants import code_expiry
from .portal import Answer, Form, error_code, error_reason, one_line, read_grant, succeeded

SCOPE = "group_id profile model.completion"
_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:"

_DEFAULT_INTERVAL_MS = 2000.0
_MIN_INTERVAL = 2.0  # seconds, on MiniMax's own portal
_MAX_INTERVAL = 60.0
_SECONDS_BELOW = 1000  # an interval of the device grant: seconds in RFC 8628, milliseconds in MiniMax's answers
_PENDING = frozenset({"pending", "authorization_pending", "slow_down"})
_TRANSIENT = frozenset({408, 429})
_NOT_JSON = "the answer is not JSON"


class OAuthClient(msgspec.Struct, frozen=True):
    """The OAuth client, its scope and its grant: `user_code`, MiniMax's own, or `device_code` (RFC 8628)."""

    client_id: str = CLIENT_ID
    scope: str = SCOPE
    grant: str = "user_code"


class Attempt(msgspec.Struct, frozen=True):
    """One attempt to log in: `region` is the portal's base URL, `by_hand` the same if the user typed it.

    `verifier` proves that the polling program is the one that began the login (PKCE, RFC 7636); `state` ties an answer
    to this attempt.
    """

    region: str
    by_hand: str | None
    verifier: Secret
    state: str
    client: OAuthClient = OAuthClient()

    @classmethod
    def begin(cls, region: str, by_hand: str | None, client: OAuthClient) -> Attempt:
        """Return an attempt with a fresh verifier and state."""
        return cls(region, by_hand, Secret(secrets.token_urlsafe(48)), secrets.token_urlsafe(16), client)

    def code_form(self) -> Form:
        """Return the form that asks for a user code."""
        digest = hashlib.sha256(self.verifier.reveal().encode()).digest()
        return {
            "response_type": "code",
            "client_id": self.client.client_id,
            "scope": self.client.scope,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "state": self.state,
        }

    def poll_form(self, code: UserCode) -> Form:
        """Return the form that asks whether the code was confirmed."""
        return {
            "grant_type": _GRANT_TYPE + self.client.grant,
            "client_id": self.client.client_id,
            "user_code": code.user_code,
            "code_verifier": self.verifier,
            **({"device_code": code.device_code} if code.device_code else {}),
        }


class UserCode(msgspec.Struct, frozen=True):
    """The code to confirm, the page, and the time limit; `interval` is the seconds between two polls.

    `device_code` identifies the login to the portal; only the device grant has one.
    """

    user_code: str
    verification_url: str
    expires_at: datetime
    interval: float
    device_code: Secret | None = None


class Approval(msgspec.Struct, frozen=True):
    """The tokens that the portal grants for a confirmed code."""

    bundle: Bundle
    group_id: str | None
    notification: str


def decode_code(answer: Answer, attempt: Attempt, now: float) -> UserCode | LlmError:
    """Return the code of an answer to the code form, or an error; `now` is Unix time."""
    document = answer.document()
    if document is None:
        return answer.failure(_NOT_JSON, now)
    if answer.status != 200 or not succeeded(document):
        text = f"the portal gave no code: {_reason(document, attempt)}"
        return error_for(answer.status, error_code(document) or None, text)
    is_device = attempt.client.grant == "device_code"
    url = page_url(document.get("verification_uri_complete") if is_device else None, attempt.by_hand)
    url = url or page_url(document.get("verification_uri"), attempt.by_hand)
    user_code = document.get("user_code")
    if document.get("state", attempt.state if is_device else None) != attempt.state:
        return ResponseFormatError("the portal's answer belongs to another login: its state differs; try again")
    if not isinstance(user_code, str) or not user_code or not user_code.isprintable() or url is None:
        return ResponseFormatError("the portal's answer holds no usable user_code and verification_uri")
    expires_at = code_expiry(document.get("expired_in", document.get("expires_in")), now)
    device_code = document.get("device_code") if is_device else None
    return UserCode(
        user_code,
        url,
        expires_at,
        _interval(document.get("interval"), attempt),
        Secret(device_code) if isinstance(device_code, str) and device_code else None,
    )


def decode_poll(answer: Answer, attempt: Attempt, now: float) -> Approval | LlmError | None:
    """Return the approval of an answer to the poll form, an error, or None while the code is not confirmed."""
    document = answer.document()
    if document is None:
        return answer.failure(_NOT_JSON, now)
    reason = _reason(document, attempt)
    if answer.status >= 500 or answer.status in _TRANSIENT:
        return answer.failure(reason, now)
    if not _PENDING.isdisjoint(str(document.get(name)) for name in ("status", "error")):
        return None
    if answer.status != 200 or not succeeded(document):
        return CredentialInvalidError(f"the portal refused the login: {reason}; run minimax-sync login again")
    return _approval(document, attempt, now) or ResponseFormatError("the portal's answer holds no usable tokens")


def _approval(document: Mapping[str, Any], attempt: Attempt, now: float) -> Approval | None:
    grant = read_grant(document, now)
    if grant is None or grant.refresh_token is None:
        return None
    url = document.get("resource_url")
    home = url if isinstance(url, str) and may_receive_token(url, attempt.by_hand) else attempt.region
    region = portal_url(home, "", attempt.by_hand)
    life = grant.expires_at.timestamp() - now
    bundle = Bundle(grant.access_token, grant.refresh_token, grant.expires_at, region, life, attempt.client.client_id)
    return Approval(bundle, _group_id(document), one_line(document.get("notification_message")))


def _group_id(document: Mapping[str, Any]) -> str | None:
    value = document.get("group_id")
    is_number = isinstance(value, int) and not isinstance(value, bool)
    try:
        return check_group_id(str(value) if is_number else value, "group_id")
    except ConfigError:
        return None


def _interval(value: Any, attempt: Attempt) -> float:
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value) and value >= 0
    milliseconds = value if usable else _DEFAULT_INTERVAL_MS
    if attempt.client.grant == "device_code" and milliseconds < _SECONDS_BELOW:
        milliseconds *= 1000
    seconds = milliseconds / 1000
    return min(_MAX_INTERVAL, seconds if attempt.by_hand else max(_MIN_INTERVAL, seconds))


def _reason(document: Mapping[str, Any], attempt: Attempt) -> str:
    return error_reason(document, attempt.verifier) or "no reason given"
