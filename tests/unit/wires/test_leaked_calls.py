"""Tool calls in the text, in both notations, cut at every point; and text that only looks like them."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from support.openai_events import END
from support.openai_events import delta as openai_delta
from support.replay import chunks_of, plain, stream_of

from minimax_sync.values.request import as_request
from minimax_sync.values.tooldef import ToolDef
from minimax_sync.wires.anthropic_decode import accumulator as anthropic_accumulator
from minimax_sync.wires.leaked_calls import MOST_LOOKS, LeakedCall, LeakedCalls
from minimax_sync.wires.openai_decode import accumulator as openai_accumulator

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "place": {"type": "object", "properties": {"x": {"type": "number"}, "names": {"type": "array"}}},
    },
}
TOOLS = (ToolDef("look", parameters=SCHEMA), ToolDef("stop"))
MARK = "]<]minimax[>["


def m2(*calls: tuple[str, dict[str, str]]) -> str:
    """Write calls in M2's notation."""
    lines = ["<minimax:tool_call>"]
    for name, values in calls:
        lines.append(f'<invoke name="{name}">')
        lines += [f'<parameter name="{key}">{value}</parameter>' for key, value in values.items()]
        lines.append("</invoke>")
    return "\n".join([*lines, "</minimax:tool_call>"])


def tree(name: str, value: Any) -> str:
    """Write an argument in M3's notation: a tag of its name, nested for objects, `item` tags for lists."""
    if isinstance(value, dict):
        inner = "".join(tree(key, item) for key, item in value.items())
    elif isinstance(value, list):
        inner = "".join(tree("item", item) for item in value)
    else:
        inner = str(value)
    return f"{MARK}<{name}>{inner}{MARK}</{name}>"


def m3(*calls: tuple[str, dict[str, Any]]) -> str:
    """Write calls in M3's notation."""
    inner = "\n".join(
        f'{MARK}<invoke name="{name}">{"".join(tree(*each) for each in values.items())}{MARK}</invoke>'
        for name, values in calls
    )
    return f"{MARK}<tool_call>\n{inner}\n{MARK}</tool_call>"


def found(pieces: list[str], tools: tuple[ToolDef, ...] = TOOLS) -> tuple[str, list[LeakedCall]]:
    leaks, shown, calls = LeakedCalls(tools), bytearray(), []
    for piece in pieces:
        for each in leaks.feed(piece, shown):
            if isinstance(each, LeakedCall):
                calls.append(each)
            else:
                shown += each.encode()
    shown += leaks.flush().encode()
    return shown.decode(), calls


def found_everywhere(text: str) -> tuple[str, list[LeakedCall]]:
    """Return what is found, the same wherever the text is cut."""
    expected = found([text])
    assert found(list(text)) == expected
    for at in range(len(text)):
        assert found([text[:at], text[at:]]) == expected
    return expected


def arguments(call: LeakedCall) -> Any:
    return json.loads(call.arguments)


def test_m2s_values_get_the_types_of_the_schema() -> None:
    values = {"city": "Bern <b>", "days": "3", "tags": '["a", "b"]', "place": '{"x": 1.5}', "other": '{"q": [1]}'}
    text, (call,) = found_everywhere(f"Let me look.\n{m2(('look', values))}\nThere.")
    assert text == "Let me look.\n\nThere."
    assert call.name == "look"
    expected = {"city": "Bern <b>", "days": 3, "tags": ["a", "b"], "place": {"x": 1.5}, "other": {"q": [1]}}
    assert arguments(call) == expected


def test_m3s_tags_nest_objects_and_lists() -> None:
    values = {"city": "Bern", "days": 3, "tags": ["a", "b"], "place": {"x": 1.5, "names": ["n"]}}
    text, (call,) = found_everywhere(f"Let me look.{m3(('look', values))}")
    assert text == "Let me look."
    assert arguments(call) == values


@pytest.mark.parametrize("write", [m2, m3])
def test_several_calls_come_in_order_with_the_text_around_them(write: Any) -> None:
    block = write(("look", {"city": "a"}), ("stop", {}))
    text, calls = found_everywhere(f"one {block} two {write(('look', {'city': 'b'}))} three")
    assert text == "one  two  three"
    assert [call.name for call in calls] == ["look", "stop", "look"]
    assert arguments(calls[1]) == {}


def test_a_list_of_one_item_may_come_as_an_object_or_a_value() -> None:
    for value in ('{"item": "a"}', '{"item": ["a"]}', "a"):
        _, (call,) = found([m2(("look", {"tags": value}))])
        assert arguments(call) == {"tags": ["a"]}
    _, (call,) = found([m3(("look", {"tags": ["a"]}))])
    assert arguments(call) == {"tags": ["a"]}


@pytest.mark.parametrize("schema", [{"properties": 5}, {"properties": {"days": {"anyOf": 5}}}])
def test_with_a_schema_that_is_not_valid_the_values_stay_as_they_came(schema: dict[str, Any]) -> None:
    _, (call,) = found([m2(("look", {"days": "3"}))], (ToolDef("look", parameters=schema),))
    assert arguments(call) == {"days": "3"}


