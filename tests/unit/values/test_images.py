"""Images: from bytes, files, URLs and PIL, checked before anything is sent."""

from __future__ import annotations

import base64
import io
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from minimax_sync.errors import RequestError
from minimax_sync.values.images import Image, image_of_block
from minimax_sync.values.messages import ChatMessage

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


KINDS = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}


@pytest.mark.parametrize(("kind", "media_type"), KINDS.items())
def test_the_media_type_is_read_from_the_bytes(kind: str, media_type: str, tmp_path: Path) -> None:
    path = tmp_path / "image.txt"
    PIL.Image.new("RGB", (3, 3)).save(path, format=kind)
    image = Image.from_path(path)
    assert (image.media_type, image.data, image.url) == (media_type, path.read_bytes(), "")
    assert Image.coerce(memoryview(path.read_bytes())) == image
    assert Image.coerce(f"data:{media_type};base64,{base64.b64encode(image.data).decode()}") == image
    assert Image.coerce(f"data:{media_type};charset=x;base64,{base64.b64encode(image.data).decode()}") == image


def test_a_pil_image_becomes_a_png() -> None:
    image = Image.coerce(PIL.Image.new("RGBA", (3, 3), (1, 2, 3, 4)))
    assert image.media_type == "image/png"
    assert PIL.Image.open(io.BytesIO(image.data)).size == (3, 3)
    with pytest.raises(RequestError, match="cannot be saved as PNG"):
        Image.coerce(PIL.Image.new("CMYK", (3, 3)))


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"GIF",
        b"<svg/>",
        "/no/such/file.png",
        "a\x00b.png",
        "~nobody-here/a.png",
        5,
        None,
        ["x"],
        object(),
        b"x" * 99,
        "data:image/png;base64,???",
        "data:image/png;base64,é",
        "data:text/plain,x",
        "data:image/png;base64,aGk=",
        "file:///etc/passwd",
        "x" * 5000,
    ],
    ids=lambda bad: str(bad)[:20],
)
def test_anything_but_an_image_is_refused_with_a_short_message(bad: Any, tmp_path: Path) -> None:
    with pytest.raises(RequestError) as caught:
        ChatMessage.user("Hi", images=[bad])
    assert len(str(caught.value)) < 300


def test_a_file_that_is_not_an_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    for name, problem in (("empty.png", "is empty"), ("text.png", "not a PNG"), (".", "directory")):
        with pytest.raises(RequestError, match=problem):
            Image.from_path(tmp_path / name)


@pytest.mark.parametrize("make", [Image.from_url, Image.from_bytes, Image.from_path])
def test_the_wrong_type_of_image_is_refused(make: Any) -> None:
    with pytest.raises(RequestError):
        make(5)


def test_a_data_url_becomes_the_image_that_its_bytes_make() -> None:
    for more in (b"", b"a", b"ab", b"abc"):
        url = f"data:image/png;base64,{base64.b64encode(PNG + more).decode()}"
        assert Image.from_url(url) == Image.from_bytes(PNG + more)
        assert Image.from_url(url).data == PNG + more
    for spelling in (
        "DATA:image/PNG;base64,iVBORw0KGgo",
        "data:image/png;base64,iVBO\r\nRw0KGgo=\n",
        "data:image/png;base64,iVBO\nRw0K\nGgo\n\n\n",
    ):
        assert Image.from_url(spelling) == Image.from_bytes(b"\x89PNG\r\n\x1a\n")
    odd = "data:image/png;base64,iVBORw0KGgp="  # the bits behind the last byte are not zero
    assert Image.from_url(odd) == Image.from_bytes(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize(
    "text",
    ["", "iVBO\ud800", "####", "iVBOR", "iVBORw==KGgo", "iVBORw0KGgo=====", "iVBORw0KG===", "iVBORw0K-_go", "===="],
)
def test_a_data_url_with_invalid_base64_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="base64 of an image is not valid"):
        Image.from_url(f"data:image/png;base64,{text}")


class Text(str):
    """Text of a library's own class."""


def test_a_data_url_in_canonical_form_is_checked_without_a_copy() -> None:
    url = f"data:image/png;base64,{base64.b64encode(PNG + bytes(3_000_000)).decode()}"
    tracemalloc.start()
    image = Image.from_url(url)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < len(url) / 10
    assert bytes(image.base64_view) == image.base64 == url[22:].encode()
    assert image.full_url == url
    assert pickle.loads(pickle.dumps(image)) == image == Image.from_url(Text(url))


def test_the_base64_of_a_block_becomes_the_image_that_its_bytes_make() -> None:
    text = base64.b64encode(PNG).decode()
    assert image_of_block("image/png", text) == Image.from_bytes(PNG)
    for media_type, data in (("text/plain", text), ("image/png", "####"), ("image/png", "iVBÖ")):
        with pytest.raises(RequestError, match=r"media type|base64"):
            image_of_block(media_type, data)


@pytest.mark.parametrize("fields", [("image/png", None), ("image/png", 12345), (None, PNG), ("", b"", 1)])
def test_an_image_is_made_of_a_media_type_bytes_and_a_url(fields: tuple[Any, ...]) -> None:
    with pytest.raises(RequestError, match="an image has"):
        Image(*fields)
