"""Credentials that the user's own code supplies: a function that returns a key, or an object with `bearer()`.

No file, no network, no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

from ..errors import CredentialInvalidError, LlmError
from ..secret import check_key


class UserAuth:
    """Ask the user's code for a key before each request, retries included.

    `force_refresh` is called once with a token that was refused; without it (`can_refresh` False) a refusal is final.
    `timeout` is passed to callables that accept it. An error of the user's code is raised as a CredentialInvalidError
    with its type and message, from the original; an `LlmError` is not converted. Raises ConfigError for a key that
    cannot be sent.
    """

    def __init__(
        self,
        bearer: Callable[..., object],
        force_refresh: Callable[..., object] | None = None,
        *,
        name: str,
        source: str,
    ) -> None:
        self.can_refresh = force_refresh is not None
        self._bearer = bearer
        self._force_refresh = force_refresh
        self._takes_timeout = {id(call): _takes_timeout(call) for call in (bearer, force_refresh) if call}
        self._name = name
        self._source = source

    def bearer(self, timeout: float | None = None) -> str:
        """Return the key of the user's code, waiting as long as it takes."""
        return self._ask(self._bearer, timeout)

    def force_refresh(self, rejected: str, timeout: float | None = None) -> str:
        """Return another key than `rejected`."""
        if self._force_refresh is None:
            raise CredentialInvalidError(f"the key was not accepted (it comes from {self._source})")
        return self._ask(self._force_refresh, timeout, rejected)

    def _ask(self, call: Callable[..., object], timeout: float | None, *arguments: str) -> str:
        options: dict[str, Any] = {"timeout": timeout} if self._takes_timeout[id(call)] else {}
        try:
            key = call(*arguments, **options)
        except LlmError:
            raise
        except Exception as error:
            raise CredentialInvalidError(f"{self._source} failed: {type(error).__name__}: {error}") from error
        return check_key(key, f"{self._source}, {self._name}").reveal()

    def __repr__(self) -> str:
        return f"<auth {self._name}>"


def _takes_timeout(call: Callable[..., object]) -> bool:
    try:
        return "timeout" in signature(call).parameters
    except (TypeError, ValueError):  # some functions written in C
        return False
