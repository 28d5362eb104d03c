"""B17, B22: what the request of a call carries, and that its key goes to no other server."""

from __future__ import annotations

import re

import pytest
from support.canary import KEY, PROMPT
from support.raw_server import RawServer
from support.wire_server import QUICK, Wire, ask, failing, failure, replies, whole

from minimax_sync import ResponseFormatError


def test_B17_cookies_are_not_sent_back(wire: Wire, how: str) -> None:
    good = whole(wire, how).replace(b"\r\n", b"\r\nSet-Cookie: id=1; Path=/\r\n", 1)
    with RawServer(replies(good)) as server, wire.client(server) as client:
        for _ in range(20):
            ask(client, how)
    assert not any("cookie" in request.headers for request in server.requests)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_B22_a_redirect_is_refused_and_the_key_goes_nowhere_else(wire: Wire, how: str, status: int) -> None:
    with RawServer(replies(b""), address="127.0.0.2") as other:
        step = failing(f"{status} Elsewhere", headers=[f"Location: {other.url}/v1/messages"])
        with RawServer(replies(step)) as server:
            error = failure(wire.client(server), how)
    assert type(error) is ResponseFormatError
    assert "redirect" in str(error)
    assert (len(server.requests), other.connections) == (1, 0)


def test_the_request_on_the_wire_has_one_bearer_and_the_path_of_its_wire(wire: Wire, how: str) -> None:
    with RawServer(replies(whole(wire, how))) as server, wire.client(server) as client:
        ask(client, how)
    (request,) = server.requests
    assert request.line == f"POST {wire.path} HTTP/1.1"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert re.search(r'"stream": ?true', request.body.decode()) is not None or how == "chat"
    assert wire.asked(request.body) == PROMPT
    assert QUICK.rate_limit_attempts == 5
