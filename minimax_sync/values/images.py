"""Images: from a path, bytes, a URL or a PIL image, checked by their first bytes before anything is sent."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import msgspec

from ..errors import RequestError
from .shortened import shortened

# Patterns as text: re compiles them with the first image.
_MAGIC = (
    (rb"\x89PNG\r\n\x1a\n", "image/png"),
    (rb"\xff\xd8\xff", "image/jpeg"),
    (rb"GIF8[79]a", "image/gif"),
    (rb"(?s)RIFF.{4}WEBP", "image/webp"),
)
_DATA_URL = r"(?a)data:image/[\w.+-]+(;[\w.+=-]+)*;base64,"
_URL_STARTS = ("https://", "http://", "data:")


@runtime_checkable
class PilImage(Protocol):
    """What of a PIL image is used; PIL itself is never imported."""

    def save(self, fp: Any, format: str) -> None:
        """Write the image."""


class Image(msgspec.Struct, frozen=True, gc=False):
    """An image of a user message: bytes with their media type, or a URL that the service fetches.

    Make one with `from_path`, `from_bytes` or `from_url`; `images=` of `ChatMessage.user` also takes a path, bytes, a
    URL or a PIL image. PNG, JPEG, GIF and WebP. What is none of them raises `RequestError`.
    """

    media_type: str = ""
    data: bytes = b""
    url: str = ""

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Image:
        """Take the bytes of an image file; the media type is read from them, never guessed from a name."""
        if not isinstance(data, bytes | bytearray | memoryview):
            raise RequestError(f"the data of an image must be bytes, not {type(data).__name__}")
        data = bytes(data)
        for magic, media_type in _MAGIC:
            if re.match(magic, data):
                return cls(media_type, data)
        raise RequestError(f"these {len(data)} bytes are not a PNG, JPEG, GIF or WebP image")

    @classmethod
    def from_path(cls, path: str | os.PathLike[str]) -> Image:
        """Read an image file now."""
        try:
            shown = shortened(os.fsdecode(path))
        except TypeError:
            raise RequestError(f"the path of an image must be a path, not {type(path).__name__}") from None
        try:
            data = Path(os.fsdecode(path)).expanduser().read_bytes()
        except (OSError, ValueError, RuntimeError) as exc:
            problem = getattr(exc, "strerror", None) or str(exc)
            raise RequestError(f"cannot read the image {shown}: {problem}") from exc
        if not data:
            raise RequestError(f"the image {shown} is empty")
        try:
            return cls.from_bytes(data)
        except RequestError as exc:
            raise RequestError(f"the image {shown}: {exc}") from None

    @classmethod
    def from_url(cls, url: str) -> Image:
        """Take an http(s) URL, which the service fetches, or a base64 `data:` URL, which is decoded here."""
        if not isinstance(url, str) or not url.startswith(_URL_STARTS):
            raise RequestError("the URL of an image must start with https://, http:// or data:image/...;base64,")
        if not url.startswith("data:"):
            return cls(url=url)
        found = re.match(_DATA_URL, url)
        if not found:
            raise RequestError("the data: URL of an image must start with data:image/...;base64,")
        try:
            data = base64.b64decode(url[found.end() :], validate=True)
        except ValueError as exc:
            problem = str(exc)
        else:
            return cls.from_bytes(data)
        raise RequestError(f"the data: URL of an image is not valid base64: {problem}")

    @classmethod
    def coerce(cls, source: object) -> Image:
        """Make an image of whatever `images=` may hold."""
        if isinstance(source, Image):
            return source
        if isinstance(source, bytes | bytearray | memoryview):
            return cls.from_bytes(source)
        if isinstance(source, str) and source.startswith(_URL_STARTS):
            return cls.from_url(source)
        if isinstance(source, str | os.PathLike):
            return cls.from_path(source)
        if isinstance(source, PilImage):
            from io import BytesIO

            buffer = BytesIO()
            try:
                source.save(buffer, format="PNG")
            except (OSError, ValueError, TypeError, AttributeError) as exc:
                raise RequestError(f"this {type(source).__name__} cannot be saved as PNG: {exc}") from exc
            return cls.from_bytes(buffer.getvalue())
        raise RequestError(f"an image is a path, bytes, a URL, a PIL image or an Image, not {type(source).__name__}")

    def __repr__(self) -> str:
        return f"Image({shortened(self.url)})" if self.url else f"Image({self.media_type}, {len(self.data)} bytes)"
