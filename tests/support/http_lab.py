"""Short calls of an `Http`, and scripts for the raw server that answers them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from support.raw_server import Peer

from minimax_sync.errors import LlmError
from minimax_sync.net.reply import Reply
from minimax_sync.net.session import Http


def post(http: Http, url: str, body: bytes = b"{}", **options: Any) -> Reply:
    options = {"headers": {"Authorization": "Bearer canary"}, "deadline": time.monotonic() + 10, **options}
    return http.exchange("POST", url, body=body, **options)


def get(http: Http, url: str, **options: Any) -> Reply:
    return http.exchange("GET", url, **{"headers": {}, "deadline": time.monotonic() + 10, **options})


def failure(http: Http, url: str, **options: Any) -> LlmError:
    """Post and read the answer; return the error that this must end with."""
    with pytest.raises(LlmError) as caught:
        post(http, url, **options).read()
    return caught.value


def sends(*pieces: bytes, then: Callable[[Peer], None] = Peer.finish) -> Callable[[Peer], None]:
    """Make a script that answers one request with these pieces, and then calls `then`."""

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(*pieces, pause=0.01)
        then(peer)

    return script
