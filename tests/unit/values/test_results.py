from __future__ import annotations

from minimax_sync.errors import ServerError
from minimax_sync.values.messages import ChatMessage
from minimax_sync.values.response import ChatResponse
from minimax_sync.values.results import MapResult


def test_a_result_shows_its_input_short_and_either_answer_or_error() -> None:
    good = MapResult(0, "x" * 100, ChatResponse(ChatMessage.assistant("hi"), "stop"))
    assert repr(good).startswith(f"MapResult(index=0, input={'x' * 60!r}… (100 chars), response=")
    assert repr(MapResult(1, {"a": 1}, error=ServerError("late"))) == (
        "MapResult(index=1, input=\"{'a': 1}\", error=ServerError('late'))"
    )
