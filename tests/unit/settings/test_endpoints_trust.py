"""Which hosts may be sent a token, be redirected to, or be shown to a person."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimax_sync.errors import ConfigError
from minimax_sync.settings.endpoints import (
    API_HOSTS,
    host_of,
    may_receive_token,
    page_url,
    portal_redirect,
    portal_url,
)


@pytest.mark.parametrize(
    "url",
    [
        *(f"https://{host}/oauth/token" for host in sorted(API_HOSTS)),
        "https://account.minimax.io/oauth2/token",
        "https://account.minimaxi.com/oauth2/token?x=%20y",
        "https://account.minimax.cn/oauth2/token",
        "https://api.minimax.io:443/oauth/token",
        "https://API.MINIMAX.IO/oauth/token",
    ],
)
def test_tokens_go_to_minimaxs_own_https_hosts(url: str) -> None:
    assert may_receive_token(url, None)
    assert may_receive_token(url, "http://127.0.0.1:8080")


TRICKS = [
    "",
    "api.minimax.io/oauth/token",
    "//api.minimax.io/oauth/token",
    "/oauth/token",
    "http://api.minimax.io/oauth/token",
    "http://api.minimax.io:443/oauth/token",
    "https:api.minimax.io",
    "https:/api.minimax.io",
    "https:///api.minimax.io",
    "https:evil.example",
    "https://api.minimax.io:8443/oauth/token",
    "https://api.minimax.io:0443443/",
    "https://api.minimax.io./oauth/token",
    "https://api.minimax.io.evil.example/",
    "https://evilapi.minimax.io/",
    "https://minimax.io/",
    "https://platform.minimax.io/",
    "https://www.minimax.cn/",
    "http://account.minimax.cn/oauth2/token",
    "https://api.minimax.io@evil.example/",
    "https://user@api.minimax.io/",
    "https://evil.example\\@api.minimax.io/",
    "https://api.minimax.io\\@evil.example/",
    "https://api.minimax.io\\.evil.example/",
    "https://evil.example%2f@api.minimax.io/",
    "https://api.minimax.io%2f@evil.example/",
    "https://api.minimax.io%00.evil.example/",
    "https://evil.example#@api.minimax.io/",
    "https://api.minimax.io#@evil.example/",
    "https://evil.example?@api.minimax.io/",
    "https://evil.example/https://api.minimax.io/",
    "https://0x7f.1/",
    "https://2130706433/",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://API.MINIMAX.IO.EVIL.EXAMPLE/",
    "https://api.m\u0456nimax.io/",
    "https://api\u3002minimax.io/",
    "https://api.minimax\u2024io/",
    "https://xn--api-minimax.io/",
    "https://api.mini\tmax.io/",
    "https://api.minimax.io\n/",
    " https://api.minimax.io/",
    "https://api.minimax.io/ ",
    "https://api.minimax.io/oauth/token\n",
    "https://api.minimax.io/\x00",
    "wss://api.minimax.io/",
    "javascript://api.minimax.io/",
]


@pytest.mark.parametrize("url", TRICKS)
def test_A40_no_trick_makes_another_host_look_like_minimaxs(url: str) -> None:
    assert not may_receive_token(url, None)
    assert not may_receive_token(url, "https://gateway.example")
    with pytest.raises(ConfigError, match=r"^region of the bundle: "):
        portal_url(url, "/oauth/token", None, source="region of the bundle")


@pytest.mark.parametrize(
    ("url", "by_hand", "allowed"),
    [
        ("http://127.0.0.1:8080/oauth/token", "http://127.0.0.1:8080/anthropic", True),
        ("http://LOCALHOST/oauth/token", "http://localhost:80", True),
        ("http://[0:0:0:0:0:0:0:1]:9/x", "http://[::1]:9", True),
        ("https://gateway.example/oauth/token", "https://gateway.example:443/v1", True),
        ("http://127.0.0.1:8081/oauth/token", "http://127.0.0.1:8080", False),
        ("http://127.0.0.2:8080/oauth/token", "http://127.0.0.1:8080", False),
        ("https://127.0.0.1:8080/oauth/token", "http://127.0.0.1:8080", False),
        ("http://localhost:8080/oauth/token", "http://127.0.0.1:8080", False),
        ("https://gateway.example./oauth/token", "https://gateway.example", False),
        ("https://u@gateway.example/oauth/token", "https://gateway.example", False),
        ("http://api.minimax.io/oauth/token", "http://api.minimax.io", False),
        ("http://127.0.0.1:8080/", "", False),
    ],
)
def test_a_token_goes_to_the_very_origin_set_by_hand_and_no_further(url: str, by_hand: str, allowed: bool) -> None:
    assert may_receive_token(url, by_hand) is allowed


@given(st.text(alphabet="htps:/@\\#?%.apiminmaxo0127[]xe \n\u3002", max_size=40), st.sampled_from(["", "https://"]))
def test_whatever_may_receive_a_token_is_minimaxs_in_plain_sight(text: str, scheme: str) -> None:
    url = scheme + text
    if may_receive_token(url, None):
        assert url.lower().removeprefix("https://").split("/")[0].split("?")[0].removesuffix(":443") in API_HOSTS


@pytest.mark.parametrize(
    ("region", "by_hand", "url"),
    [
        ("https://api.minimax.io", None, "https://api.minimax.io/oauth/token"),
        ("https://api.minimax.io/", None, "https://api.minimax.io/oauth/token"),
        ("https://api.minimaxi.com/anthropic", None, "https://api.minimaxi.com/oauth/token"),
        ("https://api.minimax.cn/v1/", None, "https://api.minimax.cn/oauth/token"),
        ("https://api.minimaxi.com/anthropic/v1//", None, "https://api.minimaxi.com/oauth/token"),
        ("http://127.0.0.1:9", "http://127.0.0.1:9/anthropic", "http://127.0.0.1:9/oauth/token"),
        ("http://127.0.0.1:9/portal/anthropic/", "http://127.0.0.1:9", "http://127.0.0.1:9/portal/oauth/token"),
    ],
)
def test_a_region_has_its_portal(region: str, by_hand: str | None, url: str) -> None:
    assert portal_url(region, "/oauth/token", by_hand) == url


def test_an_unknown_region_is_refused_with_its_host_and_the_way_to_allow_it() -> None:
    with pytest.raises(ConfigError, match=r"^region: evil\.example is not one of MiniMax's own .* set base_url"):
        portal_url("https://evil.example/deep/secret", "/oauth/token", "http://127.0.0.1:8080")


@pytest.mark.parametrize(
    ("status", "location", "target"),
    [
        (307, "https://account.minimax.io/oauth2/token", "https://account.minimax.io/oauth2/token"),
        (308, "https://account.minimaxi.com/oauth2/token?a=b", "https://account.minimaxi.com/oauth2/token?a=b"),
        (307, "https://account.minimax.cn/oauth2/token", "https://account.minimax.cn/oauth2/token"),
        (307, "/oauth2/token", "https://api.minimax.io/oauth2/token"),
        (307, "https://platform.minimax.cn/oauth2/token", None),
        (301, "https://account.minimax.io/oauth2/token", None),
        (302, "https://account.minimax.io/oauth2/token", None),
        (303, "https://account.minimax.io/oauth2/token", None),
        (200, "https://account.minimax.io/oauth2/token", None),
        (307, None, None),
        (307, "", None),
        (307, "oauth2/token", None),
        (307, "//account.minimax.io/oauth2/token", None),
        (307, "//evil.example/oauth2/token", None),
        (307, "@evil.example/", None),
        (307, ".evil.example/", None),
        (307, "/\\evil.example", None),
        (307, "http://account.minimax.io/oauth2/token", None),
        (307, "https://evil.example/oauth2/token", None),
        (307, "http://127.0.0.1:8080/oauth/token", None),
        (307, "https://[::1", None),
    ],
)
def test_A41_only_a_307_or_308_to_minimaxs_own_hosts_is_followed(
    status: int, location: str | None, target: str | None
) -> None:
    assert portal_redirect("https://api.minimax.io/oauth/token", status, location) == target
    if location and location.startswith("/"):
        assert portal_redirect("http://127.0.0.1:8080/oauth/token", status, location) is None


def test_a_portal_set_by_hand_may_redirect_to_minimaxs_own_hosts_and_not_within_itself() -> None:
    here = "http://127.0.0.1:8080/oauth/token"
    assert portal_redirect(here, 307, "https://api.minimax.io/oauth/token") == "https://api.minimax.io/oauth/token"
    assert portal_redirect(here, 307, "http://127.0.0.1:8080/oauth2/token") is None
    assert portal_redirect("not a url", 307, "https://api.minimax.io/oauth/token") is None


@pytest.mark.parametrize(
    ("text", "by_hand", "page"),
    [
        ("https://platform.minimax.io/login?a=%20b#/c", None, "https://platform.minimax.io/login?a=%20b#/c"),
        ("https://www.minimax.io/oauth-authorize?x", None, "https://platform.minimax.io/oauth-authorize?x"),
        ("https://WWW.minimaxi.com", None, "https://platform.minimaxi.com"),
        ("https://www.minimax.cn/oauth-authorize?x", None, "https://platform.minimax.cn/oauth-authorize?x"),
        ("http://platform.minimax.cn/", None, None),
        ("http://127.0.0.1:9/p", "http://127.0.0.1:9/anthropic", "http://127.0.0.1:9/p"),
        ("http://127.0.0.1:9/p", "http://127.0.0.1:8", None),
        ("http://127.0.0.1:9/p", None, None),
        ("http://www.minimax.io/", None, None),
        ("https://u:p@www.minimax.io/", None, None),
        ("https://www.minimax.io/#\x1b[2J", None, None),
        ("https://www.minimax.io/#é", None, None),
        ("file:///etc/passwd", None, None),
        ("javascript:alert(1)", None, None),
        ("", None, None),
        (None, None, None),
        (5, None, None),
    ],
)
def test_only_a_web_page_is_shown_to_a_person_and_at_its_present_host(
    text: object, by_hand: str | None, page: str | None
) -> None:
    assert page_url(text, by_hand) == page


def test_the_host_of_a_url_is_read_for_messages() -> None:
    assert host_of("https://Evil.example:8443/secret?a=b") == "evil.example"
    assert host_of("https://u:p@evil.example/") is None
