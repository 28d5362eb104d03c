"""Events as structured log records on the logger `minimax_sync`."""

from __future__ import annotations

import logging

import msgspec

from .events import CallEnded, Event

_log = logging.getLogger("minimax_sync")


def logging_hook(event: Event) -> None:
    """Log the event; its fields are the record's `extra`, with the event's name as `event`.

    It is a hook itself: `hooks=[logging_hook]`. A failed attempt is a WARNING, a failed call an ERROR, the others are
    INFO or DEBUG.
    """
    level, message = event.log_level, event.log_message
    fields = msgspec.structs.asdict(event)
    if isinstance(event, CallEnded) and event.error_type:
        level, message = logging.ERROR, message + " with %(error_type)s"
    _log.log(level, message, fields, extra={"event": type(event).__name__, **fields})
