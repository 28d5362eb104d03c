"""Images in a body: their base64 is put in when the JSON around it is written.

It needs no escaping, and the JSON encoder would scan and copy its megabytes once more for every call.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ..errors import RequestError
from ..values.images import Image
from ..values.messages import ChatMessage

_GAP = b"\0"  # never in JSON, which escapes control characters


def gap(before: str = "") -> msgspec.Raw:
    """Write a JSON string that begins with `before` and goes on with an image's base64, once `filled`."""
    return msgspec.Raw(msgspec.json.encode(before)[:-1] + _GAP + b'"')


def filled(body: bytes, messages: Iterable[ChatMessage]) -> bytes:
    """Put the images of the messages into the gaps that were left for them, in order.

    Raises `RequestError` for a gap that was none: bytes of the user's go into the body as they are.
    """
    if _GAP not in body:
        return body
    text, *rest = body.split(_GAP)
    parts = (part for message in messages for part in message.parts)
    images = [part.base64 for part in parts if isinstance(part, Image) and not part.url]
    if len(images) != len(rest):
        raise RequestError("extra_body: a msgspec.Raw in it holds a NUL byte, which is no JSON")
    pieces = [text]
    for image, text in zip(images, rest, strict=True):
        pieces += (image, text)
    return b"".join(pieces)
