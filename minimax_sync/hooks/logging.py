"""The logger `minimax_sync`: events as structured records, and `MINIMAX_LOG`."""

from __future__ import annotations

import logging
import os

import msgspec

from ..errors import ConfigError
from .events import CallEnded, Event

_log = logging.getLogger("minimax_sync")
_LEVELS = {"info": logging.INFO, "debug": logging.DEBUG}


def logging_hook(event: Event) -> None:
    """Log the event; its fields are the record's `extra`, with the event's name as `event`.

    It is a hook itself: `hooks=[logging_hook]`. A failed attempt is a WARNING, a failed call an ERROR, the others are
    INFO or DEBUG.

    >>> import logging, sys
    >>> handler = logging.StreamHandler(sys.stdout)
    >>> logger = logging.getLogger("minimax_sync")
    >>> logger.addHandler(handler)
    >>> logger.setLevel(logging.INFO)
    >>> answer = client.with_options(hooks=[logging_hook]).chat("Hello")
    chat MiniMax-M2.5 ended after ... s
    >>> logger.removeHandler(handler)
    >>> logger.setLevel(logging.NOTSET)
    """
    level, message = event.log_level, event.log_message
    fields = msgspec.structs.asdict(event)
    if isinstance(event, CallEnded) and event.error_type:
        level, message = logging.ERROR, message + " with %(error_type)s"
    _log.log(level, message, fields, extra={"event": type(event).__name__, **fields})


def log_as_environment_asks() -> None:
    """Turn the log on when `MINIMAX_LOG` is "info" or "debug": to stderr, unless the program has set up logging.

    Raises ConfigError for another value.
    """
    asked = os.environ.get("MINIMAX_LOG", "").strip().lower()
    if not asked:
        return
    if asked not in _LEVELS:
        raise ConfigError(f"environment variable MINIMAX_LOG: must be one of {', '.join(_LEVELS)}")
    _log.setLevel(_LEVELS[asked])
    if not _log.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        _log.addHandler(handler)
