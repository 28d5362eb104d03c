"""A Token Plan login as the `auth=` of the requests library: the bearer, and one retry after a 401.

A token is set only on requests to MiniMax's own https hosts, or to the origin that the user set by hand. Imports no
part of requests.
"""

from __future__ import annotations

from typing import Any

from ..secret import Secret
from ..settings.endpoints import may_receive_token
from . import Auth


def authorize(request: Any, source: Auth, by_hand: str | None) -> None:
    """Set the bearer on a `requests.PreparedRequest`, and register the retry, if it may be sent there."""
    if request.url is None or not may_receive_token(request.url, by_hand):
        return
    token = Secret(source.bearer())
    request.headers["Authorization"] = f"Bearer {token.reveal()}"
    position = _position(request.body)

    def retry_once(response: Any, **options: Any) -> Any:
        sent = response.request
        is_ours = sent.headers.get("Authorization") == f"Bearer {token.reveal()}"
        if response.status_code != 401 or not is_ours or not may_receive_token(sent.url or "", by_hand):
            return response  # a redirect may have led to another host, to which the token was not sent
        again = sent.copy()
        if not _rewind(again.body, position):
            return response
        response.content  # noqa: B018 - read, so that the connection can be used again
        response.close()
        again.headers["Authorization"] = f"Bearer {source.force_refresh(token.reveal())}"
        second = response.connection.send(again, **options)
        second.history.append(response)
        second.request = again
        return second

    request.register_hook("response", retry_once)


def _position(body: Any) -> int | None:
    """Return the position of a file that is sent as the body; None if the body is not a file or cannot be rewound."""
    try:
        return int(body.tell())
    except (AttributeError, OSError):
        return None


def _rewind(body: Any, position: int | None) -> bool:
    """Prepare the body to be sent again. Return False if that is impossible."""
    if body is None or isinstance(body, (str, bytes)):
        return True
    if position is None:
        return False
    body.seek(position)
    return True
