"""Base URLs, wires and the hosts that may be sent a token."""

from __future__ import annotations

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimax_sync.endpoints import (
    API_HOSTS,
    Flavor,
    host_of,
    may_receive_token,
    page_url,
    parse_flavor,
    portal_redirect,
    portal_url,
    resolve_endpoint,
)
from minimax_sync.errors import ConfigError

OPENAI: Flavor = "openai_compat"
ANTHROPIC: Flavor = "anthropic_messages"


@pytest.mark.parametrize(
    ("text", "flavor"),
    [
        ("openai_compat", OPENAI),
        ("openai", OPENAI),
        ("anthropic_messages", ANTHROPIC),
        ("anthropic-messages", ANTHROPIC),
        ("anthropic", ANTHROPIC),
    ],
)
def test_a_flavor_has_its_spellings(text: str, flavor: Flavor) -> None:
    assert parse_flavor(text, "here") == flavor


@pytest.mark.parametrize("text", ["", "OpenAI", "claude", "openai-compat", None, 3, ["openai"]])
def test_any_other_flavor_is_an_error_that_names_its_source(text: object) -> None:
    with pytest.raises(ConfigError, match=r"^llm.yaml:3 api_flavor: unknown api_flavor.*use one of openai_compat, "):
        parse_flavor(text, "llm.yaml:3 api_flavor")


@pytest.mark.parametrize("host", sorted(API_HOSTS))
@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/anthropic", "/anthropic//"])
@pytest.mark.parametrize(
    ("flavor", "suffix"), [(OPENAI, "/v1/text/chatcompletion_v2"), (ANTHROPIC, "/anthropic/v1/messages")]
)
def test_on_minimaxs_hosts_the_wire_puts_its_own_base(host: str, path: str, flavor: Flavor, suffix: str) -> None:
    endpoint = resolve_endpoint(f"https://{host}{path}", flavor)
    assert endpoint.chat_url == f"https://{host}{suffix}"
    assert endpoint.base_url == f"https://{host}{path}"
    assert endpoint.is_minimax


@pytest.mark.parametrize(
    ("base_url", "flavor", "chat_url"),
    [
        ("https://api.minimax.io", OPENAI, "https://api.minimax.io/v1/text/chatcompletion_v2"),
        ("https://api.minimax.io/v1", OPENAI, "https://api.minimax.io/v1/text/chatcompletion_v2"),
        ("https://api.minimaxi.com/anthropic", ANTHROPIC, "https://api.minimaxi.com/anthropic/v1/messages"),
        ("HTTPS://API.MiniMax.io:443/anthropic/", ANTHROPIC, "https://api.minimax.io/anthropic/v1/messages"),
        ("https://api.minimax.io/beta", OPENAI, "https://api.minimax.io/beta/text/chatcompletion_v2"),
        ("http://127.0.0.1:8080", OPENAI, "http://127.0.0.1:8080/text/chatcompletion_v2"),
        ("http://127.0.0.1:8080/v1/", OPENAI, "http://127.0.0.1:8080/v1/text/chatcompletion_v2"),
        ("http://[::1]:8080/anthropic", ANTHROPIC, "http://[::1]:8080/anthropic/v1/messages"),
        ("http://my_vllm:8000/v1", OPENAI, "http://my_vllm:8000/v1/text/chatcompletion_v2"),
        (
            "https://gateway.example/minimax/anthropic///",
            ANTHROPIC,
            "https://gateway.example/minimax/anthropic/v1/messages",
        ),
        (
            "https://gateway.example/not-anthropic",
            OPENAI,
            "https://gateway.example/not-anthropic/text/chatcompletion_v2",
        ),
        ("https://api.minimax.io.example/v1", OPENAI, "https://api.minimax.io.example/v1/text/chatcompletion_v2"),
    ],
)
def test_without_a_flavor_the_end_of_the_base_url_chooses(base_url: str, flavor: Flavor, chat_url: str) -> None:
    endpoint = resolve_endpoint(base_url)
    assert (endpoint.flavor, endpoint.chat_url) == (flavor, chat_url)


def test_elsewhere_an_explicit_flavor_leaves_the_base_url_alone() -> None:
    assert resolve_endpoint("https://gw.example/v1", ANTHROPIC).chat_url == "https://gw.example/v1/v1/messages"
    assert (
        resolve_endpoint("https://gw.example/anthropic", OPENAI).chat_url
        == "https://gw.example/anthropic/text/chatcompletion_v2"
    )
    assert not resolve_endpoint("https://gw.example/anthropic").is_minimax


@pytest.mark.parametrize(
    ("base_url", "flavor", "chat_path", "chat_url"),
    [
        ("http://127.0.0.1:8000/v1", OPENAI, "/chat/completions", "http://127.0.0.1:8000/v1/chat/completions"),
        ("http://127.0.0.1:8000/v1/", None, "chat/completions", "http://127.0.0.1:8000/v1/chat/completions"),
        ("https://api.minimax.io", None, "/chat/completions", "https://api.minimax.io/v1/chat/completions"),
        ("https://gw.example", None, "//evil.example/x", "https://gw.example/evil.example/x"),
        ("https://gw.example/anthropic", None, "/chat/completions", "https://gw.example/anthropic/v1/messages"),
    ],
)
def test_chat_path_replaces_the_path_of_the_openai_wire_alone(
    base_url: str, flavor: Flavor | None, chat_path: str, chat_url: str
) -> None:
    assert resolve_endpoint(base_url, flavor, chat_path).chat_url == chat_url


