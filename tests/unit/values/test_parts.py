"""Parts of a message from plain JSON; that they survive it is tested in test_messages_lossless."""

from __future__ import annotations

from typing import Any

import pytest

from minimax_sync.errors import RequestError
from minimax_sync.values.parts import OtherPart, part_from_dict


@pytest.mark.parametrize(
    "source",
    [
        {"type": "text", "text": 5},
        {"type": "tool_call", "id": "a", "name": "f"},
        {"type": "reasoning", "text": "x", "shape": 5, "signature": ""},
        {"type": "reasoning", "text": "x", "shape": "thinking", "signature": "", "extra": [1]},
    ],
)
def test_a_part_with_a_wrong_field_is_refused(source: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match="must be"):
        part_from_dict(source)


def test_only_a_text_part_with_more_fields_has_text() -> None:
    assert OtherPart({"type": "text", "text": "A", "cache_control": {}}).text == "A"
    assert OtherPart({"type": "video_url", "text": "A"}).text == ""
    assert "video_url" in repr(OtherPart({"type": "video_url"}))
