"""Checks of setting values, whatever their source: argument, environment variable or file.

A check takes a value and the name of its source, and returns the value as the library uses it or raises ConfigError.
The readers convert the text of an environment variable or a file for the checks. This module does not know the sources
of settings.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from ..errors import ConfigError
from ..pacing.retry import RetryPolicy
from ..secret import Headers, Secret, StoreUrl, check_key, is_one_word, shown_name
from ..values.options import RESERVED_HEADERS
from ..values.scalars import finite_number, plain_scalar
from .places import as_path

Check = Callable[[Any, str], Any]

_STORES = ("redis://", "rediss://", "unix://")
_INTEGER = r"[-+]?[0-9][0-9_]*"
_DECIMAL = r"[-+]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?"
_FLAGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_PROXY = r"(https?|socks[45][ah]?)://(?:[^\s/@]*@)?(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?/?"
_HEADER_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"


def read_number(text: str) -> object:
    """Return the number that `text` spells, None for "none", and any other text as it is."""
    text = text.strip()
    with suppress(ValueError):  # an integer of thousands of digits
        if re.fullmatch(_INTEGER, text):
            return int(text)
        if re.fullmatch(_DECIMAL, text):
            return float(text)
    return None if text.lower() in ("none", "null") else text


def read_flag(text: str) -> object:
    """Return the truth value that `text` spells, and any other text as it is."""
    return _FLAGS.get(text.strip().lower(), text)


def check_text(value: object, source: str) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ConfigError(f"{source}: must be a non-empty line of text")
    return str.strip(value)


def check_api_key(value: object, source: str) -> object:
    """Accept a key, or a function that returns one before each request; it is not called here."""
    return value if callable(value) else check_key(value, source)


def _one_word(rule: str) -> Callable[[object, str], str]:
    def check(value: object, source: str) -> str:
        if not isinstance(value, str) or not is_one_word(value.strip()):
            raise ConfigError(f"{source}: {rule}")
        return str.strip(value)

    return check


check_word = _one_word("must be printable ASCII without spaces")
check_group_id = _one_word("a group id is printable ASCII without spaces; copy it again from the console")


def one_of(*known: str) -> Check:
    def check(value: object, source: str) -> str:
        for word in known:
            if value == word:
                return word
        raise ConfigError(f"{source}: must be one of {', '.join(known)}")

    return check


def check_bundle(value: object, source: str) -> str:
    """Accept a path, which may begin with ~, or the URL of a bundle in Redis."""
    text = as_path(value)
    if text is not None and _is_store(text.strip()):
        return StoreUrl(text.strip())
    if text is None or not text.strip() or "://" in text:
        del value, text  # it may hold a password, and a traceback may show locals
        raise ConfigError(f"{source}: must be the path of a Token Plan bundle or a URL like redis://host:6379/0/NAME")
    return os.path.expanduser(text)


def check_limiter(value: object, source: str) -> object:
    """Accept the URL of a Redis that hosts share, or an object with the methods of a TokenBucket."""
    if isinstance(value, str) and _is_store(value.strip()):
        return StoreUrl(value.strip())
    if not isinstance(value, str) and _has(value, "acquire", "pause"):
        return value
    del value  # it may hold a password, and a traceback may show locals
    raise ConfigError(f"{source}: must be a URL like redis://host:6379/0, or have acquire() and pause()")


def check_auth(value: object, source: str) -> object:
    if not _has(value, "bearer"):
        raise ConfigError(f"{source}: must have a bearer() method, like StaticKey and TokenPlan")
    return value


def check_rate(value: Any, source: str) -> float | None:
    """Accept requests per second, or None for no limit."""
    if value is None:
        return None
    number = finite_number(value)
    if number is None or not 1e-6 <= number <= 1e6:
        raise ConfigError(f"{source}: must be a number from 0.000001 to 1000000, or None for no limit")
    return float(number)


def check_seconds(value: Any, source: str) -> float:
    number = finite_number(value)
    if number is None or number <= 0:
        raise ConfigError(f"{source}: must be a number of seconds above 0")
    return float(number)


def whole(least: int) -> Check:
    def check(value: Any, source: str) -> int:
        number = finite_number(value)
        if number is None or number != int(number) or number < least:
            raise ConfigError(f"{source}: must be an integer of at least {least}")
        return int(number)

    return check


def check_flag(value: object, source: str) -> bool:
    flag = plain_scalar(value)
    if not isinstance(flag, bool):
        raise ConfigError(f"{source}: must be True or False")
    return flag


def check_verify(value: object, source: str) -> object:
    """Accept True, False, the path of existing certificates, or an `ssl.SSLContext`."""
    flag = plain_scalar(value)
    if isinstance(flag, bool) or _has(value, "wrap_socket"):
        return flag
    given = as_path(value)
    if given is None:
        raise ConfigError(f"{source}: must be True, False, or the path of a file or directory of certificates")
    path = os.path.expanduser(given)
    if not os.path.exists(path):
        raise ConfigError(f"{source}: there is no file or directory {path!r} of certificates to trust")
    return path


def check_proxy(value: object, source: str) -> StoreUrl:
    url = StoreUrl(value.strip()) if isinstance(value, str) else StoreUrl()
    found = re.fullmatch(_PROXY, url)
    if found and 0 < int(found["port"] or 80) < 65536:
        return url
    del value, url, found  # they may hold a password, and a traceback may show locals
    raise ConfigError(f"{source}: must be the URL of a proxy, like http://proxy.example:3128 or socks5h://host:1080")


def check_headers(value: object, source: str) -> Headers:
    """Accept a mapping of header names to lines of text."""
    if not isinstance(value, Mapping):
        raise ConfigError(f"{source}: must be a mapping of header names to text, not {type(value).__name__}")
    for name, text in value.items():
        if not isinstance(name, str) or not re.fullmatch(_HEADER_NAME, name):
            raise ConfigError(f"{source}: {shown_name(str(name))[:40]!r} is not a header name")
        if name.lower() in RESERVED_HEADERS:
            raise ConfigError(f"{source}: {name} cannot be set here; use api_key or auth for the credential")
        if not isinstance(text, str) or not text.isprintable() or not text.isascii():
            del value, text  # it may hold a secret, and a traceback may show locals
            raise ConfigError(f"{source}: the value of header {shown_name(name)} must be a line of printable ASCII")
    return Headers({str(name): str.strip(text) for name, text in value.items()})


def check_retry(value: object, source: str) -> RetryPolicy:
    if not isinstance(value, RetryPolicy):
        raise ConfigError(f"{source}: must be a RetryPolicy, not {type(value).__name__}")
    return value


def retry_field(name: str) -> Check:
    """Return the check of one field of a RetryPolicy."""

    def check(value: Any, source: str) -> Any:
        fields: dict[str, Any] = {name: value}
        try:
            return getattr(RetryPolicy(**fields), name)
        except ConfigError as error:
            fault = str(error).partition(" must be ")[2]
        raise ConfigError(f"{source}: must be {fault}")

    return check


def wrap_key(value: object) -> object:
    """Hide a key before a traceback can show it as a local."""
    return Secret(value) if isinstance(value, str) else value


def wrap_url(value: object) -> object:
    """Hide the password that a URL may hold before a traceback can show it as a local."""
    return StoreUrl(value) if isinstance(value, str) and "://" in value else value


def wrap_headers(value: object) -> object:
    """Hide the values of headers before a traceback can show them as a local."""
    return Headers(value) if isinstance(value, Mapping) else value


def _is_store(text: str) -> bool:
    return text.startswith(_STORES) and text not in _STORES and is_one_word(text)


def _has(value: object, *methods: str) -> bool:
    return all(callable(getattr(value, method, None)) for method in methods)
