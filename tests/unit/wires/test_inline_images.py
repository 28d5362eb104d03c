"""The base64 of images, put into the gaps of a body that is already JSON."""

from __future__ import annotations

import json

import msgspec
import pytest

from minimax_sync.errors import RequestError
from minimax_sync.values.messages import ChatMessage
from minimax_sync.wires.inline_images import filled, gap

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def test_each_gap_gets_its_image_in_order() -> None:
    messages = [ChatMessage.user("a", images=[PNG]), ChatMessage.user("b", images=[PNG + b"2", "https://x/y.png"])]
    body = msgspec.json.encode({"images": [gap("data:image/png;base64,"), gap()]})
    first, second = json.loads(filled(body, messages))["images"]
    assert first.startswith("data:image/png;base64,iVBORw0KGgo")
    assert second.startswith("iVBORw0KGgo") and second != first.partition(",")[2]


def test_a_body_without_gaps_is_returned_as_it_is() -> None:
    body = b'{"a": 1}'
    assert filled(body, [ChatMessage.user("a", images=["https://x/y.png"])]) is body


def test_a_gap_that_the_user_made_is_refused() -> None:
    with pytest.raises(RequestError, match="extra_body"):
        filled(b'{"a": \0}', [ChatMessage.user("a")])
