"""A replaced method or class is found at the next request, whenever it was replaced, and its end is, too."""

from __future__ import annotations

import functools
import http.client
import sys
from typing import Any
from unittest import mock

import pytest
import requests
import urllib3
from support.run_python import run_python

from minimax_sync.net.stand_ins import replaced

PLACES: list[tuple[Any, str]] = [
    (requests.Session, "send"),
    (requests.Session, "request"),
    (requests.Session, "get_adapter"),
    (requests, "Session"),
    (requests.adapters.HTTPAdapter, "send"),
    (urllib3.connectionpool.HTTPConnectionPool, "urlopen"),
    (urllib3.connectionpool.HTTPConnectionPool, "_make_request"),
    (urllib3.connectionpool.HTTPConnectionPool, "ConnectionCls"),
    (urllib3.connectionpool.HTTPSConnectionPool, "ConnectionCls"),
    (urllib3.connection.HTTPConnection, "request"),
    (urllib3.connection.HTTPConnection, "connect"),
    (http.client.HTTPConnection, "putrequest"),
    (http.client.HTTPConnection, "getresponse"),
    (http.client, "HTTPConnection"),
]


def wrapped(original: Any) -> Any:
    if isinstance(original, type):
        return type(original.__name__, (original,), {})

    @functools.wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return original(*args, **kwargs)

    return wrapper


@pytest.mark.parametrize("by", [wrapped, lambda original: mock.MagicMock(original)], ids=["a wrapper", "a mock"])
@pytest.mark.parametrize(("owner", "name"), PLACES, ids=[f"{owner.__name__}.{name}" for owner, name in PLACES])
def test_what_was_replaced_is_seen_while_it_is(owner: Any, name: str, by: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert replaced() is None
    monkeypatch.setattr(owner, name, by(getattr(owner, name)))
    state = replaced()
    assert state is not None
    assert replaced() is state
    monkeypatch.undo()
    assert replaced() is None


def test_what_was_replaced_before_the_first_look_is_seen() -> None:
    code = """
        import requests
        send = requests.Session.send
        requests.Session.send = lambda *args, **kwargs: send(*args, **kwargs)
        from minimax_sync.net.stand_ins import replaced
        assert replaced()
        requests.Session.send = send
        assert not replaced()
    """
    run_python(code)


def test_without_requests_nothing_of_it_is_replaced() -> None:
    code = """
        import sys
        from minimax_sync.net.stand_ins import replaced
        assert not replaced()
        assert "requests" not in sys.modules
        import requests
        assert not replaced()
    """
    run_python(code)
    assert "requests" in sys.modules
