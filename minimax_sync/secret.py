"""Wrappers for keys, tokens, URLs with passwords and headers: no repr, log line, pickle or traceback local shows one.

It also contains the one check of what a key may look like. It does not know where keys come from or go to.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

from .errors import ConfigError

HIDDEN = "****"

_SHORTEST_SHOWN = 20
_VARIABLE = r"(?:export\s+|set\s+)?[A-Z]+_[A-Z_]*=."
_KEY_IN_NAME = re.compile(r"(?<![A-Za-z])(?i:sk-)[\w-]{8,}|eyJ[\w.-]{16,}|\b(?=[A-Za-z_]*[0-9])\w{32,}")
_SENSITIVE = ("auth", "cookie", "key", "token", "secret", "password", "credential", "signature")


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


class Headers(dict[str, str]):
    """Headers by name, whose repr shows the names alone; not pickled with a value that is probably a secret."""

    @property
    def has_secret(self) -> bool:
        """Whether one of the names is that of a secret."""
        return any(word in name.lower() for name in self for word in _SENSITIVE)

    def masked(self) -> str:
        """Return the names with ``****`` for each value."""
        return ", ".join(f"{shown_name(name)}: {HIDDEN}" for name in self)

    def __repr__(self) -> str:
        return f"{{{self.masked()}}}"

    def __reduce__(self) -> tuple[type[Headers], tuple[dict[str, str]]]:
        if self.has_secret:
            raise ConfigError("headers that hold a secret cannot be pickled; put them into llm.yaml instead")
        return Headers, (dict(self),)


def shown_name(name: str) -> str:
    """Return a name for a message, with ``****`` in place of a key that was pasted where a name belongs."""
    return _KEY_IN_NAME.sub(HIDDEN, name)


def check_key(value: object, source: str) -> Secret:
    """Return `value`, a `str` or a `Secret`, as a Secret without surrounding spaces, quotes and "Bearer ".

    Raises ConfigError, naming `source` and no part of the value, unless it is printable ASCII without spaces.
    """
    raw = value.reveal() if isinstance(value, Secret) else value
    if isinstance(raw, str):
        raw = _bare(raw)
    fault = _fault(raw)
    if fault:
        del value, raw  # a traceback that shows locals must not show the key
        raise ConfigError(f"{source}: {fault}")
    return Secret(str(raw))


def unquoted(text: str) -> str:
    """Return `text` without surrounding spaces and quotes; `docker --env-file` keeps the quotes."""
    text = str.strip(text)
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def is_one_word(text: str) -> bool:
    """Return whether `text` is printable ASCII without spaces, as a header value must be.

    http.client refuses anything else with an exception that quotes it, or it splits the request.
    """
    return text.isascii() and text.isprintable() and " " not in text and text != ""


def _bare(text: str) -> str:
    words = unquoted(text).split(None, 1)
    return words[1] if len(words) == 2 and words[0].lower() == "bearer" else unquoted(text)


def _fault(raw: object) -> str | None:
    if not isinstance(raw, str):
        return f"the key must be text, not {type(raw).__name__}"
    if not raw:
        return "the key is blank"
    if "=" in raw and re.match(_VARIABLE, raw):
        return "the key begins with the name of a variable; keep only the part after the ="
    if invisible := next((char for char in raw if not char.isascii() and not char.isprintable()), None):
        return f"the key holds an invisible character (U+{ord(invisible):04X}); copy it again from the console"
    if not is_one_word(raw):
        return "the key holds a space, a control character or a character outside ASCII; copy it again from the console"
    return None
