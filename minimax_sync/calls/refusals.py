"""Errors for replies that are not an answer: refusals, redirects, and 2xx replies with a body of another kind.

Also contains what every error gets from the reply that it came with.
"""

from __future__ import annotations

import time
from datetime import datetime, timezone
from urllib.parse import urlsplit

from ..errors import MAX_BODY_CHARS, CredentialInvalidError, LlmError, ResponseFormatError
from ..net.reply import Reply
from ..pacing.retry import asked_wait_ms
from ..wires.failures import failure_of_status, request_id_in

_MOST_PLACE_CHARS = 200

ERROR_BODY_TIME = 5.0
"""Seconds to wait for the body of an error, which matters less than its status."""


def refusal(reply: Reply, url: str) -> LlmError:
    """Return the error of a reply to `url` that is not a 2xx."""
    if reply.status < 400:
        reply.close()
        return ResponseFormatError(
            f"HTTP {reply.status}: the service redirects, and redirects are not followed, because they would take the "
            f"credential to another address{_place_of(reply.headers.get('location'))}; check base_url",
            status=reply.status,
        )
    return failure_of_status(reply.status, _beginning(reply), path=urlsplit(url).path)


def describe_body(error: LlmError, reply: Reply, body: bytes | None) -> None:
    """Add to a `ResponseFormatError` from decoding `body` what that body looks like, and the body itself."""
    if type(error) is not ResponseFormatError or error.status is not None or body is None:
        return
    problem = str(error)
    if body.lstrip()[:1] == b"<":
        kind = reply.headers.get("content-type", "no content type")
        problem = (
            f"the reply is an HTML page ({kind}), typically from a captive portal, a proxy or a wrong base_url; "
            f"{problem}"
        )
    elif not body:
        problem = f"its body is empty; {problem}"
    error.status = reply.status
    error.args = (f"HTTP {reply.status}, but not an answer: {problem}",)
    error.body = body[: 4 * MAX_BODY_CHARS].decode("utf-8", "replace")[:MAX_BODY_CHARS]


def annotated(error: LlmError, reply: Reply, hint: str) -> LlmError:
    """Add status, headers, request id and Retry-After of the reply, and the likely cause of a refused credential."""
    if error.status is None:
        error.status = reply.status
    error.headers = {name.lower(): value for name, value in reply.headers.items()}
    error.request_id = error.request_id or request_id_in(reply.headers) or None
    asked = asked_wait_ms(reply.headers, datetime.now(timezone.utc))
    if asked is not None:
        error.retry_after_ms = asked
    if isinstance(error, CredentialInvalidError) and hint:
        error.args = (f"{error}. {hint}",)
    return error


def _place_of(location: str | None) -> str:
    """Return the target of a redirect for a message: its origin, or a path on the same origin, without the query."""
    try:
        parts = urlsplit(location or "")
        host = parts.hostname and f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    except ValueError:
        return ""
    place = f"{parts.scheme or 'https'}://{host}" if host else parts.path
    is_plain = place.isascii() and place.isprintable() and 0 < len(place) <= _MOST_PLACE_CHARS
    return f" ({place})" if is_plain else ""


def _beginning(reply: Reply) -> bytes:
    """Read at most 64 KiB of an error's body; a failure while reading must not hide the error itself."""
    body = bytearray()
    reply.deadline = min(reply.deadline, time.monotonic() + ERROR_BODY_TIME)
    try:
        while len(body) < MAX_BODY_CHARS:
            data = reply.read1()
            if not data:
                reply.finish()
                break
            body += data
    except LlmError:
        reply.close()
    return bytes(body[:MAX_BODY_CHARS])
