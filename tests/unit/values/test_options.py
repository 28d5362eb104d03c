"""The table of options against the request and the typed dict, and values of other libraries' types."""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Any, get_type_hints

import numpy as np
import pytest

from minimax_sync.errors import RequestError
from minimax_sync.values.messages import ChatMessage
from minimax_sync.values.options import OPTIONS, ChatOptions
from minimax_sync.values.request import ChatRequest, as_request


class Shout(str):
    """A subclass of str as BeautifulSoup and Django have them."""

    def __str__(self) -> str:
        return "not the text"


class Colour(str, Enum):
    RED = "red"


class Size(IntEnum):
    SMALL = 5


def test_the_request_the_table_and_the_typed_dict_name_the_same_options() -> None:
    fields = {name for name in ChatRequest.__struct_fields__ if not name.startswith("_")}
    assert fields - {"messages"} == set(OPTIONS)
    assert fields == set(get_type_hints(ChatOptions))


def test_messages_may_be_an_option() -> None:
    messages = [{"role": "user", "content": "Hi"}]
    assert as_request(None, {"messages": messages, "top_p": 0.5}) == as_request(messages, {"top_p": 0.5})
    assert as_request("Hi", {"messages": None}) == as_request("Hi", {})
    assert as_request(None, {"messages": {"messages": messages, "top_p": 0.5}}) == as_request(messages, {"top_p": 0.5})
    with pytest.raises(RequestError, match="not NoneType"):
        as_request(None, {"messages": None})


VALUES: list[tuple[str, Any, Any]] = [
    ("model", Shout("m"), "m"),
    ("system", Colour.RED, "red"),
    ("system", np.str_("be brief"), "be brief"),
    ("max_tokens", Size.SMALL, 5),
    ("max_tokens", np.int64(7), 7),
    ("temperature", np.float64(0.5), 0.5),
    ("temperature", np.float32(0.5), 0.5),
    ("temperature", np.linspace(0.2, 1, 3)[0], 0.2),
    ("top_p", np.float32(0.5), 0.5),
    ("stop", Shout("END"), ("END",)),
    ("stop", [Shout("END"), Colour.RED], ("END", "red")),
    ("thinking", np.bool_(True), True),
    ("effort", Colour.RED, "red"),
    ("timeout", np.int32(3), 3),
    ("cache", None, False),
    ("extra_headers", None, {}),
]


@pytest.mark.parametrize(("name", "given", "expected"), VALUES, ids=[f"{n}-{type(v).__name__}" for n, v, _ in VALUES])
def test_a_subclass_counts_as_what_it_is(name: str, given: Any, expected: Any) -> None:
    converted = getattr(as_request("Hi", {name: given}), name)
    assert converted == expected
    assert type(converted) is type(expected)
    if isinstance(converted, tuple):
        assert {type(item) for item in converted} == {str}


@pytest.mark.parametrize(
    "input",
    [
        Shout("Hi"),
        np.str_("Hi"),
        [Shout("Hi")],
        ChatMessage.user(Shout("Hi")),
        {"role": Shout("user"), "content": Shout("Hi")},
        [{"role": np.str_("user"), "content": [{"type": Shout("text"), "text": Shout("Hi")}]}],
    ],
    ids=["str", "numpy", "list", "message", "dict", "parts"],
)
def test_a_message_of_a_subclass_of_str_is_plain_text(input: object) -> None:
    request = as_request(input, {})
    assert request == ChatRequest((ChatMessage.user("Hi"),))
    assert request.is_plain
    assert type(request.messages[0].text) is str


@pytest.mark.parametrize("value", [np.array([0.5, 0.6]), 1j, "0.5", True])
def test_an_option_that_is_not_a_number_is_refused(value: Any) -> None:
    with pytest.raises(RequestError, match="temperature must be"):
        as_request("Hi", {"temperature": value})


@pytest.mark.parametrize("number", [float("nan"), float("inf"), np.float64("-inf")])
@pytest.mark.parametrize(
    ("option", "value", "place"),
    [
        ("extra_body", lambda number: {"top_k": number}, r"extra_body\.top_k is"),
        ("extra_body", lambda number: {"a": [1, {"b": number}]}, r"extra_body\.a\[1\]\.b is"),
        ("response_format", lambda number: {"type": "number", "minimum": number}, r"response_format\.minimum is"),
    ],
)
def test_a_number_that_json_does_not_have_is_refused_with_its_place(
    option: str, value: Any, place: str, number: float
) -> None:
    with pytest.raises(RequestError, match=place):
        as_request("Hi", {option: value(number)})
