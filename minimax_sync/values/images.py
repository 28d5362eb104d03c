"""Images: from a path, bytes, a URL or a PIL image, checked by their first bytes before anything is sent."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import msgspec

from ..errors import RequestError
from .shortened import shortened

# Patterns are text: re compiles them for the first image.
_MAGIC = (
    (rb"\x89PNG\r\n\x1a\n", "image/png"),
    (rb"\xff\xd8\xff", "image/jpeg"),
    (rb"GIF8[79]a", "image/gif"),
    (rb"(?s)RIFF.{4}WEBP", "image/webp"),
)
_DATA_URL = r"(?ai)data:image/[\w.+-]+(;[\w.+=-]+)*;base64,"
_BASE64_DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_HEAD = 64
"""How much base64 holds the first bytes of an image, by which its type is known."""

_AT_ONCE = 64 * 1024
"""Bytes of base64 that are checked at once: a copy of several megabytes takes longer than its check."""

_NO_BASE64 = "the base64 of an image is not valid"

Base64 = bytes | memoryview

_BYTES = (bytes, bytearray, memoryview)
_URL_STARTS = ("https://", "http://", "mm_file:", "data:")


@runtime_checkable
class PilImage(Protocol):
    """The part of a PIL image that is used; PIL itself is never imported."""

    def save(self, fp: Any, format: str) -> None:
        """Write the image."""


class Image:
    r"""An image of a user message: bytes with their media type, or a URL that the service fetches. Immutable.

    Make one with `from_path`, `from_bytes` or `from_url`; `images=` of `ChatMessage.user` also takes a path, bytes, a
    URL or a PIL image. PNG, JPEG, GIF and WebP; other data raises `RequestError`. The image is kept as base64, which
    both wires send, so that a conversation does not encode its images again with every call.

    >>> image = Image.from_bytes(b"\x89PNG\r\n\x1a\n" + bytes(16))
    >>> answer = client.chat(ChatMessage.user("What is this?", [image]), model="MiniMax-M3")
    >>> answer.finish_reason
    'stop'
    """

    __match_args__ = ("media_type", "data", "url")
    __slots__ = ("_base64", "_media_type", "_url")

    _base64: Base64

    def __init__(self, media_type: str = "", data: bytes = b"", url: str = "") -> None:
        if not isinstance(media_type, str) or not isinstance(data, _BYTES) or not isinstance(url, str):
            raise RequestError("an image has a media type and a URL, which are strings, and data, which is bytes")
        # msgspec writes base64 in half of binascii's time (2.5 ms and 4.8 ms for 4 MB).
        self._media_type, self._base64, self._url = media_type, msgspec.json.encode(bytes(data))[1:-1], url

    @property
    def media_type(self) -> str:
        """Such as "image/png"; "" for an image behind a URL."""
        return self._media_type

    @property
    def base64(self) -> bytes:
        """The image in base64; empty for an image behind a URL."""
        return bytes(self._base64)

    @property
    def base64_view(self) -> Base64:
        """The same without a copy: one read from text is a view of that text."""
        return self._base64

    @property
    def data(self) -> bytes:
        """The image's bytes, decoded at every access; empty for an image behind a URL."""
        return _decoded(self._base64)

    @property
    def url(self) -> str:
        """The URL that the service fetches, if it is one."""
        return self._url

    @property
    def full_url(self) -> str:
        """The URL that the service fetches, else a `data:` URL of the bytes."""
        return self._url or f"data:{self._media_type};base64,{self.base64.decode()}"

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Image:
        """Take the bytes of an image file; the media type is read from them, never guessed from a name."""
        if not isinstance(data, _BYTES):
            raise RequestError(f"the data of an image must be bytes, not {type(data).__name__}")
        data = bytes(data)
        return cls(_media_type_of(data), data)

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
        """Take an http(s) URL, which the service fetches, the `mm_file://` URL of a file that was uploaded to it, or a
        base64 `data:` URL, which is checked here.

        >>> ChatMessage.user("What is this?", images=[Image.from_url("https://example.com/a.png")]).images
        (Image('https://example.com/a.png'),)
        """
        if not isinstance(url, str) or not url[:8].lower().startswith(_URL_STARTS):
            raise RequestError(
                "the URL of an image must start with https://, http://, mm_file:// or data:image/...;base64,"
            )
        if url[:5].lower() != "data:":
            return cls(url=str.__str__(url))
        found = re.match(_DATA_URL, url)
        if not found:
            raise RequestError("the data: URL of an image must start with data:image/...;base64,")
        return _from_base64(url, found.end())

    @classmethod
    def coerce(cls, source: object) -> Image:
        """Return an image for any item that `images=` accepts."""
        if isinstance(source, Image):
            return source
        if isinstance(source, _BYTES):
            return cls.from_bytes(source)
        if isinstance(source, str) and source[:8].lower().startswith(_URL_STARTS):
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

    def __eq__(self, other: object) -> bool:
        return self.__reduce__() == other.__reduce__() if isinstance(other, Image) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.__reduce__())

    def __reduce__(self) -> tuple[Any, ...]:
        return _image, (self._media_type, self.base64, self._url)

    def __repr__(self) -> str:
        shown = shortened(self._url) if self._url else f"{self._media_type}, {_size(self._base64)} bytes"
        return f"Image({shown})"


