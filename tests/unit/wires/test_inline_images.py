"""The base64 of images, put into their places in a body that is already JSON."""

from __future__ import annotations

import json

import msgspec
import pytest

from minimax_sync.errors import RequestError
from minimax_sync.values.images import Image
from minimax_sync.wires.inline_images import InlineImages

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def test_each_place_gets_its_image_in_order() -> None:
    images = InlineImages()
    places = [images.place(Image.from_bytes(PNG), "data:image/png;base64,"), images.place(Image.from_bytes(PNG + b"2"))]
    first, second = json.loads(images.filled(msgspec.json.encode({"images": places})))["images"]
    assert first.startswith("data:image/png;base64,iVBORw0KGgo")
    assert second.startswith("iVBORw0KGgo") and second != first.partition(",")[2]


def test_a_body_without_images_is_returned_as_it_is() -> None:
    body = b'{"a": 1}'
    assert InlineImages().filled(body) is body


def test_a_place_that_the_user_made_is_refused() -> None:
    with pytest.raises(RequestError, match="extra_body"):
        InlineImages().filled(b'{"a": \0}')
