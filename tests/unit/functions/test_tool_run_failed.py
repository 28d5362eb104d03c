"""A run of tools that fails or is interrupted: its error has the exchange so far, and no call is repeated."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from support.payments import Payments

from minimax_sync import LlmError, MiniMaxClient, RetryPolicy, StreamInterruptedError, ToolCall
from minimax_sync.calls.stream import ChatStream
from minimax_sync.emulator import Emulator

SECRET = "the prompt that stays here"


def failed_run(client: MiniMaxClient, emulator: Emulator, **fault: Any) -> LlmError:
    """Return the error of a run whose second round fails."""

    def fail_next() -> str:
        """Fail the next round."""
        emulator.fault(**fault)
        return "the result of the tool"

    emulator.answer(tool_calls=[("fail_next", {})])
    emulator.answer("one two three four")
    once = client.with_options(retry=RetryPolicy(rate_limit_attempts=1))
    with pytest.raises(LlmError) as caught:
        once.tool_run(SECRET, [fail_next]).response
    return caught.value


@pytest.mark.parametrize("fault", [{"status": 500}, {"kind": "truncate"}, {"code": 1026}])
def test_an_error_of_a_run_holds_no_prompt_in_its_frames_or_its_pickle(
    emulator: Emulator, any_client: MiniMaxClient, fault: dict[str, Any]
) -> None:
    error = failed_run(any_client, emulator, **fault)
    report = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    ours = report.partition("minimax_sync")[2]
    assert SECRET not in ours
    assert "the result of the tool" not in ours
    stored = pickle.dumps(error)
    assert SECRET.encode() not in stored
    assert type(pickle.loads(stored)) is type(error)


METHODS: dict[str, Callable[[MiniMaxClient, list[Any]], object]] = {
    "run_tools": lambda client, tools: client.run_tools("Pay Ada.", tools),
    "tool_run": lambda client, tools: list(client.tool_run("Pay Ada.", tools)),
    "display": lambda client, tools: client.tool_run("Pay Ada.", tools).display(),
    "say": lambda client, tools: client.conversation().say("Pay Ada.", tools=tools),
    "stream": lambda client, tools: client.conversation().stream("Pay Ada.", tools=tools).response,
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "fault", [{"status": 400}, {"status": 429}, {"status": 500}, {"kind": "html"}, {"kind": "truncate"}, {"code": 1026}]
)
def test_an_error_has_the_exchange_from_which_another_run_continues(
    emulator: Emulator, any_client: MiniMaxClient, fault: dict[str, Any], method: str
) -> None:
    payments = Payments()

    def pay(to: str) -> str:
        """Pay, and let the next round fail."""
        emulator.fault(**fault)
        return payments.pay(to)

    emulator.answer(tool_calls=[("pay", {"to": "Ada"})])
    emulator.answer("one two three four")
    once = any_client.with_options(retry=RetryPolicy(rate_limit_attempts=1, server_attempts=1))
    with pytest.raises(LlmError) as caught:
        METHODS[method](once, [pay])
    partial = caught.value.partial
    assert partial is not None
    assert [message.role for message in partial.messages] == ["user", "assistant", "tool"]
    assert partial.cost > 0
    assert any_client.run_tools(partial.messages, [payments.pay]).messages[:3] == partial.messages
    assert payments.made == ["Ada"]


@pytest.mark.parametrize("fault", ["truncate", "error_event"])
def test_a_call_in_an_answer_that_broke_off_is_not_run_when_the_run_is_continued(
    emulator: Emulator, any_client: MiniMaxClient, fault: str
) -> None:
    payments = Payments()
    emulator.answer("I pay both.", tool_calls=[("pay", {"to": "Ada"}), ("pay", {"to": "Bob" * 50})])
    emulator.fault(fault)
    run = any_client.tool_run("Pay both.", [payments.pay])
    with pytest.raises(LlmError) as caught:
        list(run)
    partial = caught.value.partial
    assert partial is not None
    assert not partial.message.is_empty
    assert [message.role for message in partial.messages] == ["user"]
    assert run.messages == partial.messages
    emulator.answer("Nothing was paid.")
    assert any_client.run_tools(partial.messages, [payments.pay]).text == "Nothing was paid."
    assert payments.made == []


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("problem", [KeyboardInterrupt, PermissionError])
@pytest.mark.parametrize("kind", ["run", "turn"])
def test_reading_on_after_an_interrupt_raises_that_the_run_was_interrupted(
    emulator: Emulator, any_client: MiniMaxClient, kind: str, problem: type[BaseException], parallel: bool
) -> None:
    payments = Payments()

    def approve(call: ToolCall) -> bool:
        if call.arguments["to"] == "Bob":
            raise problem
        return True

    emulator.answer(tool_calls=[("pay", {"to": "Ada"})])
    emulator.answer(tool_calls=[("pay", {"to": "Bob"})])
    options: dict[str, Any] = {"tools": [payments.pay], "approve": approve, "parallel": parallel}
    begin = any_client.conversation().stream if kind == "turn" else any_client.tool_run
    run: ChatStream = begin("Pay both.", **options)
    with pytest.raises(problem):
        list(run)
    for read in (lambda: next(run), lambda: run.response, run.display):
        with pytest.raises(StreamInterruptedError, match="the run was interrupted") as caught:
            read()
        assert [message.role for message in caught.value.partial.messages] == ["user", "assistant", "tool", "assistant"]
    emulator.answer("Done.")
    assert any_client.run_tools(caught.value.partial.messages, [payments.pay]).text == "Done."
    assert payments.made == ["Ada", "Bob"]


def test_a_failed_turn_of_a_conversation_can_be_continued(emulator: Emulator, any_client: MiniMaxClient) -> None:
    payments = Payments()

    def pay(to: str) -> str:
        """Pay, and let the next round fail."""
        emulator.fault(400)
        return payments.pay(to)

    talk = any_client.conversation("Be brief.", tools=[pay])
    talk.say("Hello")
    emulator.answer(tool_calls=[("pay", {"to": "Ada"})])
    with pytest.raises(LlmError) as caught:
        talk.say("Pay Ada.")
    assert caught.value.partial is not None
    talk.add(*caught.value.partial.messages[len(talk.messages) :])
    emulator.answer("Paid.")
    assert talk.say().text == "Paid."
    assert payments.made == ["Ada"]


def test_the_pickle_of_an_interrupted_run_has_the_part_received(emulator: Emulator, any_client: MiniMaxClient) -> None:
    error = failed_run(any_client, emulator, kind="truncate")
    assert isinstance(error, StreamInterruptedError)
    assert [message.role for message in error.partial.messages] == ["user", "assistant", "tool"]
    assert pickle.loads(pickle.dumps(error)).partial.text == error.partial.text
