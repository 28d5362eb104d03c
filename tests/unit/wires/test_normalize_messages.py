"""Messages as both wires write them: instructions, images, turns, and nothing that is empty."""

from __future__ import annotations

import base64
import io
import json
import pickle
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from support.encoded import ANTHROPIC, BOTH, OPENAI, USER, body, messages

from minimax_sync.values.images import Image
from minimax_sync.values.messages import ChatMessage, Reasoning, Text
from minimax_sync.values.request import as_request
from minimax_sync.wires.wire import Wire


@BOTH
def test_all_instructions_become_one_system_prompt_in_front(wire: Wire) -> None:
    history = [
        ChatMessage.system("One."),
        USER,
        {"role": "developer", "content": "Two."},
        ChatMessage.system("  "),
        ChatMessage.assistant("Ho"),
        {"role": "system", "content": [{"type": "text", "text": "Three."}]},
        ChatMessage.user("Go"),
    ]
    written = body(wire, history, system="Zero.")
    prompt = "Zero.\n\nOne.\n\nTwo.\n\nThree."
    if wire is OPENAI:
        assert written["messages"][0] == {"role": "system", "content": prompt}
        del written["messages"][0]
    else:
        assert written["system"] == prompt
    assert [message["role"] for message in written["messages"]] == ["user", "assistant", "user"]


def png() -> bytes:
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (2, 2), "red").save(buffer, format="PNG")
    return buffer.getvalue()


def test_images_on_both_wires(tmp_path: Path) -> None:
    data = png()
    path = tmp_path / "red.png"
    path.write_bytes(data)
    encoded = base64.b64encode(data).decode()
    data_url = f"data:image/png;base64,{encoded}"
    for image in (path, str(path), data, bytearray(data), data_url, Image.from_path(path), PIL.Image.open(path)):
        message = ChatMessage.user("What is it?", images=image)
        (openai,) = messages(OPENAI, message)
        (anthropic,) = messages(ANTHROPIC, message)
        assert openai["content"][0] == {"type": "text", "text": "What is it?"}
        assert openai["content"][1]["image_url"]["url"].startswith("data:image/png;base64,")
        assert anthropic["content"][1]["source"]["media_type"] == "image/png"
        if not isinstance(image, PIL.Image.Image):
            assert openai["content"][1] == {"type": "image_url", "image_url": {"url": data_url}}
            assert anthropic["content"][1]["source"]["data"] == encoded
    url = ChatMessage.user("", images=["https://example.com/a.png"])
    assert messages(OPENAI, url)[0]["content"] == [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    ]
    assert messages(ANTHROPIC, url)[0]["content"] == [
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    ]


@BOTH
def test_no_empty_block_and_no_empty_message_is_sent(wire: Wire) -> None:
    history = (
        ChatMessage("user", (Text(""), Text("Hi"), Text(""))),
        ChatMessage("assistant", (Reasoning(""), Text(""))),
        ChatMessage.assistant(""),
        ChatMessage.user("Go"),
    )
    written = messages(wire, *history)
    assert b'"text":""' not in json.dumps(written, separators=(",", ":")).encode()
    assert all(message["role"] == "user" for message in written)
    assert "Hi" in json.dumps(written)
    assert "Go" in json.dumps(written)


@BOTH
def test_plain_conversations_are_written_as_any_other(wire: Wire) -> None:
    dicts = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "user", "content": "there"},
        {"role": "assistant", "content": "Ho"},
        {"role": "system", "content": " "},
        {"role": "user", "content": "Go"},
    ]
    written = body(wire, dicts)
    values = as_request(dicts, {}).messages
    assert body(wire, values) == written
    assert body(wire, [*dicts, ChatMessage.assistant("")]) == written  # which is not sent, and not plain
    listed: list[Any] = [ChatMessage(value.role, list(value.parts)) for value in values]  # type: ignore[arg-type]
    assert body(wire, listed) == written
    assert [len(value.parts) for value in listed] == [1] * len(dicts)


def test_a_plain_conversation_is_a_tuple_like_any_other() -> None:
    request = as_request([{"role": "user", "content": "Hi"}, "there"], {})
    assert request.messages == (USER, ChatMessage.user("there"))
    again = pickle.loads(pickle.dumps(request))
    assert again == request
    assert as_request(request, {"system": "Be brief."}).messages == request.messages
    assert as_request(again, {}) == request


@BOTH
@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "mm_file://7"}},
        {"type": "image_url", "image_url": "mm_file://7"},
        {"type": "image", "source": {"type": "url", "url": "mm_file://7"}},
        Image.from_url("mm_file://7"),
        "mm_file://7",
    ],
)
def test_an_uploaded_image_is_named_in_the_shape_of_the_wire(wire: Wire, part: Any) -> None:
    given = {"role": "user", "content": [part]} if isinstance(part, dict) else ChatMessage.user(images=[part])
    shape = {"image_url": {"url": "mm_file://7"}, "type": "image_url"}
    if wire == ANTHROPIC:
        shape = {"type": "image", "source": {"type": "url", "url": "mm_file://7"}}
    assert messages(wire, given)[0]["content"] == [shape]


def test_an_image_of_an_unknown_scheme_is_carried_to_the_other_wire(caplog: pytest.LogCaptureFixture) -> None:
    part = {"type": "image_url", "image_url": {"url": "s3://bucket/cat.png"}}
    source = {"type": "url", "url": "s3://bucket/cat.png"}
    given = {"role": "user", "content": [part]}
    assert messages(OPENAI, given)[0]["content"] == [part]
    assert messages(ANTHROPIC, given)[0]["content"] == [{"type": "image", "source": source}]
    assert caplog.records == []
