"""Base URLs and wires: where a request goes."""

from __future__ import annotations

import traceback

import pytest

from minimax_sync.errors import ConfigError
from minimax_sync.settings.endpoints import (
    API_HOSTS,
    parse_flavor,
    plan_base_url,
    resolve_endpoint,
)
from minimax_sync.wires.table import Flavor

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


@pytest.mark.parametrize("host", sorted(API_HOSTS))
@pytest.mark.parametrize(
    ("path", "flavor", "suffix"),
    [
        ("/anthropic/v1", ANTHROPIC, "/anthropic/v1/messages"),
        ("/anthropic/v1/messages", ANTHROPIC, "/anthropic/v1/messages"),
        ("/anthropic/v1/messages/", ANTHROPIC, "/anthropic/v1/messages"),
        ("/v1/messages", ANTHROPIC, "/anthropic/v1/messages"),
        ("/v1/chat/completions", OPENAI, "/v1/text/chatcompletion_v2"),
        ("/v1/text/chatcompletion_v2", OPENAI, "/v1/text/chatcompletion_v2"),
    ],
)
def test_a_pasted_endpoint_of_minimax_is_understood(host: str, path: str, flavor: Flavor, suffix: str) -> None:
    endpoint = resolve_endpoint(f"https://{host}{path}")
    assert (endpoint.flavor, endpoint.chat_url) == (flavor, f"https://{host}{suffix}")


@pytest.mark.parametrize(
    ("base_url", "flavor"),
    [
        ("http://127.0.0.1:8000/v1/chat/completions", OPENAI),
        ("http://127.0.0.1:8000/chat/completions", OPENAI),
        ("http://127.0.0.1:8000/v1/text/chatcompletion_v2", OPENAI),
        ("https://gw.example/minimax/anthropic/v1/messages", ANTHROPIC),
        ("https://gw.example/v1/messages", ANTHROPIC),
    ],
)
def test_a_pasted_endpoint_of_another_server_is_used_as_it_is(base_url: str, flavor: Flavor) -> None:
    for explicit in (None, flavor):
        endpoint = resolve_endpoint(base_url, explicit)
        assert (endpoint.flavor, endpoint.chat_url) == (flavor, base_url)
    assert resolve_endpoint("http://127.0.0.1:8/anthropic/v1").chat_url == "http://127.0.0.1:8/anthropic/v1/messages"


def test_a_chat_path_replaces_the_one_that_was_pasted() -> None:
    endpoint = resolve_endpoint("http://127.0.0.1:8000/v1/chat/completions", None, "/mine")
    assert endpoint.chat_url == "http://127.0.0.1:8000/v1/mine"


@pytest.mark.parametrize(
    ("base_url", "flavor"),
    [("http://127.0.0.1:8/v1/chat/completions", ANTHROPIC), ("https://api.minimax.io/anthropic/v1/messages", OPENAI)],
)
def test_a_pasted_endpoint_of_the_other_wire_is_refused(base_url: str, flavor: Flavor) -> None:
    with pytest.raises(ConfigError, match=rf"^here: it ends in /\S+, which belongs to api_flavor \w+, not {flavor}$"):
        resolve_endpoint(base_url, flavor, source="here")


@pytest.mark.parametrize("family", ["minimax.io", "minimaxi.com", "minimax.cn"])
@pytest.mark.parametrize("name", ["www", "platform"])
def test_a_host_of_web_pages_is_refused_with_the_host_of_the_api(name: str, family: str) -> None:
    with pytest.raises(ConfigError, match=rf"^base_url: {name}\.{family} serves .*; write https://api\.{family}$"):
        resolve_endpoint(f"https://{name}.{family}/v1")


@pytest.mark.parametrize("end", ["", "/", "///", "/anthropic", "/anthropic/", "/v1", "/anthropic/v1/", "//anthropic"])
def test_a_region_makes_no_double_path(end: str) -> None:
    for host in ("https://api.minimax.cn", "https://api.minimaxi.com", "http://127.0.0.1:8/base"):
        assert plan_base_url(host + end) == f"{host}/anthropic"


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
def test_a_bad_base_url_is_an_error_with_its_source_and_the_reason(base_url: str, fault: str) -> None:
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


def test_a_password_in_a_url_is_not_in_the_traceback_text() -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_endpoint("https://user:hunter2@api.minimax.io/")
    assert "hunter2" not in "".join(traceback.format_exception_only(caught.value))
