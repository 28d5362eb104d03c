"""Messages, answers and usage as plain JSON: any of them comes back equal, and is sent alike, on both wires."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from support.encoded import ANTHROPIC, OPENAI

from minimax_sync.values.dicts import messages_from
from minimax_sync.values.images import Image
from minimax_sync.values.messages import ChatMessage, OtherPart, Part, Reasoning, Text, ToolCall
from minimax_sync.values.request import as_request
from minimax_sync.values.response import ChatResponse
from minimax_sync.values.usage import TokenUsage

T = TypeVar("T")

TEXTS = st.text(max_size=20)
WORDS = st.text("abcdefgh_", min_size=1, max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.dictionaries(WORDS, VALUES, max_size=3)
COUNTS = st.integers(0, 10**9)
USAGES = st.builds(TokenUsage, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
IMAGES = st.one_of(
    st.binary(max_size=20).map(lambda data: Image.from_bytes(b"\x89PNG\r\n\x1a\n" + data)),
    st.sampled_from(["https://example.com/cat.png", "mm_file://7"]).map(Image.from_url),
)
THINKING = st.one_of(
    st.builds(Reasoning, TEXTS, st.just("thinking"), TEXTS),
    st.builds(Reasoning, TEXTS, st.just("reasoning_details"), extra=FIELDS),
    st.builds(Reasoning, TEXTS, st.sampled_from(["reasoning_content", "reasoning", "think_tag"])),
    st.builds(
        Reasoning, st.just(""), st.just("redacted_thinking"), extra=st.builds(lambda data: {"data": data}, TEXTS)
    ),
)
CALLS = st.builds(ToolCall, WORDS, WORDS, st.dictionaries(TEXTS, VALUES, max_size=3)) | st.builds(
    lambda call_id, name, text: ToolCall(call_id, name, arguments_json=text), WORDS, WORDS, TEXTS
)
FOREIGN = st.sampled_from(
    [
        {"type": "video_url", "video_url": {"url": "https://e.org/a.mp4"}},
        {"type": "image_url", "image_url": {"url": "https://e.org/a", "detail": "low"}},
        {"type": "server_tool_use", "id": "s", "input": {"q": 1}},
    ]
).map(OtherPart)
OTHERS = st.builds(lambda text, more: OtherPart({"type": "text", "text": text, "cache_control": more}), TEXTS, FIELDS)


def messages(role: str, *parts: st.SearchStrategy[Any]) -> st.SearchStrategy[ChatMessage]:
    several: st.SearchStrategy[list[Part]] = st.lists(st.one_of(TEXTS.map(Text), *parts), min_size=1, max_size=4)
    return several.map(lambda found: ChatMessage(role, tuple(found)))  # type: ignore[arg-type]


USERS, MODELS = messages("user", IMAGES, OTHERS), messages("assistant", THINKING, CALLS, OTHERS)
RESULTS = st.builds(ChatMessage.tool_result, WORDS, TEXTS | VALUES, WORDS, is_error=st.booleans())
ANY = st.one_of(USERS, MODELS, RESULTS, messages("system"), messages("user", FOREIGN), messages("assistant", FOREIGN))
ANSWERS = st.builds(
    ChatResponse,
    MODELS,
    TEXTS,
    USAGES | st.builds(lambda one, other: one + other, USAGES, USAGES),
    *(TEXTS, TEXTS, TEXTS),
    st.booleans(),
    st.dictionaries(TEXTS, TEXTS, max_size=3),
    st.binary(max_size=30),
    st.lists(ANY, max_size=3).map(tuple),
)


def through_json(value: Any, kind: type[T]) -> T:
    read: T = kind.from_dict(json.loads(json.dumps(value.to_dict())))  # type: ignore[attr-defined]
    return read


@settings(derandomize=True, deadline=None)
@given(ANY)
def test_any_message_comes_back_equal(message: ChatMessage) -> None:
    assert through_json(message, ChatMessage) == message
    assert messages_from([json.loads(json.dumps(message.to_dict()))])[0] == (message,)


@settings(derandomize=True, deadline=None)
@given(CALLS, USAGES)
def test_any_call_and_usage_come_back_equal(call: ToolCall, usage: TokenUsage) -> None:
    assert through_json(call, ToolCall) == call
    assert through_json(usage, TokenUsage) == usage


@settings(derandomize=True, deadline=None)
@given(ANSWERS)
def test_any_answer_comes_back_equal(answer: ChatResponse) -> None:
    assert through_json(answer, ChatResponse) == answer


@settings(derandomize=True, deadline=None)
@given(USERS, MODELS, USERS, st.booleans())
def test_a_history_that_comes_back_is_sent_alike_on_both_wires(
    first: ChatMessage, answer: ChatMessage, last: ChatMessage, stream: bool
) -> None:
    unique = {call.id: call for call in answer.tool_calls}.values()
    parts = tuple(part for part in answer.parts if not isinstance(part, ToolCall)) + tuple(unique)
    history = [
        ChatMessage("user", (Text("Hi"), *first.parts)),
        ChatMessage("assistant", parts),
        *(ChatMessage.tool_result(call.id, "done") for call in unique),
        ChatMessage("user", (*last.parts, Text("Go on."))),
    ]
    stored = json.loads(json.dumps([message.to_dict() for message in history]))
    for wire in (OPENAI, ANTHROPIC):
        sent = wire.encode(as_request(history, {}), "MiniMax-M3", stream)
        assert wire.encode(as_request(list(map(ChatMessage.from_dict, stored)), {}), "MiniMax-M3", stream) == sent
        assert wire.encode(as_request(stored, {}), "MiniMax-M3", stream) == sent
