"""Which proxy leads to an origin."""

from __future__ import annotations

import pytest

from minimax_sync.net.proxies import label, proxy_for


@pytest.mark.parametrize(
    ("origin", "chosen", "proxy"),
    [
        ("https://api.minimax.io", None, "http://env:1"),
        ("http://api.minimax.io", None, None),
        ("https://local.example", None, None),
        ("https://api.minimax.io", "http://mine:2", "http://mine:2"),
        ("http://api.minimax.io", "http://mine:2", "http://mine:2"),
        ("http://127.0.0.1:80", "http://mine:2", None),
        ("http://[::1]:80", "http://mine:2", None),
        ("http://a.localhost", "http://mine:2", None),
    ],
)
def test_a_chosen_proxy_counts_for_all_but_loopback_and_the_environments_for_https(
    origin: str, chosen: str | None, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://env:1")
    monkeypatch.setenv("HTTP_PROXY", "http://env:1")
    monkeypatch.setenv("NO_PROXY", "local.example")
    assert proxy_for(origin, chosen) == proxy


def test_a_label_shows_neither_user_nor_password() -> None:
    assert label("http://user:secret@proxy:8080/path") == "http://proxy:8080"
    assert label("user:secret@proxy") == "proxy"