def image_of_block(media_type: str, data: str) -> Image:
    """Return the image of an Anthropic block from its base64; the media type is read from the image itself."""
    if not media_type.lower().startswith("image/"):
        raise RequestError(f"the media type must start with image/, not {shortened(media_type)}")
    return _from_base64(data)


def _image(media_type: str, base64: Base64, url: str = "") -> Image:
    image = Image.__new__(Image)
    image._media_type, image._base64, image._url = media_type, base64, url
    return image


def _from_base64(text: str, start: int = 0) -> Image:
    """Return the image whose base64 is `text` from `start` on."""
    base64 = _canonical(text, start)
    return _image(_media_type_of(_decoded(base64[:_HEAD]), _size(base64)), base64)


def _canonical(text: str, start: int) -> Base64:
    """Return base64 in its one canonical form, without decoding it; line ends and missing padding are mended.

    What has that form already is not copied.
    """
    if not text.isascii():
        raise RequestError(_NO_BASE64)
    base64: Base64 = memoryview(msgspec.Raw(str.__str__(text)))[start:]
    padding = _no_digits(base64)
    if len(base64) % 4 or padding.strip(b"="):
        mended = b"".join(bytes(base64).split())
        base64 = mended + b"=" * (-len(mended) % 4)
        padding = _no_digits(base64)
    end = bytes(base64[-4:])
    if not end or padding not in (b"", b"=", b"==") or not end.endswith(padding):
        raise RequestError(_NO_BASE64)
    last = msgspec.json.encode(_decoded(end))[1:-1]  # this group alone can be written in several ways
    return base64 if end == last else bytes(base64[:-4]) + last


def _no_digits(base64: Base64) -> bytes:
    """Return the bytes that are not digits of base64."""
    pieces = (bytes(base64[at : at + _AT_ONCE]) for at in range(0, len(base64), _AT_ONCE))
    return b"".join([piece.translate(None, _BASE64_DIGITS) for piece in pieces])


def _decoded(base64: Base64) -> bytes:
    return msgspec.convert(bytes(base64).decode(), bytes)


def _size(base64: Base64) -> int:
    return len(base64) * 3 // 4 - bytes(base64[-2:]).count(b"=")


def _media_type_of(data: bytes, size: int | None = None) -> str:
    """Return the media type that the first bytes indicate; `size` is that of the image, if `data` is not all of it."""
    for magic, media_type in _MAGIC:
        if re.match(magic, data):
            return media_type
    raise RequestError(f"these {len(data) if size is None else size} bytes are not a PNG, JPEG, GIF or WebP image")
