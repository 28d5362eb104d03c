"""Keys from a function, and credentials from an object of the user's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from minimax_sync import (
    ConfigError,
    CredentialInvalidError,
    MiniMaxClient,
    RateLimitError,
    RetryPolicy,
    ServerError,
    TokenPlan,
)
from minimax_sync.emulator import Emulator

QUICK = RetryPolicy(initial_backoff_ms=1, max_backoff_ms=2)
Ask = Callable[[MiniMaxClient], str]
ASKS: list[Ask] = [
    lambda client: client.chat("hi").text,
    lambda client: client.stream("hi").response.text,
]
both_ways = pytest.mark.parametrize("ask", ASKS, ids=["whole", "streamed"])


def open_client(base_url: str, **options: Any) -> MiniMaxClient:
    return MiniMaxClient(base_url=base_url, requests_per_second=None, retry=QUICK, **options)


class Bearer:
    """An object that can do nothing but give a token, and counts how often it is asked."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.asked = 0

    def bearer(self) -> str:
        self.asked += 1
        return self.key


@both_ways
def test_a_function_is_called_before_each_request_and_not_before(emulator: Emulator, base_url: str, ask: Ask) -> None:
    asked = 0

    def key() -> str:
        nonlocal asked
        asked += 1
        return emulator.api_key

    with open_client(base_url, api_key=key) as client:
        assert asked == 0
        emulator.fault(status=503)
        assert ask(client)
        assert asked == 2
        assert emulator.api_key not in repr(client)


@both_ways
def test_an_object_needs_bearer_alone(emulator: Emulator, base_url: str, ask: Ask) -> None:
    auth = Bearer(emulator.api_key)
    with open_client(base_url, auth=auth) as client:
        emulator.fault(status=429)
        assert ask(client)
    assert auth.asked == 2


@both_ways
@pytest.mark.parametrize("kind", ["function", "object"])
def test_a_refusal_of_such_a_key_is_final(emulator: Emulator, base_url: str, ask: Ask, kind: str) -> None:
    auth = Bearer("sk-wrong")
    given: dict[str, Any] = {"api_key": auth.bearer} if kind == "function" else {"auth": auth}
    with open_client(base_url, **given) as client, pytest.raises(CredentialInvalidError) as caught:
        ask(client)
    assert (auth.asked, len(emulator.journal)) == (1, 1)
    assert caught.value.status in (200, 401)
    assert "sk-wrong" not in str(caught.value)


@both_ways
def test_an_error_of_the_function_is_raised_with_its_message_and_never_logged(
    emulator: Emulator, base_url: str, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    def key() -> str:
        raise OSError("the vault is sealed")

    caplog.set_level(logging.DEBUG)
    with (
        open_client(base_url, api_key=key) as client,
        pytest.raises(
            CredentialInvalidError, match=r"^argument api_key failed: OSError: the vault is sealed$"
        ) as caught,
    ):
        ask(client)
    assert isinstance(caught.value.__cause__, OSError)
    assert "vault" not in caplog.text
    assert emulator.journal == []


@pytest.mark.parametrize("error", [ServerError("later"), RateLimitError("slowly")])
def test_an_error_of_the_library_passes_through(emulator: Emulator, base_url: str, error: Exception) -> None:
    def key() -> str:
        raise error

    with open_client(base_url, api_key=key) as client, pytest.raises(type(error)) as caught:
        client.chat("hi")
    assert caught.value is error


@pytest.mark.parametrize("key", ["", "two words", None, b"bytes"])
def test_a_bad_key_of_the_function_is_an_error_that_does_not_show_it(
    emulator: Emulator, base_url: str, key: Any
) -> None:
    words = r"^argument api_key, .*<lambda>: the key "
    with open_client(base_url, api_key=lambda: key) as client, pytest.raises(ConfigError, match=words) as caught:
        client.chat("hi")
    assert "two words" not in str(caught.value)


def test_an_object_with_a_refresh_is_asked_for_another_token_once(emulator: Emulator, base_url: str) -> None:
    class Rotating(Bearer):
        def force_refresh(self, rejected: str, timeout: float) -> str:
            assert (rejected, timeout > 0) == ("sk-old", True)
            self.key = emulator.api_key
            return self.key

    auth = Rotating("sk-old")
    with open_client(base_url, auth=auth) as client:
        assert client.chat("hi").text
    assert auth.asked == 2


def test_a_login_as_the_auth_object_is_used_itself(emulator: Emulator) -> None:
    emulator.portal.bundle("b.json", ttl=-5)
    plan = TokenPlan("b.json", base_url=emulator.url)
    with open_client(emulator.anthropic_base_url, auth=plan) as client:
        assert client.chat("hi").text
        assert "TokenPlan" in repr(client)
