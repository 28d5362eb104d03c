"""The user-code flow as values: what is sent to the portal, and what each of its answers means.

Pure rules: no network, no file, no waiting. Errors are returned, not raised, so that nothing of an answer hangs on
their tracebacks; they hold the portal's own words at most.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timezone
from math import isfinite
from typing import Any, NamedTuple
from urllib.parse import urlencode

from ..errors import ConfigError, CredentialInvalidError, LlmError, ResponseFormatError, ServerError, error_for
from ..pacing.retry import retry_after_seconds
from ..secret import HIDDEN, Secret, check_key
from ..settings.endpoints import may_receive_token, page_url, portal_url
from ..settings.table import check_group_id
from .bundle import Bundle
from .instants import code_expiry, expiry
from .token_endpoint import CLIENT_ID

SCOPE = "group_id profile model.completion"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:user_code"

_DEFAULT_INTERVAL_MS = 2000.0
_SHORTEST_INTERVAL = 2.0  # seconds, on MiniMax's own portal
_LONGEST_INTERVAL = 60.0
_PENDING = frozenset({"pending", "authorization_pending", "slow_down"})
_TRANSIENT = frozenset({408, 429})


class Answer(NamedTuple):
    """One answer of the portal."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Attempt(NamedTuple):
    """One try to log in: `region` is the portal's base URL, `by_hand` the same if the user typed it.

    `verifier` proves that who polls is who asked (PKCE, RFC 7636); `state` that an answer belongs to this attempt.
    """

    region: str
    by_hand: str | None
    verifier: Secret
    state: str

    @classmethod
    def begin(cls, region: str, by_hand: str | None) -> Attempt:
        return cls(region, by_hand, Secret(secrets.token_urlsafe(48)), secrets.token_urlsafe(16))

    def code_form(self) -> bytes:
        """Return the form that asks for a user code."""
        digest = hashlib.sha256(self.verifier.reveal().encode()).digest()
        form = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "scope": SCOPE,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "state": self.state,
        }
        return urlencode(form).encode()

    def poll_form(self, user_code: str) -> bytes:
        """Return the form that asks whether the user code was confirmed."""
        form = {
            "grant_type": GRANT_TYPE,
            "client_id": CLIENT_ID,
            "user_code": user_code,
            "code_verifier": self.verifier.reveal(),
        }
        return urlencode(form).encode()


class UserCode(NamedTuple):
    """What a person confirms, where, and until when; `interval` is the seconds between two polls."""

    user_code: str
    verification_url: str
    expires_at: datetime
    interval: float


class Approval(NamedTuple):
    """What the portal gives for a confirmed code."""

    bundle: Bundle
    group_id: str | None
    notification: str


def decode_code(answer: Answer, attempt: Attempt, now: float) -> UserCode | LlmError:
    """Read the answer to the code form; `now` is Unix time."""
    document = _document(answer)
    if document is None:
        return _failed(answer, "an answer that is not JSON", now)
    if answer.status != 200 or _is_error(document):
        return _refused(answer, document, attempt)
    url = page_url(document.get("verification_uri"), attempt.by_hand)
    user_code = document.get("user_code")
    if document.get("state") != attempt.state:
        return ResponseFormatError("the portal's answer is not to this login: its state is another; try again")
    if not isinstance(user_code, str) or not user_code or not user_code.isprintable() or url is None:
        return ResponseFormatError("the portal's answer holds no usable user_code and verification_uri")
    expires_at = code_expiry(document.get("expired_in"), now)
    return UserCode(user_code, url, expires_at, _interval(document.get("interval"), attempt.by_hand))


def decode_poll(answer: Answer, attempt: Attempt, now: float) -> Approval | LlmError | None:
    """Read the answer to a poll form: None while the code is not confirmed yet; `now` is Unix time."""
    document = _document(answer)
    if document is None:
        return _failed(answer, "an answer that is not JSON", now)
    if answer.status >= 500 or answer.status in _TRANSIENT:
        return _failed(answer, _reason(document, attempt), now)
    if not _PENDING.isdisjoint(str(document.get(name)) for name in ("status", "error")):
        return None
    if answer.status != 200 or _is_error(document):
        reason = _reason(document, attempt)
        return CredentialInvalidError(f"the portal refused the login: {reason}; run minimax-sync login again")
    return _approval(document, attempt, now) or ResponseFormatError("the portal's answer holds no usable tokens")


def _approval(document: Mapping[str, Any], attempt: Attempt, now: float) -> Approval | None:
    try:
        access_token = check_key(document.get("access_token"), "access_token")
        refresh_token = check_key(document.get("refresh_token"), "refresh_token")
    except ConfigError:
        return None
    expires_at = expiry(document.get("expired_in", document.get("expires_in")), now)
    told = document.get("resource_url")
    home = told if isinstance(told, str) and may_receive_token(told, attempt.by_hand) else attempt.region
    region = portal_url(home, "", attempt.by_hand)
    bundle = Bundle(access_token, refresh_token, expires_at, region, expires_at.timestamp() - now)
    return Approval(bundle, _group_id(document), _line(document.get("notification_message")))


def _group_id(document: Mapping[str, Any]) -> str | None:
    told = document.get("group_id")
    number = isinstance(told, int) and not isinstance(told, bool)
    try:
        return check_group_id(str(told) if number else told, "group_id")
    except ConfigError:
        return None


def _interval(told: Any, by_hand: str | None) -> float:
    usable = isinstance(told, (int, float)) and not isinstance(told, bool) and isfinite(told) and told >= 0
    seconds = (told if usable else _DEFAULT_INTERVAL_MS) / 1000
    return min(_LONGEST_INTERVAL, seconds if by_hand else max(_SHORTEST_INTERVAL, seconds))


def _document(answer: Answer) -> dict[str, Any] | None:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _is_error(document: Mapping[str, Any]) -> bool:
    return document.get("status", "success") != "success" or _code(document) != 0 or bool(document.get("error"))


def _code(document: Mapping[str, Any]) -> int:
    base = document.get("base_resp")
    code = str(base.get("status_code", 0)) if isinstance(base, dict) else "0"
    return int(code) if code.isdecimal() and code.isascii() else -1


def _reason(document: Mapping[str, Any], attempt: Attempt) -> str:
    base = document.get("base_resp")
    status_msg = base.get("status_msg") if isinstance(base, dict) else None
    told = (document.get("error"), document.get("error_description"), status_msg, document.get("message"))
    reason = "; ".join(line for part in told if (line := _line(part)))
    return reason.replace(attempt.verifier.reveal(), HIDDEN) or "it gave no reason"


def _line(text: object) -> str:
    """Return the portal's words as one line that a terminal may show."""
    return "".join(char if char.isprintable() else " " for char in text[:500]).strip() if isinstance(text, str) else ""


def _refused(answer: Answer, document: Mapping[str, Any], attempt: Attempt) -> LlmError:
    return error_for(answer.status, _code(document) or None, f"the portal gave no code: {_reason(document, attempt)}")


def _failed(answer: Answer, reason: str, now: float) -> ServerError:
    wait = retry_after_seconds(answer.headers.get("retry-after"), datetime.fromtimestamp(now, timezone.utc))
    return ServerError(
        f"the portal answered HTTP {answer.status}: {reason}",
        status=answer.status,
        retry_after_ms=None if wait is None else round(wait * 1000),
    )
