"""The JSON value in an answer: the last one, never a part of a broken one."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimax_sync import ResponseFormatError
from minimax_sync.values.json_in_text import json_in, json_values

FENCE = "```"

LAST: dict[str, tuple[str, Any]] = {
    "bare": (' {"x": 1}\n', {"x": 1}),
    "bare array": ("[1, 2]", [1, 2]),
    "bare text": ('"x"', "x"),
    "bare null": ("null", None),
    "a fence without a language": ("Here:\n```\n[1]\n```\nDone.", [1]),
    "two fences": ('```json\n{"x": 1}\n```\nNo, rather:\n```json\n{"x": 2}\n```', {"x": 2}),
    "an unclosed fence": ('```json\n{"x": 1}', {"x": 1}),
    "a fence inside a string": ('```json\n{"x": "```\\n"}\n```', {"x": "```\n"}),
    "behind broken JSON": ('{"x": oops} but {"y": 2}', {"y": 2}),
    "behind much LaTeX": (r"\frac{a}{b} " * 400 + 'so {"x": 1}', {"x": 1}),
    "unicode": ('{"x": "é😀"}', {"x": "é😀"}),
    "two lines": ('{"a": 1}\n{"a": 2}', {"a": 2}),
    "two in prose": ('An example is {"a": 1}. The answer: {"a": 2}.', {"a": 2}),
    "a schema, then the answer": ('{"type": "object", "required": ["a"]}\n\n{"a": 1}', {"a": 1}),
    "a fence, then prose": (f'{FENCE}json\n{{"a": 1}}\n{FENCE}\nNo, rather {{"a": 2}}', {"a": 2}),
    "footnotes": ('Sources [1] and [2] give {"a": 1}, see [3]', {"a": 1}),
    "a footnote alone": ("It is [7]", [7]),
    "a literal mention": ('{"a": 1} has the shape `{"a": 0}`', {"a": 1}),
    "a literal mention alone": ('It is `{"a": 0}`', {"a": 0}),
    "code behind it": (f'{{"a": 1}}\n{FENCE}python\nd = {{"a": 2}}\n{FENCE}', {"a": 1}),
    "code alone": (f'{FENCE}python\nd = {{"a": 2}}\n{FENCE}', {"a": 2}),
    "an empty one behind it": ('{"a": 1}, else {} or []', {"a": 1}),
    "a scalar in the last fence": (f"{FENCE}\n1\n{FENCE}\nor\n{FENCE}json\n2\n{FENCE}", 2),
    "tildes": ("~~~JSON\ntrue\n~~~", True),
    "raw control characters": ('{"a": "x\ny\tz"}', {"a": "x\ny\tz"}),
    "a byte order mark": ("\ufeff42", 42),
    "intervals and sets": ('x in [0, 1) or {1, 2} so {"x": 0.5}', {"x": 0.5}),
    "placeholders": ('Fill {name} in: {"name": "Ada"}', {"name": "Ada"}),
    "a correction of a broken one": ('{"a": 1,}\nSorry:\n{"a": 1}', {"a": 1}),
    "a correction of one that was not closed": ('{"a": {"b": 1}\n\nSorry:\n\n{"a": {"b": 2}}', {"a": {"b": 2}}),
    "a fence behind one that was not closed": (f'{{"a": [1, 2\n{FENCE}json\n{{"a": []}}\n{FENCE}', {"a": []}),
}


@pytest.mark.parametrize(("text", "value"), LAST.values(), ids=LAST)
def test_the_last_value_counts(text: str, value: Any) -> None:
    assert json_in(text) == value


def test_all_values_are_returned_the_likeliest_first() -> None:
    assert json_values('{"a": 1} then [1, {"b": 2}] and [9] and {"c": 3}') == [
        *({"c": 3}, [1, {"b": 2}], {"a": 1}),
        [9],
    ]


@pytest.mark.parametrize(
    "text",
    [
        '{"items": [{"name": "rope", "qty": 1}, "name": "tent", "qty": 2}], "total": {"n": 3}}',
        '{"items": [{"name": "rope"}, {"name": "la',
        '{"order": {"id": 7, "customer": {"name": "Ann"}}, "items": [{"name": "rope"',
        f'{FENCE}json\n{{"items": [{{"name": "rope"}}, {{"name": "la',
        "[[1, 2], [3, 4], [5",
        "{'items': [1, 2]}",
        "{items: [1, 2]}",
        '{// none\n "items": [1, 2]}',
        '{"a": NaN}',
        '{"a": [1], "b": -Infinity}',
        '{"a": [1], "b": 1e999}',
        "",
        "```json\n```",
        "9" * 5000 + "x",
    ],
)
def test_nothing_is_taken_from_inside_a_broken_value(text: str) -> None:
    with pytest.raises(ResponseFormatError, match=rf"\({len(text)} chars\) holds no JSON value"):
        json_in(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=3), children, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=3), JSON, min_size=1, max_size=3).map(json.dumps)


@given(OBJECTS, st.data())
def test_a_cut_object_is_never_replaced_by_a_part_of_it(text: str, data: st.DataObject) -> None:
    cut = text[: data.draw(st.integers(1, len(text) - 1))]
    with pytest.raises(ResponseFormatError):
        json_in(f"So: {cut}")


@given(OBJECTS, st.data())
def test_an_object_that_lacks_a_bracket_is_never_replaced_by_a_part_of_it(text: str, data: st.DataObject) -> None:
    in_string = False
    brackets = []
    for position, character in enumerate(text):
        if character == '"' and (len(text[:position]) - len(text[:position].rstrip("\\"))) % 2 == 0:
            in_string = not in_string
        elif position and not in_string and character in "{}[]":
            brackets.append(position)
    lost = data.draw(st.sampled_from(brackets))
    with pytest.raises(ResponseFormatError):
        json_in(f"So: {text[:lost]}{text[lost + 1 :]}")


@given(st.text(alphabet='{}[]",:1a \n`\\', max_size=60))
def test_any_text_gives_a_value_or_one_error(text: str) -> None:
    try:
        json_in(text)
    except ResponseFormatError:
        return
    assert json_values(text)


def test_thinking_counts_where_there_is_no_text_and_it_is_nothing_but_json() -> None:
    assert json_in("", reasoning='{"a": 1}', finish_reason="stop") == {"a": 1}
    assert json_in(" ", reasoning=f'{FENCE}json\n{{"a": 1}}\n{FENCE}') == {"a": 1}
    assert json_in('{"a": 2}', reasoning='{"a": 1}') == {"a": 2}
    for text, reasoning in (("", 'I try {"a": 1}.'), ("none", '{"a": 1}')):
        with pytest.raises(ResponseFormatError, match="no JSON value"):
            json_in(text, reasoning=reasoning)


def test_a_cut_answer_names_the_limit() -> None:
    with pytest.raises(ResponseFormatError, match=r"all tokens were spent on thinking; raise max_tokens"):
        json_in("", reasoning="Hm", finish_reason="length")
    with pytest.raises(ResponseFormatError, match=r"\(8 chars\) was cut off .*; raise max_tokens"):
        json_in('{"a": [1', finish_reason="length")


@pytest.mark.parametrize(
    "text",
    [
        "`" * 200_000,
        '{"a": oops} ' * 50_000,
        "[1, " * 100_000,
        '{"a":' * 20_000,
        '{"a": "' + '\\"' * 200_000,
        '{"a"\n\n' * 50_000,
        "[1 2] " * 50_000,
        "```python\nx\n```\n" * 20_000 + "{",
    ],
    ids=[
        "backticks",
        "broken objects",
        "nested arrays",
        "nested objects",
        "an open string",
        "gaps",
        "broken arrays",
        "fences",
    ],
)
def test_hostile_text_takes_no_time(text: str) -> None:
    began = time.monotonic()
    with pytest.raises(ResponseFormatError):
        json_in(text)
    assert time.monotonic() - began < 10  # a second at most on a quiet machine; minutes without the bounds
