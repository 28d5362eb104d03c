"""Sending a refresh token: once, and again within seconds if the answer was lost. Knows no store and no lock."""

from __future__ import annotations

from ..errors import LlmError
from .bundle import Bundle
from .clock import Clock
from .interfaces import POST_TIMEOUT, AnswerLostError, Endpoint, Grant, RefusedError

RESEND_WITHIN = 10.0  # seconds after an answer was lost; portals accept a reuse within seconds, never after minutes
_RESEND_PAUSES = (0.0, 1.0)


def spend(endpoint: Endpoint, clock: Clock, bundle: Bundle) -> Grant:
    """Send the refresh token. If the answer is lost, send it again immediately, at most twice, but never later.

    Raises RefusedError, AnswerLostError, or another LlmError if the token was not spent.
    """
    lost: tuple[float, float] | None = None
    deadline = clock.monotonic() + POST_TIMEOUT
    for pause in (*_RESEND_PAUSES, None):
        try:
            return endpoint.refresh(bundle, deadline)
        except RefusedError:
            raise
        except LlmError as error:
            if lost is None and not isinstance(error, AnswerLostError):
                raise
            if lost is None:
                lost = clock.monotonic(), clock.time()
                deadline = clock.monotonic() + RESEND_WITHIN
            failure = str(error)
        if pause is None:
            break
        clock.sleep(pause)
        # Both clocks: one stops while a laptop sleeps, the other may be set back.
        if max(clock.monotonic() - lost[0], clock.time() - lost[1]) > RESEND_WITHIN:
            break
    raise AnswerLostError(f"{failure}; it is sent again only after the access token has expired")
