"""What the emulator answers on the Anthropic wire, event by event as in live captures."""

from __future__ import annotations

from typing import Any

import pytest
from support.emulator_calls import ANTHROPIC, Answer, anthropic, post

from minimax_sync.emulator import Emulator

TOOL = {"name": "look", "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}}}


def test_a_whole_answer_has_thinking_text_and_calls_in_order(minimax_emulator: Emulator) -> None:
    minimax_emulator.answer("I will look.", reasoning="A file.", tool_calls=[("look", {"path": "a"}), ("look", "{bad")])
    answer = post(minimax_emulator, ANTHROPIC, anthropic()).value
    thinking, text, call, malformed = answer["content"]
    assert thinking["type"] == "thinking"
    assert len(bytes.fromhex(thinking["signature"])) == 32
    assert text == {"type": "text", "text": "I will look."}
    assert (call["type"], call["name"], call["input"]) == ("tool_use", "look", {"path": "a"})
    assert malformed["input"] == "{bad"
    assert call["id"].startswith("call_function_")
    assert (answer["type"], answer["role"], answer["stop_reason"]) == ("message", "assistant", "tool_use")
    assert answer["usage"] == {"input_tokens": 4, "output_tokens": 12}


def test_a_stream_has_the_events_of_the_service(minimax_emulator: Emulator) -> None:
    minimax_emulator.answer("Hello!", reasoning="Hm.", tool_calls=[("look", {})])
    answer = post(minimax_emulator, ANTHROPIC, anthropic(stream=True))
    assert _shape(answer) == [
        ("message_start", None),
        ("ping", None),
        ("content_block_start", "thinking"),
        ("content_block_delta", "thinking_delta"),
        ("content_block_delta", "thinking_delta"),
        ("content_block_delta", "signature_delta"),
        ("content_block_stop", None),
        ("content_block_start", "text"),
        ("content_block_delta", "text_delta"),
        ("content_block_delta", "text_delta"),
        ("content_block_stop", None),
        ("content_block_start", "tool_use"),
        ("content_block_delta", "input_json_delta"),
        ("content_block_delta", "input_json_delta"),
        ("content_block_stop", None),
        ("message_delta", None),
        ("message_stop", None),
    ]
    events = answer.events
    assert events[0]["message"]["usage"] == {"input_tokens": 4, "output_tokens": 0}
    assert [event["index"] for event in events if event["type"] == "content_block_start"] == [0, 1, 2]
    assert events[-2]["delta"] == {"stop_reason": "tool_use"}
    assert events[-2]["usage"]["output_tokens"] > 0


def _shape(answer: Answer) -> list[tuple[str, str | None]]:
    shape = []
    for block, data in zip(answer.body.decode().split("\n\n"), answer.events, strict=False):
        assert block.startswith(f"event: {data['type']}\ndata: ")
        inner = data.get("content_block") or data.get("delta") or {}
        shape.append((data["type"], inner.get("type")))
    return shape


def test_input_tokens_leave_out_what_was_cached(minimax_emulator: Emulator) -> None:
    messages = [{"role": "user", "content": "Hi"}]
    answer = post(minimax_emulator, ANTHROPIC, anthropic(messages, system="x" * 4000)).value
    assert answer["usage"]["input_tokens"] == 2
    assert answer["usage"]["cache_read_input_tokens"] == 1000
    assert answer["usage"]["cache_creation_input_tokens"] == 0
    assert answer["service_tier"] == "standard"


def test_an_unknown_model_is_answered_by_a_model_of_minimax(minimax_emulator: Emulator) -> None:
    answer = post(minimax_emulator, ANTHROPIC, {**anthropic(), "model": "claude-sonnet-4-6"}).value
    assert answer["model"] == "MiniMax-M3.1-Flash"


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "look"}])
def test_a_forced_tool_is_called(minimax_emulator: Emulator, choice: Any) -> None:
    answer = post(minimax_emulator, ANTHROPIC, anthropic(tools=[TOOL], tool_choice=choice)).value
    assert answer["content"][-1]["input"] == {"path": "example"}
    assert answer["stop_reason"] == "tool_use"


def test_a_tool_result_is_passed_on(minimax_emulator: Emulator) -> None:
    result = {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "found"}]}
    messages = [
        {"role": "user", "content": "Look"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "look", "input": {}}]},
        {"role": "user", "content": [result]},
    ]
    answer = post(minimax_emulator, ANTHROPIC, anthropic(messages, tools=[TOOL])).value
    assert answer["content"][-1]["text"] == "The tool answered: found"


@pytest.mark.parametrize(
    "source",
    [
        {"type": "base64", "media_type": "image/png", "data": "aGk="},
        {"type": "url", "url": "https://example.com/cat.png"},
    ],
)
def test_images_are_taken_and_counted(minimax_emulator: Emulator, source: Any) -> None:
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is it?"}]
    request = anthropic([{"role": "user", "content": content}], model="MiniMax-M3")
    answer = post(minimax_emulator, ANTHROPIC, request).value
    assert answer["content"][-1]["text"] == 'You said: "What is it?". I see 1 image.'
    assert minimax_emulator.journal[-1].images == 1


def test_tokens_are_counted_without_an_answer(minimax_emulator: Emulator) -> None:
    minimax_emulator.answer("kept")
    counted = post(minimax_emulator, f"{ANTHROPIC}/count_tokens", anthropic()).value
    assert counted == {"input_tokens": 4}
    assert post(minimax_emulator, ANTHROPIC, anthropic()).value["content"][0]["text"] == "kept"


def test_a_length_stop_is_max_tokens_here(minimax_emulator: Emulator) -> None:
    minimax_emulator.answer("Once", finish_reason="length")
    assert post(minimax_emulator, ANTHROPIC, anthropic()).value["stop_reason"] == "max_tokens"
