"""Events as structured log records on the logger `minimax_sync`."""

from __future__ import annotations

import logging

import msgspec

from .events import (
    AttemptFailed,
    CallEnded,
    CallStarted,
    Event,
    FirstToken,
    QuotaLow,
    RateLimited,
    TokenRefreshed,
    ToolFailed,
)

_log = logging.getLogger("minimax_sync")

_RECORDS: dict[type[Event], tuple[int, str]] = {
    CallStarted: (logging.DEBUG, "%(operation)s %(model)s started"),
    AttemptFailed: (logging.WARNING, "%(operation)s %(model)s: attempt %(attempt)d failed with %(error_type)s"),
    RateLimited: (logging.INFO, "%(operation)s %(model)s: the %(source)s holds it back for %(seconds).2f s"),
    FirstToken: (logging.DEBUG, "%(operation)s %(model)s: first token after %(seconds).2f s"),
    CallEnded: (logging.INFO, "%(operation)s %(model)s ended after %(duration).2f s"),
    TokenRefreshed: (logging.INFO, "%(provider)s: access token renewed in %(duration).2f s"),
    # the warning about it is on the logger minimax_sync.quota, whether there are hooks or not
    QuotaLow: (logging.INFO, "%(provider)s: %(remaining)s %(unit)s of the quota left"),
    ToolFailed: (logging.WARNING, "the tool %(tool)s failed with %(error_type)s"),
}


def logging_hook(event: Event) -> None:
    """Log the event; its fields are the record's `extra`, with the event's name as `event`.

    A hook itself, not a maker of one: `hooks=[logging_hook]`. A failed attempt is a WARNING, a failed call an ERROR,
    the others are INFO or DEBUG.
    """
    level, message = _RECORDS[type(event)]
    fields = msgspec.structs.asdict(event)
    if isinstance(event, CallEnded) and event.error_type:
        level, message = logging.ERROR, message + " with %(error_type)s"
    _log.log(level, message, fields, extra={"event": type(event).__name__, **fields})
