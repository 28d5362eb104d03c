"""What replies of both wires share: ids, the delivery of answers, the error envelope, `base_resp` on an HTTP 200.

The tables contain what was observed of the service: the HTTP status and the words of each code.
"""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from typing import Any, NoReturn

from .script import Answer
from .server import PLAIN, SSE, Reply

NOT_FOUND = Reply(b"404 page not found", 404, PLAIN)

ERROR_TYPES = {
    400: "bad_request_error",
    401: "authorized_error",
    402: "insufficient_balance_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    422: "unprocessable_entity_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}

NO_KEY = "login fail: Please carry the API secret key in the 'Authorization' field of the request header"
OVERLOADED = "High traffic detected. The server cluster is currently under high load, please retry later"

CODES: dict[int, tuple[int, str]] = {
    1000: (500, "unknown error, 999"),
    1001: (504, "request timeout"),
    1002: (429, "rate limit exceeded(RPM)"),
    1004: (401, NO_KEY),
    1008: (500, "insufficient balance"),
    1013: (500, "unknown error"),
    1024: (500, "internal error"),
    1026: (422, "input new_sensitive"),
    1027: (422, "output new_sensitive"),
    1028: (429, "insufficient quota"),
    1030: (429, "insufficient quota"),
    1033: (500, "system error"),
    1039: (400, "token limit"),
    1041: (429, "conn limit"),
    1042: (400, "invisible character ratio limit"),
    2013: (400, "invalid params"),
    2038: (403, "real-name verification is required"),
    2045: (429, "rate growth limit"),
    2046: (429, "requests too frequent"),
    2047: (429, "requests too frequent"),
    2049: (401, "invalid api key"),
    2056: (
        429,
        "usage limit exceeded, 5-hour usage limit reached for Token Plan Starter (0/0 used), resets at {reset}",
    ),
    2057: (429, "no active token plan"),
    2061: (500, "your current token plan not support model"),
    2062: (429, "no active token plan"),
    2067: (429, "package quota exceeded"),
}

STATUS_CODES = {400: 2013, 401: 1004, 422: 1026, 429: 1002, 500: 1033}

ZERO_USAGE = {"total_tokens": 0, "total_characters": 0, "prompt_tokens": 0, "completion_tokens": 0}


class Refusal(Exception):
    """Why a request is not served: HTTP `status`, MiniMax's `code` (None: it has none) and `message`.

    With `in_stream` a streamed request is answered by HTTP 200 and an error before the first delta.
    """

    def __init__(self, status: int, code: int | None, message: str = "", *, in_stream: bool = False) -> None:
        self.status = status
        self.code = code
        self.has_own_words = bool(message)
        self.message = message or _words(status, code)
        self.in_stream = in_stream
        super().__init__(self.text)

    @property
    def text(self) -> str:
        """The message as it is sent, followed by its code in parentheses."""
        return f"{self.message} ({self.code})" if self.code is not None else self.message


def _words(status: int, code: int | None) -> str:
    if code in CODES:
        reset = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(hours=5)
        return CODES[code][1].format(reset=reset.strftime("%Y-%m-%dT%H:%M:%SZ"))
    if status == 529:
        return OVERLOADED
    return HTTPStatus(status).phrase.lower() if status in set(HTTPStatus) else "unknown error"


def invalid_params(what: str) -> NoReturn:
    """Raise the refusal of a request because of `what`, in the words of the service."""
    raise Refusal(400, 2013, f"invalid params, {what}")


def dumps(value: Any) -> str:
    """Encode JSON as the service does: compact, not escaped to ASCII."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def json_reply(value: Any, status: int = 200, **attributes: Any) -> Reply:
    """Answer with `value` as JSON; `attributes` are those of a `Reply`."""
    return Reply(dumps(value).encode("utf-8", "replace"), status, **attributes)


def whole_reply(value: dict[str, Any], answer: Answer) -> Reply:
    """Answer with `value`, the body of a whole answer, as its delivery asks."""
    headers, delivery = {**id_headers(value["id"]), **answer.headers}, answer.delivery
    return json_reply(value, headers=headers, delay=delivery.delay, silence=delivery.silence)


def stream_reply(events: list[bytes | float], cut: int, answer_id: str, answer: Answer) -> Reply:
    """Answer with the events of a stream as its delivery asks; `cut` is that of a `Reply`."""
    headers, delivery = {**id_headers(answer_id), **answer.headers}, answer.delivery
    silence = delivery.silence_before_head
    return Reply(events, content_type=SSE, headers=headers, cut=cut, delay=delivery.delay, silence=silence)


def error_body(refusal: Refusal, status: int, request_id: str) -> dict[str, Any]:
    """Build the error envelope that both wires share."""
    kind = ERROR_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    if refusal.code == 1008 and status == 429:
        kind = "insufficient_balance_error"
    error = {"type": kind, "message": refusal.text, "http_code": str(status)}
    return {"type": "error", "error": error, "request_id": request_id}


def envelope(refusal: Refusal) -> Reply:
    """Answer with the error envelope. A code on a 200 gets its own HTTP status; a 404 without words is plain text."""
    status = refusal.status
    if status == 200:
        status = CODES.get(refusal.code or 0, (500, ""))[0]
    if status == 404 and not refusal.has_own_words:
        return NOT_FOUND
    request_id = new_id()
    return json_reply(error_body(refusal, status, request_id), status, headers=id_headers(request_id))


def base_resp(code: int = 0, message: str = "") -> dict[str, Any]:
    """Build the status field of the bodies of MiniMax's native endpoints."""
    return {"status_code": code, "status_msg": message}


def new_id() -> str:
    """Return a new id like the service's: 32 hex digits."""
    return uuid.uuid4().hex


def call_id(position: int) -> str:
    """Return a new id of a tool call, like the service's."""
    return f"call_function_{secrets.token_hex(6)}_{position + 1}"


def id_headers(request_id: str) -> Mapping[str, str]:
    """Return the headers that name the request, as the global service sends them."""
    return {"minimax-request-id": request_id}
