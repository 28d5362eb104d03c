"""Which proxy leads where, and how it is named."""

from __future__ import annotations

import pytest

from minimax_sync.net.proxies import label, proxy_for

CHOSEN = "http://user:secret@proxy:3128"


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://api.minimax.io", CHOSEN),
        ("http://gateway.example", CHOSEN),
        ("https://10.0.0.1:8443", CHOSEN),
        ("http://127.0.0.1:8000", None),
        ("http://localhost:8000", None),
        ("https://model.localhost", None),
        ("http://[::1]:8000", None),
    ],
)
def test_a_chosen_proxy_counts_for_all_but_loopback(
    origin: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://other:1")
    monkeypatch.setenv("no_proxy", "*")
    assert proxy_for(origin, CHOSEN) == expected


@pytest.mark.parametrize(
    ("environment", "origin", "expected"),
    [
        ({}, "https://api.minimax.io", None),
        ({"HTTPS_PROXY": "http://proxy:1"}, "https://api.minimax.io", "http://proxy:1"),
        ({"https_proxy": "proxy:1"}, "https://api.minimax.io", "http://proxy:1"),
        ({"ALL_PROXY": "socks5h://proxy:1"}, "https://api.minimax.io", "socks5h://proxy:1"),
        ({"HTTPS_PROXY": "http://proxy:1"}, "http://gateway.example", None),
        ({"HTTP_PROXY": "http://proxy:1"}, "http://gateway.example", None),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": ".minimax.io"}, "https://api.minimax.io", None),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "10.0.0.0/8"}, "https://10.1.2.3", None),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "other.io"}, "https://api.minimax.io", "http://proxy:1"),
    ],
)
def test_the_environments_proxy_counts_for_https(
    environment: dict[str, str], origin: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("https_proxy", "http_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(origin, None) == expected


@pytest.mark.parametrize(
    "proxy", ["http://proxy:3128", "http://user:secret@proxy:3128", "http://user:se@cret@proxy:3128/secret"]
)
def test_a_label_holds_no_password(proxy: str) -> None:
    assert label(proxy) == "http://proxy:3128"
    assert label("user:secret@proxy") == "proxy"
