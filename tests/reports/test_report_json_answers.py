"""Reports of JSON in answers, end to end on both wires, whole and streamed: which value counts, and which none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from minimax_sync import ChatResponse, MiniMaxClient, ResponseFormatError
from minimax_sync.emulator import Emulator

FENCE = "```"
Ask = Callable[[], ChatResponse]


@pytest.fixture(params=["whole", "streamed"])
def ask(request: pytest.FixtureRequest, any_client: MiniMaxClient) -> Ask:
    if request.param == "whole":
        return lambda: any_client.chat("A river, as JSON")
    return lambda: any_client.stream("A river, as JSON").response


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"name": "a"}\n{"name": "b"}', {"name": "b"}),
        ('For example {"name": "a", "km": 12345}. The answer: {"name": "b"}', {"name": "b"}),
        (f'{FENCE}json\n{{"code": "{FENCE}python\\nx = 1\\n{FENCE}"}}\n{FENCE}', {"code": "```python\nx = 1\n```"}),
        ('{"name": "two\nlines\tand a tab"}', {"name": "two\nlines\tand a tab"}),
        ('By [1] it is {"name": "a"} [2]', {"name": "a"}),
    ],
)
def test_the_last_value_of_an_answer_counts(emulator: Emulator, ask: Ask, text: str, value: Any) -> None:
    emulator.answer(text)
    assert ask().json() == value


@pytest.mark.parametrize(
    ("text", "finish_reason"),
    [
        ('{"rivers": [{"name": "a"}, "name": "b"}], "count": {"n": 2}}', "stop"),
        ('{"rivers": [{"name": "a"}, {"name": "b', "length"),
        ('{"name": "a", "km": NaN}', "stop"),
        ("", "length"),
    ],
)
def test_a_broken_or_cut_value_is_an_error(emulator: Emulator, ask: Ask, text: str, finish_reason: str) -> None:
    emulator.answer(text, reasoning="Hm.", finish_reason=finish_reason)
    response = ask()
    with pytest.raises(ResponseFormatError) as caught:
        response.json()
    assert ("max_tokens" in str(caught.value)) is (finish_reason == "length")


def test_json_that_came_as_thinking_is_taken(emulator: Emulator, ask: Ask) -> None:
    emulator.answer("", reasoning='{"name": "a"}')
    response = ask()
    assert (response.text, response.json()) == ("", {"name": "a"})
