"""Clear the locals of this library's frames in the tracebacks of an exception and of its causes.

Error reporters print the locals of every frame of a traceback. In this package and in the libraries below it those hold
the bearer, the prompt and the answer; requests' own exceptions carry the request itself. Frames of the user's own code
(a tool, a hook, an `auth=` object, an adapter, an iterator) keep their locals. Knows no layer above it.
"""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_PLAIN_MODULES = ("builtins", "socket", "ssl")

_ORIGINS = {
    *("minimax_sync", "requests", "urllib3", "certifi", "idna", "charset_normalizer", "socks"),
    *("msgspec", "filelock", "yaml", "dateutil", "redis", "jsonschema"),
    *("http", "ssl", "socket", "email", "encodings", "json", "base64", "urllib", "tempfile"),
    *("queue", "threading", "concurrent", "contextlib", "functools"),
    *("opentelemetry", "sentry_sdk", "ddtrace", "wrapt"),
}
"""Top-level packages whose frames are cleared: this one, those that it calls, and instrumentation between the two."""


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error`, then its causes, outermost first: requests and urllib3 keep them in several places."""
    seen: set[int] = set()
    pending: list[object] = [error]
    while pending:
        current = pending.pop()
        if isinstance(current, BaseException) and id(current) not in seen:
            seen.add(id(current))
            yield current
            pending += [current.__cause__, getattr(current, "reason", None), *current.args]


def bare_os_error(error: BaseException) -> OSError | None:
    """Return a copy of the system's error in `error`, with its number and text only; None if there is none."""
    for cause in causes(error):
        if isinstance(cause, OSError) and cause.errno is not None and type(cause).__module__ in _PLAIN_MODULES:
            return type(cause)(cause.errno, cause.strerror)
    return None


def clear_locals(error: BaseException, before: BaseException | None = None) -> None:
    """Clear our finished frames in the tracebacks of `error` and of all exceptions that it is chained to or groups.

    `before` is the caller's own exception, which was being handled when `error` was raised: it stays as it is.
    """
    seen: set[int] = {id(before)}
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop()
        if current is not None and id(current) not in seen:
            seen.add(id(current))
            for frame, _ in traceback.walk_tb(current.__traceback__):
                if str(frame.f_globals.get("__name__")).partition(".")[0] in _ORIGINS:
                    with suppress(RuntimeError):  # it still runs
                        frame.clear()
            pending += [current.__cause__, current.__context__, *getattr(current, "exceptions", ())]


def sealed(function: Callable[P, R]) -> Callable[P, R]:
    """Clear our frames in the traceback of every exception that leaves `function`, Ctrl-C included."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        before = sys.exc_info()[1]
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            del args, kwargs
            clear_locals(error, before)
            raise
        finally:
            del before

    return call
