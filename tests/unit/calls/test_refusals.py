"""Replies that are not answers: refusals, redirects, and bodies of another kind."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from support.http_lab import get, sends
from support.raw_server import RawServer, answer

from minimax_sync.calls.refusals import annotated, describe_body, refusal
from minimax_sync.errors import CredentialInvalidError, LlmError, ResponseFormatError
from minimax_sync.net.session import Http


def refused(status: str, body: bytes = b"", headers: Sequence[str] = ()) -> LlmError:
    http = Http()
    with RawServer(sends(answer(body, status, headers))) as server:
        reply = get(http, server.url)
        error = annotated(refusal(reply, f"{server.url}/v1/chat?GroupId=1"), reply, "check the key")
    http.close()
    return error


def test_a_refused_credential_gets_the_hint_and_no_other_error() -> None:
    error = refused("401 No", b'{"error": {"message": "bad key"}}')
    assert (type(error), error.status) == (CredentialInvalidError, 401)
    assert "bad key" in str(error)
    assert str(error).endswith(". check the key")
    assert "check the key" not in str(refused("500 Oops"))


def test_a_404_names_the_path_without_its_query() -> None:
    assert "Nothing is served at /v1/chat: check base_url" in str(refused("404 No"))


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://other.example/v1?key=canary", " (https://other.example); "),
        ("http://user:canary@other.example:8080/canary", " (http://other.example:8080); "),
        ("//other.example/canary", " (https://other.example); "),
        ("/v1/chat/?key=canary#canary", " (/v1/chat/); "),
        ("https://[::1", "address; "),
        ("https://other.example:canary/", "address; "),
        ("/" + "canary" * 50, "address; "),
        ("/\xfc-canary", "address; "),
    ],
)
def test_a_redirect_names_its_host_or_path_and_no_more(location: str, shown: str) -> None:
    error = refused("308 Moved", headers=[f"Location: {location}"])
    assert shown in str(error)
    assert "canary" not in str(error)


def test_a_redirect_is_named_and_points_to_the_base_url() -> None:
    error = refused("301 Moved")
    assert (type(error), error.status) == (ResponseFormatError, 301)
    assert "check base_url" in str(error)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b" <html>", "the reply is an HTML page (text/html)"),
        (b"", "its body is empty"),
        (b"{}", "not an answer: no choices"),
    ],
)
def test_a_body_of_another_kind_is_described(body: bytes, text: str) -> None:
    http, error = Http(), ResponseFormatError("no choices")
    with RawServer(sends(answer(body, headers=["Content-Type: text/html"]))) as server:
        reply = get(http, server.url)
        describe_body(error, reply, reply.read())
    http.close()
    assert text in str(error)
    assert (error.status, error.body) == (200, body.decode())
