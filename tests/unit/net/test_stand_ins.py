"""Mocks and instrumentations are noticed by what they replace."""

from __future__ import annotations

import functools
import http.client

import pytest
import requests
import urllib3.connectionpool

from minimax_sync.net.stand_ins import replaced


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (requests.Session, "send"),
        (requests.Session, "get_adapter"),
        (requests.adapters.HTTPAdapter, "send"),
        (urllib3.connectionpool.HTTPConnectionPool, "urlopen"),
        (urllib3.connectionpool.HTTPConnectionPool, "ConnectionCls"),
        (http.client.HTTPConnection, "request"),
    ],
)
def test_a_replaced_method_is_noticed_until_it_is_put_back(
    owner: type, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert replaced() is None
    original = getattr(owner, name)

    @functools.wraps(original)
    def wrapper(*args: object, **kwargs: object) -> object:
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, wrapper)
    state = replaced()
    assert state is not None
    assert replaced() is state
    monkeypatch.undo()
    assert replaced() is None
