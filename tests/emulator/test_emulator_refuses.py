"""Every request that the service refuses with 2013, and the nearest one that it accepts."""

from __future__ import annotations

from typing import Any

import pytest
from support.emulator_calls import ANTHROPIC, OPENAI, anthropic, openai, post

from minimax_sync.emulator import Emulator

M3, M31 = "MiniMax-M3", "MiniMax-M3.1-Flash"
USER = {"role": "user", "content": "Hi"}
SYSTEM = {"role": "system", "content": "Be brief."}
SCHEMA = {"type": "object", "properties": {}}


def _call(arguments: Any = "{}", call_id: Any = "c1") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "look", "arguments": arguments}}


def _asks(*calls: Any, **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": "", "tool_calls": list(calls or [_call()]), **fields}


def _answers(call_id: str = "c1", content: Any = "found") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def _tool(**function: Any) -> dict[str, Any]:
    return {"type": "function", "function": function}


def _image(url: Any, kind: str = "image") -> list[Any]:
    return [{"role": "user", "content": [{"type": f"{kind}_url", f"{kind}_url": {"url": url}}]}]


def _media(source: Any, kind: str = "image") -> list[Any]:
    return [{"role": "user", "content": [{"type": kind, "source": source}]}]


LOOK = _tool(name="look", parameters=SCHEMA)

OPENAI_REFUSED: dict[str, tuple[Any, str]] = {
    "a body that is no object": (["x"], "the body is not a JSON object"),
    "no model": ({"messages": [USER]}, "model is empty"),
    "no messages": (openai([]), "messages is empty"),
    "messages that are none": (openai(["Hi"]), "messages is empty"),
    "two system messages": (openai([SYSTEM, SYSTEM, USER]), "invalid chat setting"),
    "a system message that is not first": (openai([USER, SYSTEM]), "invalid chat setting"),
    "the developer role": (openai([{"role": "developer", "content": "x"}]), "invalid role: developer"),
    "empty text": (openai([{"role": "user", "content": ""}]), "message content is empty"),
    "empty content": (openai([{"role": "user", "content": []}]), "message content is empty"),
    "an empty block": (openai([{"role": "user", "content": [{"type": "text", "text": ""}]}]), "block is empty"),
    "a block of another kind": (openai([{"role": "user", "content": [{"type": "file"}]}]), "content type: file"),
    "an empty assistant turn": (openai([USER, {"role": "assistant", "content": ""}, USER]), "content is empty"),
    "reasoning_content": (
        openai([USER, {"role": "assistant", "content": "a", "reasoning_content": "b"}, USER]),
        "unexpected field reasoning_content",
    ),
    "a result without any call": (openai([USER, _answers()]), "tool call result does not follow tool call"),
    "a result of another call": (openai([USER, _asks(), _answers("c2")]), "tool result's tool id(c2) not found"),
    "two results of one call": (openai([USER, _asks(), _answers(), _answers()]), "tool id(c1) not found"),
    "a result that does not follow": (openai([USER, _asks(), USER, _answers()]), "tool call without its result"),
    "a call without its result": (openai([USER, _asks(), USER]), "without its result, tool_call_id: c1"),
    "a call at the end": (openai([USER, _asks()]), "without its result"),
    "one result of two": (openai([USER, _asks(_call(), _call(call_id="c2")), _answers()]), "tool_call_id: c2"),
    "a result without content": (openai([USER, _asks(), _answers(content=None)]), "tool result without content"),
    "arguments that are no JSON": (openai([USER, _asks(_call("{")), _answers()]), "function arguments json string"),
    "empty arguments": (openai([USER, _asks(_call("")), _answers()]), "function arguments json string"),
    "arguments as an object": (openai([USER, _asks(_call({})), _answers()]), "function arguments json string"),
    "a call without an id": (openai([USER, _asks(_call(call_id="")), _answers("")]), "tool call id is empty"),
    "a call of no function": (openai([USER, _asks({"id": "c1"}), _answers()]), "tool call without a function"),
    "calls of the user": (openai([{**_asks(), "role": "user"}, _answers()]), "unexpected tool_calls"),
    "a tool without parameters": (openai(tools=[_tool(name="look")]), "function parameters is empty"),
    "a tool without a name": (openai(tools=[_tool(parameters=SCHEMA)]), "function name is empty"),
    "a tool of another type": (openai(tools=[{**LOOK, "type": "web_search"}]), "invalid tool type: web_search"),
    "a tool without a type": (openai(tools=[{"function": LOOK["function"]}]), "invalid tool type: "),
    "tools that are no list": (openai(tools={"look": LOOK}), "tools must be an array"),
    "a choice without tools": (openai(tool_choice="required"), "tool_choice 'required' is not possible"),
    "a choice of another tool": (
        openai(tools=[LOOK], tool_choice={"type": "function", "function": {"name": "see"}}),
        "tool_choice names no tool",
    ),
    "two answers": (openai(n=2), "n must be 1"),
    "temperature 0": (openai(temperature=0), "temperature must be in (0, 1]"),
    "temperature 1.1": (openai(temperature=1.1), "temperature must be in (0, 1]"),
    "temperature 2.1 of M3": (openai(model=M3, temperature=2.1), "temperature must be in [0, 2]"),
    "temperature as text": (openai(temperature="1"), "temperature must be in (0, 1]"),
    "top_p 0": (openai(top_p=0), "top_p must be in (0, 1]"),
    "max_tokens 0": (openai(max_tokens=0), "max_tokens must be 1 or more"),
    "max_completion_tokens 0": (openai(max_completion_tokens=0), "max_completion_tokens must be 1 or more"),
    "max_tokens 1.5": (openai(max_tokens=1.5), "max_tokens must be 1 or more"),
    "stream as text": (openai(stream="yes"), "stream must be a boolean"),
    "an image for a model that reads text": (
        openai(_image("https://x.io/a.png")),
        "MiniMax-M2.5 supports text input only",
    ),
    "a video for a model that reads text": (openai(_image("https://x.io/a.mp4", "video")), "supports text input only"),
    "an image that is not base64": (openai(_image("data:image/png;base64,?"), model=M3), "video is not base64"),
    "an empty image": (openai(_image("data:image/png;base64,"), model=M3), "video is empty"),
    "an image without a URL": (openai(_image(None), model=M3), "image_url is empty"),
    "a video without a URL": (openai(_image(None, "video"), model=M3), "video_url is empty"),
    "an image in a local file": (
        openai(_image("file:///cat.png"), model=M3),
        "must be a data:, http(s) or mm_file URL",
    ),
    "disabled thinking of M3.1-Flash": (
        openai(model=M31, thinking={"type": "disabled"}),
        "MiniMax-M3.1-Flash requires adaptive thinking",
    ),
    "thinking of no kind": (openai(model=M3, thinking={"type": "never"}), "thinking.type 'never' is not supported"),
    "an effort of no kind": (
        openai(model=M31, reasoning_effort="huge"),
        "must be one of low, medium, high, xhigh, max",
    ),
    "a prompt past the window": (openai([{"role": "user", "content": "x" * 820_000}]), "context window exceeds limit"),
}

OPENAI_ACCEPTED: dict[str, Any] = {
    "one system message, first": openai([SYSTEM, USER]),
    "calls and their results": openai([USER, _asks(_call(), _call(call_id="c2")), _answers(), _answers("c2"), USER]),
    "results in another order": openai([USER, _asks(_call(), _call(call_id="c2")), _answers("c2"), _answers()]),
    "an empty result": openai([USER, _asks(), _answers(content="")]),
    "a call with null content": openai([USER, _asks(content=None), _answers()]),
    "reasoning_details": openai(
        [USER, {"role": "assistant", "content": "a", "reasoning_details": [{"text": "b"}]}, USER]
    ),
    "numbers at their bounds": openai(temperature=1, top_p=1, max_tokens=1, n=1),
    "temperature 0 of M3": openai(model=M3, temperature=0),
    "temperature 2 of M3.1-Flash": openai(model=M31, temperature=2),
    "a long prompt for M3": openai([{"role": "user", "content": "x" * 820_000}], model=M3),
    "a video for M3, uploaded before": openai(_image("mm_file://7", "video"), model=M3),
    "thinking and effort on a model that has no choice": openai(thinking={"type": "disabled"}, reasoning_effort="low"),
    "thinking switched off": openai(model=M3, thinking={"type": "disabled"}),
    "an effort": openai(model=M31, reasoning_effort="low", thinking={"type": "adaptive"}),
    "nulls for what is left out": openai(temperature=None, max_tokens=None, tools=None, tool_choice=None, stream=None),
    "a tool and its choice": openai(
        tools=[LOOK], tool_choice={"type": "function", "function": {"name": "look"}}, stop=["x"]
    ),
}


@pytest.mark.parametrize("name", OPENAI_REFUSED)
def test_the_openai_wire_refuses(minimax_emulator: Emulator, name: str) -> None:
    body, words = OPENAI_REFUSED[name]
    _check_refused(minimax_emulator, OPENAI, body, words)


@pytest.mark.parametrize("name", OPENAI_ACCEPTED)
def test_the_openai_wire_accepts(minimax_emulator: Emulator, name: str) -> None:
    answer = post(minimax_emulator, OPENAI, OPENAI_ACCEPTED[name])
    assert (answer.status, answer.value["base_resp"]["status_msg"]) == (200, "")


def _uses(call_id: Any = "c1", value: Any = None) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": "look", "input": {} if value is None else value}


def _results(*ids: str, after: Any = (), content: Any = "found") -> dict[str, Any]:
    results = [{"type": "tool_result", "tool_use_id": one, "content": content} for one in ids]
    return {"role": "user", "content": [*results, *after]}


def _turn(*blocks: Any, role: str = "assistant") -> dict[str, Any]:
    return {"role": role, "content": list(blocks)}


TEXT = {"type": "text", "text": "Hi"}
FORMAT = {"format": {"type": "json_schema", "schema": SCHEMA}}
TOOL = {"name": "look", "input_schema": SCHEMA}

ANTHROPIC_REFUSED: dict[str, tuple[Any, str]] = {
    "no messages": (anthropic([]), "messages is empty"),
    "the system role": (anthropic([SYSTEM, USER]), "invalid message role: system"),
    "empty text": (anthropic([{"role": "user", "content": ""}]), "message content is empty"),
    "empty content": (anthropic([_turn(role="user")]), "message content is empty"),
    "an empty block": (anthropic([_turn({"type": "text", "text": ""}, role="user")]), "content block is empty"),
    "a document": (anthropic([_turn({"type": "document"}, role="user")]), "unsupported content type: document"),
    "thinking of the user": (anthropic([_turn({"type": "thinking"}, role="user")]), "content type: thinking"),
    "thinking without text": (anthropic([USER, _turn({"type": "thinking"})]), "thinking block is empty"),
    "an empty system block": (anthropic(system=[{"type": "text", "text": ""}]), "content block is empty"),
    "a result without any call": (anthropic([USER, _results("c1")]), "does not follow tool call"),
    "a result of another call": (anthropic([USER, _turn(_uses()), _results("c2")]), "tool id(c2) not found"),
    "a result behind text": (
        anthropic([USER, _turn(_uses()), {"role": "user", "content": [TEXT, *_results("c1")["content"]]}]),
        "tool call without its result",
    ),
    "results in two messages": (
        anthropic([USER, _turn(_uses(), _uses("c2")), _results("c1"), _results("c2")]),
        "tool_call_id: c2",
    ),
    "a call without its result": (anthropic([USER, _turn(_uses()), USER]), "tool call without its result"),
    "a call at the end": (anthropic([USER, _turn(TEXT, _uses())]), "tool call without its result"),
    "input that is no object": (anthropic([USER, _turn(_uses(value="{}"))]), "function arguments json string"),
    "a call without an id": (anthropic([USER, _turn(_uses(""))]), "tool call id is empty"),
    "a tool without a schema": (anthropic(tools=[{"name": "look"}]), "function parameters is empty"),
    "a tool of another type": (anthropic(tools=[{**TOOL, "type": "bash"}]), "invalid tool type: bash"),
    "a choice without tools": (anthropic(tool_choice={"type": "any"}), "tool_choice is not possible"),
    "a choice of no tool": (anthropic(tools=[TOOL], tool_choice={"type": "tool"}), "tool_choice is not possible"),
    "a choice in words": (anthropic(tools=[TOOL], tool_choice="any"), "tool_choice is not possible"),
    "a JSON schema": (anthropic(output_config=FORMAT), "output_config is not supported by MiniMax-M2.5"),
    "an effort for a model without": (anthropic(output_config={"effort": "low"}), "output_config is not supported"),
    "an effort for M3": (anthropic(model=M3, output_config={"effort": "low"}), "not supported by MiniMax-M3"),
    "an effort of no kind": (anthropic(model=M31, output_config={"effort": "huge"}), "must be one of low, medium"),
    "disabled thinking of M3.1-Flash": (
        anthropic(model=M31, thinking={"type": "disabled"}),
        "requires adaptive thinking",
    ),
    "temperature 0": (anthropic(temperature=0), "temperature must be in (0, 1]"),
    "max_tokens 0": (anthropic(max_tokens=0), "max_tokens must be 1 or more"),
    "an image for a model that reads text": (anthropic(_media({"type": "url"})), "supports text input only"),
    "an image in a tool result for a model that reads text": (
        anthropic([USER, _turn(_uses()), _results("c1", content=[{"type": "image", "source": {}}])]),
        "supports text input only",
    ),
    "an image of no kind": (anthropic(_media({"type": "file"}), model=M3), "image source must be base64 or a URL"),
    "a video of no kind": (anthropic(_media({"type": "file"}, "video"), model=M3), "video source must be base64"),
}

ANTHROPIC_ACCEPTED: dict[str, Any] = {
    "calls, results and text in one message": anthropic(
        [USER, _turn(TEXT, _uses(), _uses("c2")), _results("c1", "c2", after=[TEXT])]
    ),
    "thinking with and without a signature": anthropic(
        [USER, _turn({"type": "thinking", "thinking": "a", "signature": "b"}, {"type": "thinking", "thinking": "c"})]
    ),
    "a system prompt as blocks, and unknown fields": anthropic(
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}], top_k=3, metadata={}
    ),
    "a custom tool and its choice": anthropic(tools=[{**TOOL, "type": "custom"}], tool_choice={"type": "none"}),
    "two turns of one role": anthropic([USER, USER]),
    "an effort": anthropic(model=M31, output_config={"effort": "max"}, thinking={"type": "adaptive"}),
    "thinking with a budget, as of another service": anthropic(
        model=M3, thinking={"type": "enabled", "budget_tokens": 1024}
    ),
    "a video": anthropic(_media({"type": "base64", "media_type": "video/mp4", "data": "aGk="}, "video"), model=M3),
    "temperature 0 of M3": anthropic(model=M3, temperature=0),
}


@pytest.mark.parametrize("name", ANTHROPIC_REFUSED)
def test_the_anthropic_wire_refuses(minimax_emulator: Emulator, name: str) -> None:
    body, words = ANTHROPIC_REFUSED[name]
    _check_refused(minimax_emulator, ANTHROPIC, body, words)


@pytest.mark.parametrize("name", ANTHROPIC_ACCEPTED)
def test_the_anthropic_wire_accepts(minimax_emulator: Emulator, name: str) -> None:
    assert post(minimax_emulator, ANTHROPIC, ANTHROPIC_ACCEPTED[name]).status == 200


def _check_refused(emulator: Emulator, path: str, body: Any, words: str) -> None:
    emulator.answer("never used")
    answer = post(emulator, path, body)
    assert answer.status == 400
    error = answer.value["error"]
    assert error["message"].startswith("invalid params, ")
    assert words in error["message"]
    assert error["message"].endswith(" (2013)")
    assert (answer.value["type"], error["type"], error["http_code"]) == ("error", "bad_request_error", "400")
    assert answer.value["request_id"] == answer.headers["minimax-request-id"]