@pytest.mark.parametrize("chat_path", ["", "/", "/a b", "/a?b=c", "/a#b", "/a\\b", "/\n", 7])
def test_a_bad_chat_path_is_an_error_that_names_it(chat_path: str) -> None:
    with pytest.raises(ConfigError, match=r"^chat_path: write a path"):
        resolve_endpoint("https://gw.example", None, chat_path)


@pytest.mark.parametrize(
    ("base_url", "fault"),
    [
        ("", "does not begin with https://"),
        ("api.minimax.io", "does not begin with https://"),
        ("ftp://api.minimax.io", "does not begin with https://"),
        ("https:evil.example", "does not begin with https://"),
        ("https:/evil.example", "does not begin with https://"),
        ("https://", "names no host"),
        ("https:///v1", "names no host"),
        ("https://:443", "names no host"),
        ("https://user:hunter2@api.minimax.io/", "user name or password"),
        ("https://api.minimax.io@evil.example/", "user name or password"),
        ("https://evil.example\\@api.minimax.io/", "backslash"),
        ("https://api.minimax.io /v1", "space or a control"),
        ("https://api.minimax.io\n", "space or a control"),
        ("https://api.mini\tmax.io", "space or a control"),
        (" https://api.minimax.io", "space or a control"),
        ("https://api.minimax.io?x=1", "a query"),
        ("https://api.minimax.io/v1?", "a query"),
        ("https://api.minimax.io/v1#top", "a fragment"),
        ("https://api.minimax.io:port", "port is not a number"),
        ("https://api.minimax.io:/v1", "port is not a number"),
        ("https://[::1]:x", "port is not a number"),
        ("https://api.minimax.io:0", "malformed"),
        ("https://api.minimax.io:65536", "malformed"),
        ("https://api..minimax.io", "malformed"),
        ("https://[::1", "malformed"),
        ("https://[::1::2]", "malformed"),
        ("https://api.minimax.io/%zz", "malformed"),
        ("https://api.m\u0456nimax.io", "xn--"),
        ("https://\u212aelvin.example", "xn--"),
        ("http\u017f://api.minimax.io", "does not begin with https://"),
        ("http://api.minimax.io/v1", "over https only"),
        ("http://api.minimaxi.com.", "over https only"),
        (b"https://api.minimax.io", "bytes, not text"),
    ],
)
def test_a_bad_base_url_is_an_error_that_says_where_and_why(base_url: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=r"^environment variable MINIMAX_BASE_URL: ") as caught:
        resolve_endpoint(base_url, source="environment variable MINIMAX_BASE_URL")
    assert fault in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_services_live_at_the_origin() -> None:
    assert (
        resolve_endpoint("https://api.minimax.io/anthropic").service_url("/v1/embeddings")
        == "https://api.minimax.io/v1/embeddings"
    )
    assert resolve_endpoint("http://localhost:80/deep/v1").service_url("/v1/models") == "http://localhost/v1/models"


@pytest.mark.parametrize(
    "url",
    [
        *(f"https://{host}/oauth/token" for host in sorted(API_HOSTS)),
        "https://account.minimax.io/oauth2/token",
        "https://account.minimaxi.com/oauth2/token?x=%20y",
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
def test_a40_no_trick_makes_another_host_look_like_minimaxs(url: str) -> None:
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
        ("http://127.0.0.1:9", "http://127.0.0.1:9/anthropic", "http://127.0.0.1:9/oauth/token"),
        ("http://127.0.0.1:9/portal/anthropic/", "http://127.0.0.1:9", "http://127.0.0.1:9/portal/oauth/token"),
    ],
)
def test_a_region_has_its_portal(region: str, by_hand: str | None, url: str) -> None:
    assert portal_url(region, "/oauth/token", by_hand) == url


def test_a_strange_region_is_refused_by_its_host_and_told_how_to_be_allowed() -> None:
    with pytest.raises(ConfigError, match=r"^region: evil\.example is not one of MiniMax's own .* set base_url"):
        portal_url("https://evil.example/deep/secret", "/oauth/token", "http://127.0.0.1:8080")


def test_a_password_in_a_url_is_not_in_the_traceback_text() -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_endpoint("https://user:hunter2@api.minimax.io/")
    assert "hunter2" not in "".join(traceback.format_exception_only(caught.value))


@pytest.mark.parametrize(
    ("status", "location", "target"),
    [
        (307, "https://account.minimax.io/oauth2/token", "https://account.minimax.io/oauth2/token"),
        (308, "https://account.minimaxi.com/oauth2/token?a=b", "https://account.minimaxi.com/oauth2/token?a=b"),
        (307, "/oauth2/token", "https://api.minimax.io/oauth2/token"),
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
def test_a41_only_a_307_or_308_to_minimaxs_own_hosts_is_followed(
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


def test_a_host_is_told_for_messages() -> None:
    assert host_of("https://Evil.example:8443/secret?a=b") == "evil.example"
    assert host_of("https://u:p@evil.example/") is None
