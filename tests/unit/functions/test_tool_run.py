"""A run of tools as a stream: the chunks of all rounds, the results between them, on both wires."""

from __future__ import annotations

from typing import Any

import pytest

from minimax_sync import (
    CallTimeoutError,
    ChatMessage,
    Image,
    MiniMaxClient,
    StreamEnd,
    StreamInterruptedError,
    TextDelta,
    ToolCall,
    ToolFailed,
    ToolResult,
)
from minimax_sync.emulator import Emulator


def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


def fail(a: int) -> int:
    """Fail."""
    raise ValueError(f"not {a}")


def test_the_chunks_of_all_rounds_come_with_the_results_between_them(
    emulator: Emulator, any_client: MiniMaxClient
) -> None:
    emulator.answer("Let me add.", tool_calls=[("add", {"a": 1}), ("add", {"a": 2, "b": 2})])
    emulator.answer("2 and 4.")
    with any_client.tool_run("Add.", [add]) as run:
        chunks = list(run)
    kinds = [type(chunk) for chunk in chunks]
    first_end = kinds.index(StreamEnd)
    assert kinds[first_end + 1 : first_end + 3] == [ToolResult, ToolResult]
    assert [chunk.text for chunk in chunks if isinstance(chunk, ToolResult)] == ["2", "4"]
    assert "".join(chunk.text for chunk in chunks if isinstance(chunk, TextDelta)) == "Let me add.2 and 4."
    assert isinstance(chunks[-1], StreamEnd)
    assert run.response.text == "2 and 4."
    assert [message.role for message in run.messages] == ["user", "assistant", "tool", "tool", "assistant"]
    assert run.messages == run.response.messages


def test_a_run_and_run_tools_give_the_same_response(emulator: Emulator, any_client: MiniMaxClient) -> None:
    for _ in range(2):
        emulator.answer(tool_calls=[("add", {"a": 1})])
        emulator.answer("2.")
    whole = any_client.run_tools("Add.", [add])
    streamed = any_client.tool_run("Add.", [add]).response
    assert (whole.text, whole.finish_reason, whole.usage) == (streamed.text, streamed.finish_reason, streamed.usage)
    assert [message.text for message in whole.messages] == [message.text for message in streamed.messages]


def test_a_failure_of_a_tool_is_a_result_and_an_event(emulator: Emulator, any_client: MiniMaxClient) -> None:
    seen: list[Any] = []
    emulator.answer(tool_calls=[("fail", {"a": 1}), ("unknown", {})])
    emulator.answer("Sorry.")
    client = any_client.with_options(hooks=[seen.append])
    results = [chunk for chunk in client.tool_run("Go.", [fail]) if isinstance(chunk, ToolResult)]
    assert [result.error is not None for result in results] == [True, True]
    assert results[0].error == "ValueError: not 1"
    assert [event.error_type for event in seen if isinstance(event, ToolFailed)] == ["ValueError"]


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize(
    ("decision", "text"),
    [
        (False, "the user did not allow this call"),
        (None, "the user did not allow this call"),
        ("ask me tomorrow", "ask me tomorrow"),
    ],
)
def test_a_call_that_is_not_approved_does_not_run_and_the_model_gets_the_reason(
    emulator: Emulator, any_client: MiniMaxClient, decision: object, text: str, parallel: bool
) -> None:
    ran: list[int] = []

    def count(n: int) -> str:
        """Count."""
        ran.append(n)
        return "counted"

    emulator.answer(tool_calls=[("count", {"n": 1}), ("count", {"n": 2})])
    emulator.answer("All right.")

    def approve(call: ToolCall) -> object:
        return decision if call.arguments["n"] == 1 else True

    response = any_client.run_tools("Count.", [count], approve=approve, parallel=parallel)
    assert ran == [2]
    assert [message.text for message in response.messages if message.role == "tool"] == [text, "counted"]
    assert [message.is_error for message in response.messages if message.role == "tool"] == [True, False]


def test_an_exception_of_approve_is_raised(emulator: Emulator, any_client: MiniMaxClient) -> None:
    emulator.answer(tool_calls=[("add", {"a": 1})])

    def approve(call: ToolCall) -> bool:
        raise PermissionError(call.name)

    with pytest.raises(PermissionError, match="add"):
        any_client.run_tools("Add.", [add], approve=approve)


