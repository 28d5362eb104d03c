"""What the emulator answers on the OpenAI wire, field by field as in live captures."""

from __future__ import annotations

from typing import Any

import pytest
from support.emulator_calls import CHAT, OPENAI, openai, post

from minimax_sync.emulator import Emulator

CHUNK_FIELDS = {
    *("id", "choices", "created", "model", "object", "usage", "input_sensitive", "output_sensitive"),
    *("input_sensitive_type", "output_sensitive_type", "output_sensitive_int"),
}


@pytest.mark.parametrize(
    "path", ["/v1/text/chatcompletion_v2", "/v1/chat/completions", "/text/chatcompletion_v2", "/chat/completions"]
)
def test_every_path_of_the_wire_is_served(minimax_emulator: Emulator, path: str) -> None:
    assert post(minimax_emulator, path, CHAT).value["object"] == "chat.completion"


def test_a_whole_answer_has_the_fields_of_the_service(minimax_emulator: Emulator) -> None:
    minimax_emulator.answer("Hello!", reasoning="A greeting.")
    answer = post(minimax_emulator, OPENAI, openai()).value
    assert set(answer) == CHUNK_FIELDS | {"base_resp"}
    assert answer["base_resp"] == {"status_code": 0, "status_msg": ""}
    assert answer["choices"] == [
        {
            "finish_reason": "stop",
            "index": 0,
            "message": {
                "content": "Hello!",
                "role": "assistant",
                "name": "MiniMax AI",
                "audio_content": "",
                "reasoning_content": "A greeting.",
                "reasoning_details": [
                    {
                        "type": "reasoning.text",
                        "id": "reasoning-text-1",
                        "format": "MiniMax-response-v1",
                        "index": 0,
                        "text": "A greeting.",
                    }
                ],
            },
        }
    ]
    assert answer["usage"] == {
        "total_tokens": 9,
        "total_characters": 0,
        "prompt_tokens": 4,
        "completion_tokens": 5,
        "completion_tokens_details": {"reasoning_tokens": 3},
    }


def test_reasoning_stands_in_the_text_unless_it_is_split_off(minimax_emulator: Emulator) -> None:
    minimax_emulator.answer("Hello!", reasoning="A greeting.")
    message = post(minimax_emulator, OPENAI, CHAT).value["choices"][0]["message"]
    assert message["content"] == "<think>\nA greeting.\n</think>\n\nHello!"
    assert "reasoning_content" not in message


def test_the_default_answer_repeats_the_user_and_is_always_the_same(minimax_emulator: Emulator) -> None:
    first, second = (post(minimax_emulator, OPENAI, openai()).value for _ in range(2))
    assert first["choices"][0]["message"]["content"] == 'You said: "Hello there".'
    assert first["choices"] == second["choices"]
    assert first["usage"] == second["usage"]
    assert first["id"] != second["id"]


def test_answers_are_used_in_the_order_they_were_queued_and_once(minimax_emulator: Emulator) -> None:
    minimax_emulator.answer("one")
    minimax_emulator.answer("two")
    texts = [post(minimax_emulator, OPENAI, openai()).text for _ in range(3)]
    assert texts == ["one", "two", 'You said: "Hello there".']


def test_a_long_prompt_is_read_from_the_cache_up_to_its_last_message(minimax_emulator: Emulator) -> None:
    history = [{"role": "user", "content": "x" * 4000}, {"role": "assistant", "content": "Yes."}]
    messages = [*history, {"role": "user", "content": "More."}]
    usage = post(minimax_emulator, OPENAI, openai(messages)).value["usage"]
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    assert 1000 < cached < usage["prompt_tokens"]


def test_an_unknown_field_is_a_warning_and_no_error(minimax_emulator: Emulator) -> None:
    answer = post(minimax_emulator, OPENAI, openai(user="u1")).value
    warning = 'Invalid parameters detected, json: unknown field "user"'
    assert answer["base_resp"] == {"status_code": 0, "status_msg": warning}
    assert answer["choices"][0]["message"]["content"]


