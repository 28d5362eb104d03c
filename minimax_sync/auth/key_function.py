"""A key that a function of the user's returns, called before each request. No file, no network, no clock."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import CredentialInvalidError, LlmError
from ..secret import check_key


class KeyFunction:
    """Call `function` for every request, retries included, and send the key that it returns."""

    def __init__(self, function: Callable[[], str], source: str = "argument api_key") -> None:
        self._function = function
        self._source = source

    @property
    def identity(self) -> str:
        """A name for the limiter that clients with the same function share."""
        return f"{getattr(self._function, '__qualname__', type(self._function).__name__)} at {id(self._function)}"

    def bearer(self, timeout: float | None = None) -> str:
        """Return a key from the function.

        Raises ConfigError when it is not a key, and CredentialInvalidError with the words of an error that the function
        raises; an `LlmError` of its own passes through.
        """
        try:
            key = self._function()
        except LlmError:
            raise
        except Exception as error:
            raise CredentialInvalidError(
                f"{self._source}: the function that returns the key failed: {type(error).__name__}: {error}"
            ) from error
        return check_key(key, f"{self._source}: the function's key").reveal()

    def force_refresh(self, rejected: str, timeout: float | None = None) -> str:
        """Raise CredentialInvalidError: the function has just been called."""
        del rejected  # a traceback that shows locals must not show the key
        raise CredentialInvalidError(f"the key was not accepted (it comes from {self._source}, a function)")

    def __repr__(self) -> str:
        return f"<key of {self.identity}>"
