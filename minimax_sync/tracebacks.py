"""What an exception may still show: nothing that a finished frame of ours held, nothing that a request carried.

Error reporters print the locals of every frame of a traceback, and below a request those hold the bearer, the prompt
and the answer; requests' own exceptions carry the request itself. Knows of no layer above it.
"""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_PLAIN_MODULES = ("builtins", "socket", "ssl")


def causes(error: BaseException) -> Iterator[BaseException]:
    """Give `error`, then what it was made of, outermost first: requests and urllib3 keep that in several places."""
    seen: set[int] = set()
    pending: list[object] = [error]
    while pending:
        current = pending.pop()
        if isinstance(current, BaseException) and id(current) not in seen:
            seen.add(id(current))
            yield current
            pending += [current.__cause__, getattr(current, "reason", None), *current.args]


def bare_os_error(error: BaseException) -> OSError | None:
    """Return a copy of the system's error within `error`, with its number and text alone; None when there is none."""
    for cause in causes(error):
        if isinstance(cause, OSError) and cause.errno is not None and type(cause).__module__ in _PLAIN_MODULES:
            return type(cause)(cause.errno, cause.strerror)
    return None


def clear_locals(error: BaseException, before: BaseException | None = None) -> None:
    """Empty every finished frame in the tracebacks of `error` and of all that it is chained to or groups.

    `before` is the caller's own exception, in whose handling `error` came up: its locals are not ours to clear.
    """
    seen: set[int] = {id(before)}
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop()
        if current is not None and id(current) not in seen:
            seen.add(id(current))
            traceback.clear_frames(current.__traceback__)
            pending += [current.__cause__, current.__context__, *getattr(current, "exceptions", ())]


def sealed(function: Callable[P, R]) -> Callable[P, R]:
    """Let no exception out of `function`, Ctrl-C included, whose traceback shows what went in or was at work."""

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
