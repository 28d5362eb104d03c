"""A key or token in hand, wrapped so that it cannot slip into a repr, a log line, a pickle or a traceback's locals.

Owns the wrapper and the one check of what a key may look like. Knows nothing of where keys come from or go to.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

from .errors import ConfigError

HIDDEN = "****"

_SHORTEST_SHOWN = 20


class Secret:
    """Hold a key or token that prints as ``****``. Immutable; compares and hashes by value; cannot be pickled."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself, for the one place that puts it on the wire."""
        return self._value

    def masked(self) -> str:
        """Return enough for its owner to recognise it: four characters at either end of a long one, else ``****``."""
        if len(self._value) < _SHORTEST_SHOWN:
            return HIDDEN
        return f"{self._value[:4]}…{self._value[-4:]}"

    def __repr__(self) -> str:
        return HIDDEN

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return self._value == other._value if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._value)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise ConfigError(
            "a key cannot be pickled; let every process find its own, in an environment variable, llm.yaml, "
            "./secrets/minimax_code_plan_key.txt or a Token Plan bundle"
        )


class StoreUrl(str):
    """The URL of a store: a `str` whose repr does not show its password, and that is not pickled with one."""

    __slots__ = ()

    def masked(self) -> str:
        """Return the URL with its user part and query as ``****``."""
        return re.sub(r"\?.*", f"?{HIDDEN}", re.sub("://.*@", f"://{HIDDEN}@", self))

    @property
    def has_secret(self) -> bool:
        return self.masked() != str(self)

    def __repr__(self) -> str:
        return repr(self.masked())

    def __copy__(self) -> StoreUrl:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> StoreUrl:
        return self

    def __reduce__(self) -> tuple[type[StoreUrl], tuple[str]]:
        if self.has_secret:
            raise ConfigError("a store's URL with a password cannot be pickled; put it into llm.yaml instead")
        return StoreUrl, (str(self),)


def check_key(value: object, source: str) -> Secret:
    """Strip `value`, a `str` or a `Secret`, and wrap it.

    Raises ConfigError, naming `source` and no part of the value, unless it is printable ASCII without spaces.
    """
    raw = value.reveal() if isinstance(value, Secret) else value
    fault = _fault(raw)
    if fault:
        del value, raw  # a traceback that shows locals must not show the key
        raise ConfigError(f"{source}: {fault}")
    return Secret(str(raw).strip())


def is_one_word(text: str) -> bool:
    """Tell printable ASCII without spaces, which a header's value must be.

    http.client refuses anything else with an exception that quotes it, or it splits the request.
    """
    return text.isascii() and text.isprintable() and " " not in text and text != ""


def _fault(raw: object) -> str | None:
    if not isinstance(raw, str):
        return f"the key must be text, not {type(raw).__name__}"
    if not raw.strip():
        return "the key is blank"
    if not is_one_word(raw.strip()):
        return "the key holds a space, a control character or a character outside ASCII; copy it again from the console"
    return None