def test_a_history_that_ends_in_open_calls_is_taken_up(emulator: Emulator, any_client: MiniMaxClient) -> None:
    calls = (ToolCall("c1", "add", {"a": 1}), ToolCall("c2", "add", {"a": 2}))
    history = [
        ChatMessage.user("Add."),
        ChatMessage.assistant("", calls),
        ChatMessage.tool_result("c1", "done before", "add"),
    ]
    emulator.answer("3.")
    run = any_client.tool_run(history, [add])
    results = [chunk for chunk in run if isinstance(chunk, ToolResult)]
    assert [(result.call.id, result.text) for result in results] == [("c2", "3")]
    assert run.response.text == "3."
    assert len(emulator.journal) == 1
    assert [message.text for message in run.messages if message.role == "tool"] == ["done before", "3"]


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_the_calls_of_an_answer_that_was_cut_are_not_run(
    emulator: Emulator, any_client: MiniMaxClient, reason: str
) -> None:
    ran: list[int] = []

    def count(n: int) -> None:
        """Count."""
        ran.append(n)

    emulator.answer(tool_calls=[("count", {"n": 1})], finish_reason=reason)
    response = any_client.run_tools("Count.", [count])
    assert (response.finish_reason, ran) == (reason, [])


def test_a_round_that_fails_raises_with_the_exchange_so_far(emulator: Emulator, any_client: MiniMaxClient) -> None:
    emulator.answer(tool_calls=[("add", {"a": 1})])
    run = any_client.tool_run("Add.", [add])
    with pytest.raises(StreamInterruptedError) as caught:
        for chunk in run:
            if isinstance(chunk, ToolResult):
                emulator.fault("truncate")
    roles = ["user", "assistant", "tool"]
    assert [message.role for message in caught.value.partial.messages] == roles
    assert [message.role for message in run.messages] == roles


def test_each_round_has_the_timeout_for_itself(emulator: Emulator, any_client: MiniMaxClient) -> None:
    emulator.answer(tool_calls=[("add", {"a": 1})])
    emulator.answer("Too late.", silence=30.0)
    run = any_client.tool_run("Add.", [add], timeout=1.0)
    with pytest.raises(CallTimeoutError) as caught:
        list(run)
    assert [message.role for message in run.messages] == ["user", "assistant", "tool"]
    assert caught.value.partial is not None
    assert caught.value.partial.messages == run.messages


def test_images_among_results_go_out_as_images(emulator: Emulator, any_client: MiniMaxClient) -> None:
    def plot() -> tuple[str, Image]:
        """Plot."""
        return "the plot", Image.from_bytes(b"\x89PNG\r\n\x1a\n" + bytes(16))

    emulator.answer(tool_calls=[("plot", {})])
    emulator.answer("A nice plot.")
    response = any_client.run_tools("Plot it.", [plot], model="MiniMax-M3")
    (result,) = [message for message in response.messages if message.role == "tool"]
    assert result.text == "the plot"
    assert result.images
    *_, last = emulator.journal[-1].body["messages"]
    assert last["role"] == "user"
    kinds = [block["type"] for block in last["content"]]
    if "reasoning_split" in emulator.journal[-1].body:
        assert set(kinds) == {"image_url"}
    else:
        assert kinds == ["tool_result"]
        assert "image" in [block["type"] for block in last["content"][0]["content"]]


def test_a_run_stops_after_its_last_round_with_the_calls_of_that_answer(
    emulator: Emulator, any_client: MiniMaxClient
) -> None:
    for _ in range(3):
        emulator.answer(tool_calls=[("add", {"a": 1})])
    run = any_client.tool_run("Add.", [add], max_rounds=2)
    chunks = list(run)
    assert len([chunk for chunk in chunks if type(chunk) is ToolResult]) == 1
    assert type(chunks[-1]) is StreamEnd
    assert (chunks[-1].finish_reason, len(emulator.journal)) == ("tool_calls", 2)
    assert [call.name for call in run.response.tool_calls] == ["add"]