LOOK2, LOOK3 = m2(("look", {"city": "Bern"})), m3(("look", {"city": "Bern"}))
TEXTS = {
    "a mention": "M2 writes <minimax:tool_call> and M3 writes ]<]minimax[>[ in front of tags",
    "backticks": f"Write `{LOOK2.replace(chr(10), '')}` like this",
    "a fence": f"```xml\n{LOOK2}\n```\n",
    "a longer fence": f"````\n```\n{LOOK3}\n````\n",
    "tildes": f"~~~\n{LOOK3}\n~~~",
    "an unknown tool": m2(("nope", {})),
    "an unknown tool beside a known one": m3(("look", {}), ("nope", {})),
    "no name": LOOK2.replace('name="look"', 'name=""'),
    "no name attribute": LOOK3.replace(' name="look"', ""),
    "no closing tag": LOOK2.removesuffix("</minimax:tool_call>"),
    "no closing tag, M3": LOOK3.removesuffix("</tool_call>"),
    "a parameter that is not closed": LOOK2.replace("</parameter>", ""),
    "an invoke that is not closed": LOOK2.replace("</invoke>", ""),
    "tags that do not match": LOOK3.replace("</city>", "</town>"),
    "text between the tags": LOOK2.replace("</invoke>", "</invoke> and"),
    "nothing inside": "<minimax:tool_call></minimax:tool_call>",
    "halves of markers": "a <minimax:tool_ca ]<]mini b <",
}


DEEP = sys.getrecursionlimit() * 9 // 10
DEEP_CALLS = {
    "M2": m2(("look", {"other": "[" * DEEP + "]" * DEEP})),
    "M3": m3(("look", {"other": "@"})).replace("@", f"{MARK}<a>" * DEEP + f"{MARK}</a>" * DEEP),
}


@pytest.mark.parametrize("text", DEEP_CALLS.values(), ids=DEEP_CALLS)
def test_arguments_that_nest_too_deeply_are_no_exception(text: str) -> None:
    shown, calls = found([text])
    assert shown == text or len(calls) == 1


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_text_that_only_looks_like_a_call_stays_text(text: str) -> None:
    assert found_everywhere(text) == (text, [])


def test_a_call_behind_code_is_a_call() -> None:
    text, calls = found_everywhere(f"Use `f`.\n```\n{LOOK2}\n```\n{LOOK2}")
    assert text == f"Use `f`.\n```\n{LOOK2}\n```\n"
    assert [call.name for call in calls] == ["look"]


def test_a_line_of_many_markers_is_not_looked_through_for_ever() -> None:
    text = "`<minimax:tool_call>` " * (MOST_LOOKS + 5)
    assert found([text + LOOK2]) == (text + LOOK2, [])


def anthropic_events(pieces: list[str]) -> list[bytes]:
    return [
        stream_of({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": piece}})
        for piece in pieces
    ]


@pytest.mark.parametrize("block", [LOOK2, LOOK3], ids=["M2", "M3"])
@pytest.mark.parametrize("wire", ["openai", "anthropic"])
def test_leaked_calls_are_tool_calls_whole_and_streamed(wire: str, block: str) -> None:
    request = as_request("Hi", {"tools": TOOLS})
    said = f"One.\n{block}\nTwo."
    if wire == "openai":
        make: Any = openai_accumulator
        body: Any = {"choices": [{"message": {"content": said}, "finish_reason": "stop"}]}
        end = [stream_of(*END)]
        events = [stream_of(openai_delta(piece)) for piece in (said[:9], said[9:30], said[30:])]
    else:
        make = anthropic_accumulator
        body = {"content": [{"type": "text", "text": said}], "stop_reason": "end_turn"}
        end = [stream_of({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, {"type": "message_stop"})]
        events = anthropic_events([said[:9], said[9:30], said[30:]])
    streamed = make(request)
    chunks = chunks_of(streamed, [*events, *end])
    whole = plain(lambda: make(request), body)
    for response in (streamed.response(), whole):
        assert (response.text, response.finish_reason) == ("One.\n\nTwo.", "tool_calls")
        assert [(call.name, call.arguments) for call in response.tool_calls] == [("look", {"city": "Bern"})]
        assert [type(part).__name__ for part in response.message.parts] == ["Text", "ToolCall"]
    names = [type(chunk).__name__ for chunk in chunks if "ToolCall" in type(chunk).__name__]
    assert names == ["ToolCallStart", "ToolCallDelta", "ToolCallEnd"]


@pytest.mark.parametrize("options", [{}, {"tools": TOOLS, "tool_choice": "none"}], ids=["no tools", "none chosen"])
@pytest.mark.parametrize("make", [openai_accumulator, anthropic_accumulator])
def test_without_tools_to_choose_the_text_stays_as_it_is(make: Any, options: dict[str, Any]) -> None:
    body = {
        "choices": [{"message": {"content": LOOK2}, "finish_reason": "stop"}],
        "content": [{"type": "text", "text": LOOK2}],
    }
    response = plain(lambda: make(as_request("Hi", options)), body)
    assert (response.text, response.tool_calls, response.finish_reason) == (LOOK2, (), "stop")


def test_an_answer_cut_inside_a_leaked_call_keeps_it_as_text() -> None:
    body = {"choices": [{"message": {"content": LOOK2[:40]}, "finish_reason": "length"}]}
    response = plain(lambda: openai_accumulator(as_request("Hi", {"tools": TOOLS})), body)
    assert (response.text, response.tool_calls, response.finish_reason) == (LOOK2[:40], (), "length")