def test_a_stream_ends_with_usage_and_without_done(minimax_emulator: Emulator) -> None:
    minimax_emulator.answer("A few words of text.", reasoning="I think about words.")
    answer = post(minimax_emulator, OPENAI, openai(stream=True, stream_options={"include_usage": True}))
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["transfer-encoding"] == "chunked"
    assert b"[DONE]" not in answer.body
    *chunks, last = answer.events
    assert {frozenset(chunk) for chunk in chunks} == {frozenset(CHUNK_FIELDS)}
    assert all(chunk["usage"] is None and chunk["object"] == "chat.completion.chunk" for chunk in chunks)
    assert last["choices"] == []
    assert last["usage"]["completion_tokens_details"] == {"reasoning_tokens": 5}
    assert last["base_resp"] == {"status_code": 0, "status_msg": ""}
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == "I think about words."
    assert "".join(delta.get("content", "") for delta in deltas) == "A few words of text."
    assert [chunk["choices"][0].get("finish_reason") for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert deltas[-1]["content"]


def test_a_stream_without_include_usage_ends_with_its_finish_reason(minimax_emulator: Emulator) -> None:
    events = post(minimax_emulator, OPENAI, openai(stream=True)).events
    assert events[-1]["choices"][0]["finish_reason"] == "stop"
    assert all(event["usage"] is None for event in events)


def test_think_tags_are_cut_across_deltas(minimax_emulator: Emulator) -> None:
    minimax_emulator.answer("Hello!", reasoning="A greeting.")
    events = post(minimax_emulator, OPENAI, {**CHAT, "stream": True}).events
    contents = [event["choices"][0]["delta"]["content"] for event in events]
    assert "".join(contents) == "<think>\nA greeting.\n</think>\n\nHello!"
    assert not any("</think>" in content for content in contents)


def test_a_gateway_may_end_its_streams_with_done() -> None:
    with Emulator(done=True) as emulator:
        assert post(emulator, OPENAI, openai(stream=True)).body.endswith(b"}\n\ndata: [DONE]\n\n")


def test_streamed_calls_take_both_real_forms(minimax_emulator: Emulator) -> None:
    minimax_emulator.answer(tool_calls=[("first", {"path": "a/b.txt"}), ("second", {})])
    events = post(minimax_emulator, OPENAI, openai(stream=True)).events
    calls = [call for event in events for call in event["choices"][0]["delta"]["tool_calls"]]
    opened, *fragments, whole = calls
    assert opened["function"] == {"name": "first", "arguments": ""}
    assert opened["type"] == "function"
    assert {frozenset(call) for call in fragments} == {frozenset({"function", "index"})}
    assert "".join(call["function"]["arguments"] for call in fragments) == '{"path": "a/b.txt"}'
    assert (whole["index"], whole["function"]) == (1, {"name": "second", "arguments": "{}"})
    assert events[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert len({opened["id"], whole["id"]}) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_malformed_arguments_go_out_as_they_are(minimax_emulator: Emulator, stream: bool) -> None:
    minimax_emulator.answer(tool_calls=[("look", '{"path": ')])
    answer = post(minimax_emulator, OPENAI, openai(stream=stream))
    values = answer.events if stream else [answer.value]
    parts = [choice.get("delta") or choice["message"] for value in values for choice in value["choices"]]
    text = "".join(call["function"]["arguments"] for part in parts for call in part["tool_calls"])
    assert text == '{"path": '


TOOL = {
    "type": "function",
    "function": {"name": "book", "parameters": {"properties": {"kind": {"enum": ["single", "double"]}}}},
}


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "book"}}])
def test_a_forced_tool_is_called_with_arguments_that_fit_its_schema(minimax_emulator: Emulator, choice: Any) -> None:
    answer = post(minimax_emulator, "/v1/chat/completions", openai(tools=[TOOL], tool_choice=choice)).value
    [call] = answer["choices"][0]["message"]["tool_calls"]
    assert call["function"]["name"] == "book"
    assert call["function"]["arguments"] == '{"kind":"single"}'


def test_an_offered_tool_alone_is_not_called_and_a_result_is_passed_on(minimax_emulator: Emulator) -> None:
    offered = post(minimax_emulator, OPENAI, openai(tools=[TOOL])).value["choices"][0]
    assert offered["finish_reason"] == "stop"
    call = {"id": "c1", "type": "function", "function": {"name": "book", "arguments": "{}"}}
    messages = [
        *CHAT["messages"],
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "booked"},
    ]
    passed = post(minimax_emulator, OPENAI, openai(messages, tools=[TOOL], tool_choice="required")).value["choices"][0]
    assert passed["message"]["content"] == "The tool answered: booked"


@pytest.mark.parametrize("url", ["data:image/png;base64,aGk=", "https://example.com/cat.png"])
def test_images_are_taken_and_counted(minimax_emulator: Emulator, url: str) -> None:
    content = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}]
    request = openai([{"role": "user", "content": content}], model="MiniMax-M3")
    answer = post(minimax_emulator, OPENAI, request).value
    assert answer["choices"][0]["message"]["content"] == 'You said: "What is it?". I see 1 image.'
    assert answer["usage"]["prompt_tokens"] > 256
    assert minimax_emulator.journal[-1].images == 1


def test_a_filtered_answer_is_flagged(minimax_emulator: Emulator) -> None:
    minimax_emulator.answer("", finish_reason="content_filter")
    answer = post(minimax_emulator, OPENAI, openai()).value
    assert answer["choices"][0]["finish_reason"] == "content_filter"
    assert answer["output_sensitive"] is True


def test_an_empty_answer_streams_one_empty_delta(minimax_emulator: Emulator) -> None:
    minimax_emulator.answer("")
    [event] = post(minimax_emulator, OPENAI, openai(stream=True)).events
    assert event["choices"][0]["delta"]["content"] == ""
    assert event["choices"][0]["finish_reason"] == "stop"


def test_headers_of_an_answer_are_sent(minimax_emulator: Emulator) -> None:
    minimax_emulator.answer("Hi", headers={"x-ratelimit-remaining-tokens": "12"})
    answer = post(minimax_emulator, OPENAI, openai())
    assert answer.headers["x-ratelimit-remaining-tokens"] == "12"
    assert answer.headers["minimax-request-id"] == answer.value["id"]
