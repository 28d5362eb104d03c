"""JSON for the wire, with an error that names the place of what JSON cannot hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from math import isfinite
from typing import Any

import msgspec

from ..errors import RequestError
from .scalars import plain_json

UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""The exceptions of msgspec for text that is not the expected JSON."""

_FAILURES = (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError)


def as_json(value: object, where: str, *, enc_hook: Callable[[Any], Any] = plain_json) -> bytes:
    """Encode a value; raises `RequestError` that names `where` and the place inside it, and quotes nothing."""
    try:
        return msgspec.json.encode(value, enc_hook=enc_hook)
    except _FAILURES as exc:
        problem: Exception = exc
    place = _place_of_failure(value, where, enc_hook)
    if isinstance(problem, UnicodeError):
        reason = "it holds a lone surrogate, which is not text; text.encode('utf-8', 'replace').decode() removes it"
    elif isinstance(problem, RecursionError):
        reason = "it is nested too deeply, or contains itself"
    else:
        reason = str(problem)
    raise RequestError(f"{place} cannot be written as JSON: {reason}")


def check_finite(value: object, where: str) -> None:
    """Raise `RequestError`, naming the place, for NaN or infinity. JSON cannot represent them: they become null."""
    with suppress(RecursionError):  # `as_json` reports a value that contains itself
        _check_finite(value, where)


def _check_finite(value: object, where: str) -> None:
    if isinstance(value, float) and not isfinite(value):
        raise RequestError(f"{where} is {value}, which JSON cannot represent")
    for key, child in _children(value):
        _check_finite(child, _place_below(where, key))


def _place_below(where: str, key: object) -> str:
    return f"{where}[{key}]" if isinstance(key, int) else f"{where}.{key[:40]}" if isinstance(key, str) else where


def _place_of_failure(value: object, where: str, enc_hook: Callable[[Any], Any]) -> str:
    """Follow the first child that cannot be encoded, a few levels down."""
    for _ in range(12):
        for key, child in _children(value):
            try:
                msgspec.json.encode(child, enc_hook=enc_hook)
            except _FAILURES:
                where, value = _place_below(where, key), child
                break
        else:
            break
    return where


def _children(value: object) -> Iterable[tuple[object, object]]:
    if isinstance(value, msgspec.Struct):
        value = msgspec.structs.asdict(value)
    if isinstance(value, Mapping):
        return value.items()
    return enumerate(value) if isinstance(value, list | tuple) else ()
