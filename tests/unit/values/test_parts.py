"""Parts of a message as plain JSON and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from minimax_sync.errors import RequestError
from minimax_sync.values.images import Image
from minimax_sync.values.parts import OtherPart, Part, Reasoning, Text, ToolCall, part_from_dict, part_to_dict

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
PARTS: list[Part] = [
    Text("Hi"),
    Text(""),
    Reasoning("Hm.", "thinking", "sig", {"index": 0}),
    ToolCall("a", "f", arguments_json='{"x": '),
    Image.from_bytes(PNG),
    Image.from_url("https://e.org/a.png"),
    OtherPart({"type": "video_url", "video_url": {"url": "https://e.org/a.mp4"}}),
    OtherPart({"type": "text", "text": "A manual.", "cache_control": {"type": "ephemeral"}}),
    OtherPart({"type": "image_url", "image_url": {"url": "https://e.org/a", "detail": "low"}}),
]


@pytest.mark.parametrize("part", PARTS, ids=[type(part).__name__ for part in PARTS])
def test_a_part_survives_json_without_loss(part: Part) -> None:
    assert part_from_dict(json.loads(json.dumps(part_to_dict(part)))) == part


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
