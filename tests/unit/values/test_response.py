"""Answers: JSON in their text, Markdown, usage and its price."""

from __future__ import annotations

import re
from typing import Any

import pytest

from minimax_sync.errors import ConfigError, RequestError, ResponseFormatError
from minimax_sync.values.messages import ChatMessage, Reasoning, Text, ToolCall
from minimax_sync.values.models import Price, model_card
from minimax_sync.values.rendering import code, folded, preformatted
from minimax_sync.values.response import ChatResponse
from minimax_sync.values.usage import TokenUsage


def response(text: str) -> ChatResponse:
    return ChatResponse(ChatMessage.assistant(text))


def test_markdown_folds_thinking_away_and_shows_calls() -> None:
    answer = ChatResponse(ChatMessage("assistant", (Reasoning(" Hm "), Text("**Hi**"), ToolCall("a", "f", {"x": 1}))))
    assert answer._repr_markdown_() == (
        folded("Thinking", preformatted("Hm")) + "\n\n**Hi**\n\n" + folded("<code>f</code>", code('{"x":1}'))
    )
    assert response("Hi")._repr_markdown_() == "Hi"
    assert response("")._repr_markdown_() == ""


def test_an_answer_reads_like_its_message() -> None:
    call = ToolCall("a", "f")
    answer = ChatResponse(ChatMessage("assistant", (Reasoning("Hm"), Text("Hi"), call)), "stop", body=b'{"x": "\xff"}')
    assert (answer.text, answer.reasoning, answer.tool_calls) == ("Hi", "Hm", (call,))
    assert answer.raw == {"x": "\ufffd"}
    assert response("Hi").raw is None
    assert str(answer) == "Hi"


def test_the_cost_of_an_answer_is_that_of_its_usage_with_its_model() -> None:
    usage = TokenUsage(600_000, 1, 600_001) + TokenUsage(5, 5, 10)
    assert ChatResponse(ChatMessage.assistant("Hi"), "stop", usage, "MiniMax-M3").cost == usage.cost("MiniMax-M3")


def test_the_json_of_an_answer_may_be_its_thinking_and_an_error_names_the_limit() -> None:
    assert ChatResponse(ChatMessage("assistant", (Reasoning('{"a": 1}'),)), "stop").json() == {"a": 1}
    with pytest.raises(ResponseFormatError, match="raise max_tokens"):
        ChatResponse(ChatMessage.assistant('{"a": [1'), "length").json()


def test_usages_add_up() -> None:
    one, two = TokenUsage(1, 2, 3, 4, 5, 6), TokenUsage(10, 20, 30, 40, 50, 60)
    assert one + two == sum([one, two]) == TokenUsage(11, 22, 33, 44, 55, 66)
    assert sum([one]) == one
    others: list[Any] = [5, None, "x"]
    for other in others:
        with pytest.raises(TypeError):
            one + other


def test_the_price_counts_each_kind_of_token_once() -> None:
    million = 1_000_000
    usage = TokenUsage(
        3 * million, million, 4 * million, 500_000, cache_read_tokens=million, cache_write_tokens=million
    )
    assert usage.cost("MiniMax-M2.5") == pytest.approx(0.30 + 1.20 + 0.03 + 0.375)
    assert TokenUsage().cost("MiniMax-M2.5") == 0
    assert TokenUsage(10, 0, 10, cache_read_tokens=20).cost("MiniMax-M2.5") >= 0
    assert usage.cost("mine", {"mine": Price(1, 2, 3, 4)}) == pytest.approx(10)


def test_an_unknown_model_has_no_price() -> None:
    usage = TokenUsage(1_000_000)
    answer = ChatResponse(ChatMessage.assistant("Hello"), usage=usage, model="mine")
    with pytest.raises(ConfigError, match=r"'mine'.*MiniMax-M2\.5") as caught:
        assert answer.cost
    cure = re.search(r"usage\.cost\(.*\.price\}\)", str(caught.value))
    assert cure is not None
    names = {"usage": usage, "model_card": model_card}
    assert eval(cure[0], names) == usage.cost("MiniMax-M3.1-Flash")


@pytest.mark.parametrize("kind", [ChatResponse, ChatMessage, ToolCall, TokenUsage])
@pytest.mark.parametrize("source", [[], None, "x", 3, [("a", 1)]])
def test_a_value_that_is_not_a_dict_is_refused(kind: Any, source: Any) -> None:
    with pytest.raises(RequestError, match=f"must be a dict, not {type(source).__name__}"):
        kind.from_dict(source)


FIELDS = ChatResponse(ChatMessage.assistant("Hi"), "stop", TokenUsage(1, 2, 3)).to_dict()


@pytest.mark.parametrize("value", [None, 3, object()], ids=["None", "3", "object"])
@pytest.mark.parametrize("name", FIELDS)
def test_a_field_of_another_type_is_named(name: str, value: Any) -> None:
    with pytest.raises(RequestError, match=f"^{name} of an answer must be a"):
        ChatResponse.from_dict({**FIELDS, name: value})


def test_a_field_inside_a_message_or_the_usage_is_named() -> None:
    content = [{"type": "text", "text": "a"}, {"type": "tool_call", "id": "a", "name": 3, "arguments": ""}]
    with pytest.raises(RequestError, match=r"content\[1\]\.name must be a string"):
        ChatResponse.from_dict({**FIELDS, "message": {"role": "assistant", "content": content}})
    with pytest.raises(RequestError, match=r"usage cannot be read: .*prompt_tokens"):
        ChatResponse.from_dict({**FIELDS, "usage": {"prompt_tokens": "many"}})
    with pytest.raises(RequestError, match="body_encoding"):
        ChatResponse.from_dict({**FIELDS, "body_encoding": "latin-17"})
