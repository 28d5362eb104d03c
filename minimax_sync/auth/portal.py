"""The HTTP client of MiniMax's OAuth portal: POST a form, follow the one allowed redirect, read the common fields.

The rules of each request are in the modules above: `token_endpoint` (refresh) and `user_code` (login). This module
knows no file, lock or thread. Secrets in a form stay wrapped until they are encoded into the request body, so that no
traceback of this module shows one.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlencode

import msgspec

from ..errors import ConfigError, ResponseFormatError, ServerError
from ..net.reply import Reply
from ..net.session import Http
from ..net.trust import Verify
from ..pacing.retry import asked_wait_ms
from ..secret import HIDDEN, Secret, StoreUrl, check_key
from ..settings.checks import check_proxy, check_verify
from ..settings.endpoints import host_of, portal_redirect
from .instants import expiry
from .interfaces import Grant

MAX_ANSWER_BYTES = 64 * 1024
_MAX_LINE = 500

Form = Mapping[str, "str | Secret"]


class Route(msgspec.Struct, frozen=True):
    """How the portal is reached: `verify` names the certificate authorities, `proxy` is a proxy's URL. See `Http`."""

    verify: Verify = True
    proxy: StoreUrl | None = None

    def open(self) -> Http:
        """Return an HTTP client for a few requests."""
        return Http(verify=self.verify, proxy=self.proxy)


def portal_route(verify: Verify, proxy: str | None) -> Route:
    """Check the arguments `verify` and `proxy` as the client does. Raises ConfigError."""
    checked: Any = check_verify(verify, "argument verify")
    return Route(checked, None if proxy is None else check_proxy(proxy, "argument proxy"))


class Answer(msgspec.Struct, frozen=True):
    """A complete answer of the portal."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def document(self) -> dict[str, Any] | None:
        """Return the body as a JSON object, or None if it is not one."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return document if isinstance(document, dict) else None

    def failure(self, reason: str, now: float) -> ServerError:
        """Return a transient error with the answer's status and its `Retry-After`; `now` is Unix time."""
        wait = asked_wait_ms(self.headers, datetime.fromtimestamp(now, timezone.utc))
        return ServerError(
            f"the portal answered HTTP {self.status}: {reason}",
            status=self.status,
            retry_after_ms=wait,
        )


class RedirectRefusedError(ResponseFormatError):
    """The portal redirects to a place that must not receive a token. The request was answered and nothing was spent."""


def post_form(http: Http, url: str, form: Form, deadline: float) -> Reply:
    """POST `form` and return the reply, its body unread; `deadline` is on the monotonic clock.

    A 307 or 308 to another of MiniMax's own https hosts is followed once, with the same form. Raises
    RedirectRefusedError for any other redirect, and what `Http.exchange` raises.
    """
    reply = _post(http, url, form, deadline)
    target = portal_redirect(url, reply.status, reply.headers.get("location"))
    if target:
        reply.close()
        reply = _post(http, target, form, deadline)
    if 300 <= reply.status < 400:
        reply.close()
        host = host_of(reply.headers.get("location", "")) or "no usable address"
        raise RedirectRefusedError(
            f"the portal redirects (HTTP {reply.status}) to {host}, which is not followed", status=reply.status
        )
    return reply


def read_answer(reply: Reply) -> Answer:
    """Read the body, at most `MAX_ANSWER_BYTES`; raises what `Reply.read` raises."""
    return Answer(reply.status, reply.headers, reply.read(MAX_ANSWER_BYTES))


def succeeded(document: Mapping[str, Any]) -> bool:
    """Return True if the body reports no error in any of its possible places."""
    return document.get("status", "success") == "success" and error_code(document) == 0 and not document.get("error")


def error_code(document: Mapping[str, Any]) -> int:
    """Return `base_resp.status_code`: 0 if there is none, -1 if it is not a number."""
    base = document.get("base_resp")
    code = str(base.get("status_code", 0)) if isinstance(base, dict) else "0"
    return int(code) if code.isdecimal() and code.isascii() and len(code) < 10 else -1


def error_reason(document: Mapping[str, Any], *secrets: Secret) -> str:
    """Return the reason in an error answer, in MiniMax's form or that of RFC 6749; `secrets` are masked."""
    base, error = document.get("base_resp"), document.get("error")
    inner = error if isinstance(error, dict) else {}
    texts = [
        error,
        document.get("error_description"),
        *(inner.get(name) for name in ("message", "type", "code")),
        base.get("status_msg") if isinstance(base, dict) else None,
        document.get("message"),
        document.get("code"),
    ]
    reason = "; ".join(line for text in texts if (line := one_line(text)))
    for secret in secrets:
        reason = reason.replace(secret.reveal(), HIDDEN)
    return reason


def one_line(text: object) -> str:
    """Return a text of the portal as one line that is safe to print on a terminal; "" if it is not text."""
    if not isinstance(text, str):
        return ""
    return " ".join("".join(char if char.isprintable() else " " for char in text[:_MAX_LINE]).split())


def read_grant(document: Mapping[str, Any], now: float) -> Grant | None:
    """Return the tokens of a success, or None if they are unusable; `now` is Unix time."""
    refresh_token = document.get("refresh_token")
    try:
        return Grant(
            check_key(document.get("access_token"), "access_token"),
            None if refresh_token is None else check_key(refresh_token, "refresh_token"),
            expiry(document.get("expired_in", document.get("expires_in")), now),
        )
    except ConfigError:
        return None


def _post(http: Http, url: str, form: Form, deadline: float) -> Reply:
    headers = {
        "Accept": "application/json",
        "Content-Type": "application/x-www-form-urlencoded",
        "x-request-id": str(uuid.uuid4()),
    }
    fields = ((name, value.reveal() if isinstance(value, Secret) else value) for name, value in form.items())
    return http.exchange("POST", url, headers=headers, body=urlencode(list(fields)).encode(), deadline=deadline)
