"""How each fault spoils a call: what is answered instead, or what becomes of the answer. Replies in, replies out."""

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
    """One path of the service: how it answers, how it refuses, how a stream of it fails on its way."""

    answer: Callable[[Received], Reply]
    refuse: Callable[[Received, Refusal], Reply] = lambda _, refusal: envelope(refusal)
    error_event: Callable[[Refusal], bytes] | None = None


def spoil(fault: Fault, request: Received, endpoint: Endpoint) -> Reply:
    """Answer `request` as `fault` says. Only the kinds that spoil an answer on its way ask the endpoint for one."""
    if fault.kind in _ON_THE_WAY:
        reply = _ON_THE_WAY[fault.kind](fault, endpoint, endpoint.answer(request), request)
    else:
        reply = instead(fault, request, lambda refusal: endpoint.refuse(request, refusal))
    return replace(reply, headers={**reply.headers, **fault.headers})


def instead(fault: Fault, request: Received, refuse: Callable[[Refusal], Reply]) -> Reply:
    """Build the reply of a fault that leaves no answer; `refuse` words a code that comes without a status."""
    streaming = isinstance(request.body, dict) and request.body.get("stream") is True
    if fault.kind in _NO_BYTES:
        return Reply(ending=_NO_BYTES[fault.kind])
    if fault.kind == "stall":
        return Reply([], content_type=SSE, ending="silence") if streaming else Reply(b"{}", ending="silence")
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


def _truncate(fault: Fault, endpoint: Endpoint, reply: Reply, request: Received) -> Reply:
    if isinstance(reply.body, bytes):
        return replace(reply, ending="short")
    return replace(reply, body=reply.body[: reply.cut])


def _reset(fault: Fault, endpoint: Endpoint, reply: Reply, request: Received) -> Reply:
    body = reply.body if isinstance(reply.body, bytes) else reply.body[: reply.cut + 1]
    return replace(reply, body=body, ending="reset")


def _error_event(fault: Fault, endpoint: Endpoint, reply: Reply, request: Received) -> Reply:
    code = fault.code or 1033
    refusal = Refusal(CODES.get(code, (500, ""))[0], code, fault.message)
    if isinstance(reply.body, bytes) or endpoint.error_event is None:
        return endpoint.refuse(request, refusal)
    return replace(reply, body=[*reply.body[: reply.cut], endpoint.error_event(refusal)])


_ON_THE_WAY: Mapping[str | None, Callable[[Fault, Endpoint, Reply, Received], Reply]] = {
    "truncate": _truncate,
    "reset": _reset,
    "error_event": _error_event,
}


_NO_BYTES: Mapping[str | None, Ending] = {"disconnect": "hang_up", "lost": "lost"}


def _encode(body: Any) -> bytes:
    """Take a user's body as bytes, as text, or as a value to be written as JSON."""
    if isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else dumps(body)).encode("utf-8", "replace")
