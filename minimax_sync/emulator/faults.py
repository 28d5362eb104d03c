"""What each fault does to a call: the reply that replaces the answer, or how the answer is damaged.

Replies in, replies out; must not know sockets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .envelopes import CODES, STATUS_CODES, Refusal, dumps, envelope
from .journal import Received
from .script import Fault
from .server import SSE, Ending, Reply

API_KINDS = ("truncate", "disconnect", "reset", "stall", "html", "error_event")

HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Sign in to continue</h1></body></html>"


@dataclass(frozen=True)
class Endpoint:
    """One path of the service: how it answers, how it refuses, and the event that ends its failed stream."""

    answer: Callable[[Received], Reply]
    refuse: Callable[[Received, Refusal], Reply] = lambda _, refusal: envelope(refusal)
    error_event: Callable[[Refusal], bytes] | None = None


def fail(fault: Fault, request: Received, endpoint: Endpoint) -> Reply:
    """Return the reply of `fault`. Only the kinds that damage an answer ask the endpoint for one."""
    if fault.kind in _DAMAGES:
        reply = _DAMAGES[fault.kind](fault, endpoint, endpoint.answer(request), request)
    else:
        reply = instead(fault, request, lambda refusal: endpoint.refuse(request, refusal))
    return replace(reply, headers={**reply.headers, **fault.headers})


def instead(fault: Fault, request: Received, refuse: Callable[[Refusal], Reply]) -> Reply:
    """Return the reply of a fault that replaces the answer; `refuse` builds the one of a code without a status."""
    if fault.kind in _NO_BYTES:
        return Reply(ending=_NO_BYTES[fault.kind])
    if fault.kind == "stall":
        return Reply([], content_type=SSE, ending="silence") if is_streamed(request) else Reply(b"{}", ending="silence")
    if fault.kind == "html":
        return Reply(HTML, fault.status or 200, "text/html; charset=utf-8")
    if fault.body is not None:
        return Reply(_encode(fault.body), fault.status or 200)
    if fault.status is None and fault.code is not None:
        return refuse(Refusal(200, fault.code, fault.message))
    status = fault.status or 200
    if status < 400:
        return Reply(status=status)
    return envelope(Refusal(status, fault.code or STATUS_CODES.get(status), fault.message))


def refuse(request: Received, refusal: Refusal, endpoint: Endpoint) -> Reply:
    """Refuse a request as its endpoint does, or before the first delta of the stream where the refusal asks for it."""
    if refusal.in_stream and endpoint.error_event and is_streamed(request):
        return Reply([endpoint.error_event(refusal)], content_type=SSE)
    return endpoint.refuse(request, refusal)


def is_streamed(request: Received) -> bool:
    """Return True if the request asks for a stream."""
    return isinstance(request.body, dict) and request.body.get("stream") is True


def _truncate(fault: Fault, endpoint: Endpoint, reply: Reply, request: Received) -> Reply:
    if isinstance(reply.body, bytes):
        return replace(reply, ending="short")
    return replace(reply, body=list(reply.body)[: reply.cut])


def _reset(fault: Fault, endpoint: Endpoint, reply: Reply, request: Received) -> Reply:
    body = reply.body if isinstance(reply.body, bytes) else list(reply.body)[: reply.cut + 1]
    return replace(reply, body=body, ending="reset")


def _error_event(fault: Fault, endpoint: Endpoint, reply: Reply, request: Received) -> Reply:
    code = fault.code or 1033
    refusal = Refusal(CODES.get(code, (500, ""))[0], code, fault.message)
    if isinstance(reply.body, bytes) or endpoint.error_event is None:
        return endpoint.refuse(request, refusal)
    return replace(reply, body=[*list(reply.body)[: reply.cut], endpoint.error_event(refusal)])


_DAMAGES: Mapping[str | None, Callable[[Fault, Endpoint, Reply, Received], Reply]] = {
    "truncate": _truncate,
    "reset": _reset,
    "error_event": _error_event,
}


_NO_BYTES: Mapping[str | None, Ending] = {"disconnect": "hang_up", "lost": "lost"}


def _encode(body: Any) -> bytes:
    """Return the bytes of a user's body, which is bytes, text, or a value for JSON."""
    if isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else dumps(body)).encode("utf-8", "replace")
