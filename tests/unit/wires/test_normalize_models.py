"""What depends on model and server: thinking, effort, temperature, limits, MiniMax's own fields, cache marks."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from support.encoded import ANTHROPIC, BOTH, OPENAI, body, messages

from minimax_sync.errors import RequestError
from minimax_sync.values.images import Image
from minimax_sync.values.messages import ChatMessage, OtherPart, Reasoning, Text, ToolCall
from minimax_sync.values.tooldef import ToolDef
from minimax_sync.wires.wire import Wire

M2, M3, FLASH, OTHER = "MiniMax-M2.5", "MiniMax-M3", "minimax/minimax-m3.1-flash", "qwen3"
GATEWAY = Wire("openai_compat", is_minimax=False)
OTHER_ANTHROPIC = Wire("anthropic_messages", is_minimax=False)
WIRES = pytest.mark.parametrize("wire", [OPENAI, GATEWAY, ANTHROPIC, OTHER_ANTHROPIC])
MARK = {"type": "ephemeral"}


@WIRES
def test_the_request_to_m3_always_sets_thinking(wire: Wire) -> None:
    for thinking, kind in ((None, "adaptive"), (True, "adaptive"), (False, "disabled")):
        assert body(wire, "Hi", model=M3, thinking=thinking)["thinking"] == {"type": kind}


@WIRES
@pytest.mark.parametrize("model", [M2, FLASH])
def test_the_request_to_a_model_that_always_thinks_does_not_set_it(wire: Wire, model: str) -> None:
    assert "thinking" not in body(wire, "Hi", model=model)
    assert "thinking" not in body(wire, "Hi", model=model, thinking=True)
    with pytest.raises(RequestError, match=r"MiniMax-M.* does not support thinking=False: it always thinks"):
        body(wire, "Hi", model=model, thinking=False)


def test_effort_is_spelled_as_the_wire_spells_it() -> None:
    for model in (FLASH, OTHER):
        for wire in (OPENAI, GATEWAY):
            assert body(wire, "Hi", model=model, effort="low")["reasoning_effort"] == "low"
        assert body(ANTHROPIC, "Hi", model=model, effort="low")["output_config"] == {"effort": "low"}
    for wire in (OPENAI, ANTHROPIC):
        assert body(wire, "Hi", model=FLASH).keys().isdisjoint({"reasoning_effort", "output_config"})


@WIRES
def test_an_effort_that_a_model_does_not_have_names_what_it_has(wire: Wire) -> None:
    with pytest.raises(RequestError, match=r"effort must be one of low, medium, high, xhigh, max for MiniMax-M3\.1"):
        body(wire, "Hi", model=FLASH, effort="tiny")
    with pytest.raises(RequestError, match="MiniMax-M3 does not support effort; thinking= turns thinking on or off"):
        body(wire, "Hi", model=M3, effort="low")
    with pytest.raises(RequestError, match=r"MiniMax-M2\.5 does not support effort$"):
        body(wire, "Hi", model=M2, effort="low")


@WIRES
def test_of_an_unknown_model_nothing_is_assumed(wire: Wire) -> None:
    assert "thinking" not in body(wire, "Hi", model=OTHER)
    assert body(wire, "Hi", model=OTHER, thinking=False)["thinking"] == {"type": "disabled"}
    assert body(wire, "Hi", model=OTHER, temperature=0)["temperature"] == 0


@WIRES
def test_a_temperature_of_zero_is_sent_where_the_model_takes_it(wire: Wire) -> None:
    sent = {model: body(wire, "Hi", model=model, temperature=0)["temperature"] for model in (M2, M3, FLASH)}
    assert sent == {M2: 0.01, M3: 0, FLASH: 0}


def test_another_server_gets_no_field_of_minimaxs_own() -> None:
    assert body(GATEWAY, "Hi") == {"model": M2, "messages": [{"role": "user", "content": "Hi"}]}
    assert body(GATEWAY, "Hi", stream=True)["stream_options"] == {"include_usage": True}
    assert body(GATEWAY, "Hi", max_tokens=5)["max_tokens"] == 5
    assert body(GATEWAY, "Hi", extra_body={"reasoning_split": True})["reasoning_split"] is True
    assert body(OTHER_ANTHROPIC, "Hi")["max_tokens"] == 65_536


@BOTH
def test_none_in_extra_body_leaves_a_field_out(wire: Wire) -> None:
    written = body(wire, "Hi", model=M3, extra_body={"max_tokens": None, "thinking": None, "unknown": None, "n": 1})
    assert written.keys().isdisjoint({"max_tokens", "thinking", "unknown"})
    assert written["n"] == 1


@pytest.mark.parametrize("shape", ["reasoning", "reasoning_content"])
def test_thinking_goes_back_under_the_name_that_it_came_by(shape: str) -> None:
    history = [ChatMessage.user("Hi"), ChatMessage("assistant", (Reasoning("Hm.", shape), Text("a")))]
    other = messages(GATEWAY, *history)[1]
    assert other == {"role": "assistant", shape: "Hm.", "content": "a"}
    minimax = messages(OPENAI, *history)[1]
    assert minimax.keys() == {"role", "content", "reasoning_details"}
    assert minimax["reasoning_details"][0]["text"] == "Hm."


def test_tags_go_back_by_their_name_and_a_summary_in_its_field() -> None:
    tagged = ChatMessage("assistant", (Reasoning("Hm.", "think_tag", extra={"tag": "mm:think"}), Text("a")))
    assert messages(GATEWAY, "Hi", tagged)[1]["content"] == "<mm:think>\nHm.\n</mm:think>\n\na"
    summary = Reasoning("S.", "reasoning_details", extra={"type": "reasoning.summary", "index": 0})
    assert messages(GATEWAY, "Hi", ChatMessage("assistant", (summary, Text("a"))))[1]["reasoning_details"] == [
        {"type": "reasoning.summary", "index": 0, "summary": "S."}
    ]


TOOLS = (ToolDef("f"), ToolDef("g"))


@pytest.mark.parametrize("model", [M2, OTHER])
def test_cache_marks_stand_at_the_tools_the_system_prompt_and_the_last_two_user_turns(model: str) -> None:
    history = ["one", ChatMessage.assistant("a"), "two", ChatMessage.assistant("b"), "three"]
    written = body(ANTHROPIC, history, model=model, system="S", tools=TOOLS, cache=True)
    assert [tool.get("cache_control") for tool in written["tools"]] == [None, MARK]
    assert written["system"] == [{"type": "text", "text": "S", "cache_control": MARK}]
    marked = [message["content"][-1].get("cache_control") for message in written["messages"]]
    assert marked == [None, None, MARK, None, MARK]


def test_a_model_that_caches_by_itself_gets_no_marks() -> None:
    for model in (M3, FLASH):
        assert body(ANTHROPIC, "Hi", model=model, cache=True) == body(ANTHROPIC, "Hi", model=model)
    assert body(OPENAI, "Hi", cache=True) == body(OPENAI, "Hi")


CACHED = {"type": "text", "text": "A manual.", "cache_control": MARK}


@BOTH
def test_the_users_own_cache_control_is_sent_unchanged(wire: Wire) -> None:
    tool = {"type": "function", "function": {"name": "f"}, "cache_control": MARK}
    history = [
        {"role": "system", "content": [CACHED]},
        {"role": "user", "content": [CACHED, {"type": "text", "text": "Go."}]},
    ]
    written = body(wire, history, tools=[tool])
    assert written["tools"][0]["cache_control"] == MARK
    assert written["messages"][-1]["content"] == [CACHED, {"type": "text", "text": "Go."}]
    system = written["system"] if wire is ANTHROPIC else written["messages"][0]["content"]
    assert system == [CACHED]


@pytest.mark.parametrize(
    ("wire", "other", "part"),
    [
        (OPENAI, ANTHROPIC, {"type": "video_url", "video_url": {"url": "https://e.org/a.mp4"}}),
        (OPENAI, ANTHROPIC, {"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}}),
        (ANTHROPIC, OPENAI, {"type": "video", "source": {"type": "url", "url": "https://e.org/a.mp4"}}),
        (ANTHROPIC, OPENAI, {"type": "document", "source": {"type": "text", "data": "x"}}),
    ],
)
def test_a_part_of_another_kind_goes_over_the_wire_that_has_its_shape(wire: Wire, other: Wire, part: Any) -> None:
    message = {"role": "user", "content": [part, {"type": "text", "text": "Look."}]}
    assert messages(wire, message)[0]["content"][0] == part
    with pytest.raises(RequestError, match=f"part of type '{part['type']}', which only the"):
        messages(other, message)


def test_a_block_of_an_answer_that_has_no_place_on_the_other_wire_is_left_out_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer = ChatMessage("assistant", (OtherPart({"type": "server_tool_use", "id": "s"}), Text("a")))
    assert messages(ANTHROPIC, "Hi", answer)[1]["content"][0] == {"type": "server_tool_use", "id": "s"}
    with caplog.at_level(logging.WARNING, "minimax_sync.wires"):
        assert messages(OPENAI, "Hi", answer)[1] == {"role": "assistant", "content": "a"}
    assert "server_tool_use" in caplog.text
    alone = ChatMessage("assistant", answer.parts[:1])
    assert messages(OPENAI, "Hi", alone, "Go") == [{"role": "user", "content": "Hi\n\nGo"}]


def test_an_image_with_detail_keeps_it_where_there_is_a_place_for_it(caplog: pytest.LogCaptureFixture) -> None:
    part = {"type": "image_url", "image_url": {"url": "https://e.org/a.png", "detail": "low"}}
    assert messages(OPENAI, {"role": "user", "content": [part]})[0]["content"] == [part]
    written = messages(ANTHROPIC, {"role": "user", "content": [part]})[0]["content"]
    assert written == [{"type": "image", "source": {"type": "url", "url": "https://e.org/a.png"}}]
    assert "detail" in caplog.text


def test_an_image_in_a_tools_result_is_an_image_on_both_wires() -> None:
    image = Image.from_url("https://e.org/a.png")
    asked = ChatMessage.assistant("", [ToolCall("a", "f"), ToolCall("b", "f")])
    results = [ChatMessage("tool", (Text("see"), image), "b"), ChatMessage("tool", (Text("1"),), "a")]
    content = messages(ANTHROPIC, "Hi", asked, *results)[2]["content"]
    assert [block["tool_use_id"] for block in content] == ["a", "b"]
    assert [block["type"] for block in content[1]["content"]] == ["text", "image"]
    written = messages(OPENAI, "Hi", asked, *results)
    assert [message["role"] for message in written] == ["user", "assistant", "tool", "tool", "user"]
    assert written[4]["content"] == [{"type": "image_url", "image_url": {"url": "https://e.org/a.png"}}]


def test_blank_text_beside_other_parts_is_not_a_block() -> None:
    asked = ChatMessage.assistant("\n\n", [ToolCall("a", "f")])
    written = messages(ANTHROPIC, "Hi", asked, ChatMessage.tool_result("a", "1"))
    assert [block["type"] for block in written[1]["content"]] == ["tool_use"]
    assert [message["role"] for message in messages(ANTHROPIC, "Hi", ChatMessage.assistant("\n"), "b")] == ["user"]


def test_texts_of_one_role_in_a_row_are_one_message_on_the_openai_wire() -> None:
    written = messages(
        OPENAI, "a", ChatMessage.assistant(""), "b", ChatMessage.assistant("x"), ChatMessage.assistant("y")
    )
    assert written == [{"role": "user", "content": "a\n\nb"}, {"role": "assistant", "content": "x\n\ny"}]
