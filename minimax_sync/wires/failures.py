"""Decoding of the error envelopes of MiniMax and of other servers with its wires."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from ..errors import LlmError
from ..values.json_text import UNREADABLE
from .error_codes import code_in, error_for

_STATUS_BY_TYPE = {
    "authentication_error": 401,
    "authorized_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "bad_request_error": 400,
    "BadRequestError": 400,
    "invalid_request_error": 400,
    "exceed_context_size_error": 400,
    "unprocessable_entity_error": 422,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_CODE_BY_TYPE = {"insufficient_balance_error": 1008}
_REQUEST_ID_HEADERS = (
    "minimax-request-id",
    "x-request-id",
    "request-id",
    "trace-id",
    "x-mm-request-id",
    "alb_request_id",
    "x-session-id",
)
_NO_REASON = "no reason was given"
_MOST_PLAIN_CHARS = 200
_MOST_PAGE_CHARS = 4096
_TITLE = r"(?i)<(title|h1)\b[^<>]*>([^<>]*\S[^<>]*)</\1"


class Envelope(msgspec.Struct, frozen=True):
    """The fields that report a failure in any kind of answer: MiniMax's `base_resp`, the error envelope, a request id.

    vLLM and FastAPI write an error at the top level: `object` or `type`, `message` or `detail`, `code`.
    """

    base_resp: Any = None
    error: Any = None
    request_id: Any = None
    message: Any = None
    detail: Any = None
    type: Any = None
    code: Any = None
    object: Any = None

    @property
    def described(self) -> Any:
        """The description of the error: the `error` field, or the fields of the top level."""
        return self.error or {
            "message": _words(self.message) or _words(self.detail),
            "type": self.type,
            "code": self.code,
        }


def failure(status: int, base_resp: Any, error: Any, **attributes: Any) -> LlmError | None:
    """Return the error that an answer carries, or None. `base_resp` 0 is a success, even with a warning."""
    is_failure = error or (isinstance(base_resp, Mapping) and _number(base_resp.get("status_code")))
    return _failure(status, base_resp, error, **attributes) if is_failure else None


def _failure(status: int, base_resp: Any, error: Any, **attributes: Any) -> LlmError:
    """Return the error that `base_resp`, an error envelope or both describe; the code outranks the status."""
    code, message = 0, ""
    details: Mapping[str, Any] = {}
    if isinstance(base_resp, Mapping):
        code, message = _number(base_resp.get("status_code")), _words(base_resp.get("status_msg"))
    if error:
        details = error if isinstance(error, Mapping) else {"message": error}
        message = _words(details.get("message")) or message
        own_code = _number(details.get("code"))
        code = own_code if 1000 <= own_code <= 9999 else code or _CODE_BY_TYPE.get(_words(details.get("type")), 0)
    code = code_in(message) or code
    status = _status(status, details, has_code=code != 0)
    words = (_words(details.get("code")), _words(details.get("type")))
    return error_for(status, code or None, message or _NO_REASON, words=words, **attributes)


def raise_failure_in(data: bytes, *, is_error: bool) -> None:
    """Raise the error in the JSON of a 200 that lacks the envelopes of `failure`. `is_error`: it came as an error."""
    try:
        envelope = msgspec.json.decode(data, type=Envelope)
    except UNREADABLE:
        envelope = Envelope()
    if is_error or "error" in (envelope.type, envelope.object):
        raise _failure(200, envelope.base_resp, envelope.described, request_id=_words(envelope.request_id) or None)


def raise_failure(base_resp: Any, error: Any, *ids: Any) -> None:
    """Raise the error that an answer, or an event of one, carries; the first of its `ids` is the one to quote."""
    found = failure(200, base_resp, error, request_id=next(filter(None, map(_words, ids)), None))
    if found is not None:
        raise found


def failure_of_status(status: int, body: bytes, **attributes: Any) -> LlmError:
    """Return the error for an HTTP answer that is not a 2xx, whatever its body is."""
    text = body.decode("utf-8", "replace")
    try:
        envelope = msgspec.json.decode(text, type=Envelope)
    except UNREADABLE:
        plain = _title_in(text) if "<" in text[:_MOST_PLAIN_CHARS] else text.strip()
        return error_for(status, code_in(plain), plain[:_MOST_PLAIN_CHARS] or _NO_REASON, body=text, **attributes)
    if not attributes.get("request_id"):
        attributes["request_id"] = _words(envelope.request_id) or None
    return _failure(status, envelope.base_resp, envelope.described, body=text, **attributes)


def _title_in(page: str) -> str:
    """Return the title or first heading of an error page, as nginx, haproxy and others send, or ""."""
    found = re.search(_TITLE, page[:_MOST_PAGE_CHARS])
    if not found:
        return ""
    from html import unescape  # its table of entities takes a millisecond to load

    return " ".join(unescape(found[2]).split())


def request_id_in(headers: Mapping[str, str]) -> str:
    """Return the id to quote to MiniMax's support, or ""."""
    return next((found for name in _REQUEST_ID_HEADERS if (found := headers.get(name))), "")


def _status(status: int, error: Mapping[str, Any], *, has_code: bool) -> int:
    """Find the status of an error that came inside a 200; without a hint or a code it is the server's failure."""
    if status != 200:
        return status
    for own_status in (_number(error.get("http_code")), _number(error.get("code"))):
        if 400 <= own_status <= 599:
            return own_status
    return _STATUS_BY_TYPE.get(_words(error.get("type")), 200 if has_code else 500)


def _words(value: Any) -> str:
    """Return text, or the text inside: FastAPI wraps its messages in `[{"msg": ...}]`; "" for anything else."""
    if isinstance(value, list | Mapping) and value:
        first = value[0] if isinstance(value, list) else value
        value = (
            next((first[name] for name in ("message", "msg") if name in first), "")
            if isinstance(first, Mapping)
            else first
        )
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    """Coerce a code or status to int, also one written as text. Invalid or absurdly large values count as 0."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return 0
    return number if abs(number) < 1_000_000 else 0
