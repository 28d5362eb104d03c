"""A key that a function returns: asked before every request, its errors named, its key never shown."""

from __future__ import annotations

import pytest

from minimax_sync.auth.key_function import KeyFunction
from minimax_sync.errors import ConfigError, CredentialInvalidError, ServerError


def test_the_function_is_called_for_every_bearer() -> None:
    keys = iter(["sk-first", " sk-second "])
    auth = KeyFunction(lambda: next(keys))
    assert [auth.bearer(), auth.bearer()] == ["sk-first", "sk-second"]


def test_its_error_is_the_cause_and_an_error_of_this_library_passes_through() -> None:
    def fail(error: Exception) -> str:
        raise error

    with pytest.raises(CredentialInvalidError, match=r"vault: the function .* failed: OSError: sealed") as caught:
        KeyFunction(lambda: fail(OSError("sealed")), "vault").bearer()
    assert isinstance(caught.value.__cause__, OSError)
    with pytest.raises(ServerError, match="later"):
        KeyFunction(lambda: fail(ServerError("later"))).bearer()


def test_what_is_not_a_key_is_refused_by_source_and_not_shown() -> None:
    with pytest.raises(ConfigError, match="argument api_key: the function's key") as caught:
        KeyFunction(lambda: "sk-canary with a space").bearer()
    assert "canary" not in str(caught.value)


def test_a_rejected_key_cannot_be_refreshed_and_is_not_in_the_error() -> None:
    auth = KeyFunction(lambda: "sk-canary")
    with pytest.raises(CredentialInvalidError) as caught:
        auth.force_refresh("sk-canary")
    assert "canary" not in f"{caught.value}{auth!r}"
