"""A key that does not change, as a source of bearer tokens. No file, no network, no clock."""

from __future__ import annotations

from typing import Any, NoReturn

from ..errors import ConfigError, CredentialInvalidError
from ..secret import check_key
from ..tracebacks import sealed


class StaticKey:
    """Send this key with every call.

    The key is stripped and must be printable ASCII without spaces; a ConfigError names `source`, never the key.
    Cannot be pickled, so that no key leaves the process.

    >>> with MiniMaxClient(auth=StaticKey(emulator.api_key), base_url=emulator.base_url) as other:
    ...     print(other.chat("Hello").text)
    You said: "Hello".
    """

    can_refresh = False

    @sealed
    def __init__(self, key: str, *, source: str = "api_key argument") -> None:
        self._key = check_key(key, source)
        self._source = source

    def bearer(self, timeout: float | None = None) -> str:
        """Return the key."""
        return self._key.reveal()

    def force_refresh(self, rejected: str, timeout: float | None = None) -> str:
        """Raise CredentialInvalidError: a static key cannot be refreshed."""
        del rejected  # a traceback that shows locals must not show the key
        raise CredentialInvalidError(f"the key was not accepted (it comes from {self._source})")

    def __repr__(self) -> str:
        return f"StaticKey({self._key!r}, source={self._source!r})"

    def __copy__(self) -> StaticKey:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> StaticKey:
        return self

    def __reduce__(self) -> NoReturn:
        raise ConfigError(
            "a StaticKey cannot be pickled: put the key into an environment variable, llm.yaml, "
            "./secrets/minimax_code_plan_key.txt or a Token Plan bundle, where every process finds it"
        )
