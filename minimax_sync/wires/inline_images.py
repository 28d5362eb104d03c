"""Images in a body: their base64 is inserted after the JSON around it has been written.

It needs no escaping, and the JSON encoder would scan and copy its megabytes once more for every call.
"""

from __future__ import annotations

import msgspec

from ..errors import RequestError
from ..values.images import Base64, Image

_GAP = b"\0"  # never in JSON, which escapes control characters


class InlineImages:
    """The images of one body, in the order of their placeholders."""

    def __init__(self) -> None:
        self._images: list[Base64] = []

    def place(self, image: Image, before: str = "") -> msgspec.Raw:
        """Return a JSON string that begins with `before` and gets the image's base64 once the body is `filled`."""
        self._images.append(image.base64_view)
        return msgspec.Raw(msgspec.json.encode(before)[:-1] + _GAP + b'"')

    def filled(self, body: bytes) -> bytes:
        """Return the body with the images inserted.

        Raises `RequestError` for a NUL byte that is not a placeholder: bytes from the user are inserted unchanged.
        """
        if _GAP not in body:
            return body
        text, *rest = body.split(_GAP)
        if len(self._images) != len(rest):
            raise RequestError("extra_body: a msgspec.Raw in it holds a NUL byte, which is not JSON")
        pieces: list[Base64] = [text]
        for image, text in zip(self._images, rest, strict=True):
            pieces += (image, text)
        return b"".join(pieces)
