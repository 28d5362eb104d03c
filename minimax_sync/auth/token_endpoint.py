"""One refresh request to the token endpoint: where it may go, what is sent, and what the answer means.

An answer is one of four: a grant, fully validated; a refusal of the refresh token; a transient failure that changes
nothing; or no answer to a request that was sent. Knows no file, lock or thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

from ..errors import (
    AmbiguousResultError,
    CallTimeoutError,
    LlmError,
    ResponseFormatError,
    ServerError,
    TransportError,
)
from ..net.reply import Reply
from ..net.session import Http
from ..secret import Secret
from ..settings.endpoints import may_receive_token, portal_url
from .bundle import Bundle
from .interfaces import AnswerLostError, Grant, RefusedError
from .portal import (
    Answer,
    Form,
    RedirectRefusedError,
    Route,
    error_reason,
    post_form,
    read_answer,
    read_grant,
    succeeded,
)

# Other clients' tests agree on the first three; the last is RFC 6749's wording in other servers.
_DEAD = ("invalid_grant", "refresh_token_reused", "invalid_refresh_token", "refresh_token_expired")


class TokenEndpoint:
    """The portal's `/oauth/token`, in the region that a bundle names.

    `trusted_origins` are the base URLs that the user set by hand: tokens may go to their origins although they are not
    MiniMax's. `route` is how the portal is reached. `wall` is the wall clock from which lifetimes count.
    """

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self.trusted_origins: set[str] = set()
        self.route = Route()
        self._wall = wall

    def refresh(self, bundle: Bundle, deadline: float) -> Grant:
        """Spend the bundle's refresh token; `deadline` is on the monotonic clock.

        Raises ConfigError if the region may not receive a token, RefusedError, AnswerLostError, ResponseFormatError
        for a redirect that is not followed, and otherwise ServerError or TransportError: nothing has changed.
        """
        form: Form = {
            "grant_type": "refresh_token",
            "client_id": bundle.client_id,
            "refresh_token": bundle.refresh_token,
        }
        # A session for this request only: answers get lost on connections that were idle for hours.
        with closing(self.route.open()) as http:
            outcome = self._outcome(_post(http, self._url(bundle), form, deadline), bundle.refresh_token)
        if isinstance(outcome, LlmError):
            raise outcome
        return outcome

    def _url(self, bundle: Bundle) -> str:
        by_hand = next((url for url in tuple(self.trusted_origins) if may_receive_token(bundle.region, url)), None)
        return portal_url(bundle.region, "/oauth/token", by_hand, source="region of the Token Plan bundle")

    def _outcome(self, reply: Reply, spent: Secret) -> Grant | LlmError:
        try:
            return decode_answer(read_answer(reply), spent, self._wall())
        except ResponseFormatError:
            return ServerError("the portal's answer is too long", status=reply.status)
        except TransportError as error:
            if reply.status == 200:
                return AnswerLostError(f"the portal's answer to the refresh was lost: {error}")
            return ServerError(f"the portal answered HTTP {reply.status}", status=reply.status)


def decode_answer(answer: Answer, spent: Secret, now: float) -> Grant | LlmError:
    """Return what an answer to the refresh token `spent` means; `now` is Unix time.

    An error is returned, not raised, so that its traceback holds no part of the answer.
    """
    document = answer.document()
    if document is None:
        return answer.failure("the answer is not JSON", now)
    reason = error_reason(document, spent)
    if any(mark in reason.lower().replace(" ", "_") for mark in _DEAD):
        return RefusedError(f"the portal refused the refresh token: {reason}", status=answer.status)
    if not 200 <= answer.status < 300 or not succeeded(document):
        return answer.failure(reason or "no reason given", now)
    return read_grant(document, now) or answer.failure("the answer holds no usable tokens", now)


def _post(http: Http, url: str, form: Form, deadline: float) -> Reply:
    try:
        return post_form(http, url, form, deadline)
    except RedirectRefusedError:
        raise
    except (AmbiguousResultError, ResponseFormatError) as error:
        problem = str(error)
    except CallTimeoutError as error:
        if not error.sent:
            raise
        problem = str(error)
    raise AnswerLostError(f"the refresh token was sent to the portal, but no answer arrived: {problem}")
