"""A run of tools that is left, closed or read twice: what was done is kept, and nothing more is sent."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from support.eventually import eventually
from support.payments import Payments

from minimax_sync import MiniMaxClient, StreamInterruptedError, ToolCall, ToolResult
from minimax_sync.calls.stream import ChatStream
from minimax_sync.emulator import Emulator
from minimax_sync.net.connections import open_sockets


def test_a_run_that_is_left_between_two_results_repeats_no_call_when_it_is_continued(
    emulator: Emulator, any_client: MiniMaxClient
) -> None:
    payments = Payments()
    emulator.answer(tool_calls=[("pay", {"to": "Ada"}), ("pay", {"to": "Bob"})])
    emulator.answer("Done.")
    with any_client.tool_run("Pay both.", [payments.pay]) as run:
        for chunk in run:
            if isinstance(chunk, ToolResult):
                break
    assert [message.role for message in run.messages] == ["user", "assistant", "tool"]
    assert any_client.run_tools(run.messages, [payments.pay]).text == "Done."
    assert payments.made == ["Ada", "Bob"]


def test_results_of_parallel_calls_that_were_not_read_are_kept_and_no_call_is_repeated(
    emulator: Emulator, any_client: MiniMaxClient
) -> None:
    payments, leave = Payments(), threading.Event()

    def pay(to: str) -> str:
        """Pay; Bob's payment takes longer."""
        if to == "Bob":
            leave.wait(10)
        return payments.pay(to)

    emulator.answer(tool_calls=[("pay", {"to": "Ada"}), ("pay", {"to": "Bob"}), ("pay", {"to": "Cleo"})])
    emulator.answer("Done.")
    with any_client.tool_run("Pay all.", [pay], parallel=2) as run:
        for chunk in run:
            if isinstance(chunk, ToolResult):
                break
    leave.set()
    with pytest.raises(StreamInterruptedError, match="the run was closed"):
        list(run)
    assert any_client.run_tools(run.messages, [payments.pay]).text == "Done."
    assert sorted(payments.made) == ["Ada", "Bob", "Cleo"]
    for thread in threading.enumerate():
        if thread.name == "minimax-tool":
            thread.join(10)
            assert not thread.is_alive()


def test_a_result_counts_although_a_call_before_it_was_interrupted(
    emulator: Emulator, any_client: MiniMaxClient
) -> None:
    payments = Payments()

    def pay(to: str) -> str:
        """Pay; the payment to Ada is interrupted once the one to Bob is made."""
        if to == "Bob":
            return payments.pay(to)
        eventually(lambda: run.messages[-1].role == "tool")
        raise KeyboardInterrupt

    emulator.answer(tool_calls=[("pay", {"to": "Ada"}), ("pay", {"to": "Bob"})])
    run = any_client.tool_run("Pay both.", [pay], parallel=True)
    with pytest.raises(KeyboardInterrupt):
        list(run)
    emulator.answer("Done.")
    resumed = any_client.run_tools(run.messages, [payments.pay])
    assert payments.made == ["Bob", "Ada"]
    calls = resumed.messages[1].tool_calls
    results = [message for message in resumed.messages if message.role == "tool"]
    assert [message.tool_call_id for message in results] == [call.id for call in calls]


@pytest.mark.parametrize("parallel", [False, True])
def test_nobody_is_asked_again_about_a_call_that_was_refused(
    emulator: Emulator, any_client: MiniMaxClient, parallel: bool
) -> None:
    asked: list[str] = []

    def approve(call: ToolCall) -> bool:
        asked.append(call.arguments["to"])
        return asked[-1] != "Bob"

    payments = Payments()
    emulator.answer(tool_calls=[("pay", {"to": "Ada"}), ("pay", {"to": "Bob"})])
    emulator.answer("Done.")
    with any_client.tool_run("Pay both.", [payments.pay], approve=approve, parallel=parallel) as run:
        for chunk in run:
            if isinstance(chunk, ToolResult):
                break
    assert any_client.run_tools(run.messages, [payments.pay], approve=approve).text == "Done."
    assert (payments.made, asked) == (["Ada"], ["Ada", "Bob"])


@pytest.mark.parametrize("parallel", [False, True])
def test_a_run_that_is_closed_while_a_call_is_approved_asks_about_no_other_call(
    emulator: Emulator, any_client: MiniMaxClient, parallel: bool
) -> None:
    payments, asked = Payments(), list[str]()

    def approve(call: ToolCall) -> bool:
        asked.append(call.arguments["to"])
        run.close()
        return True

    emulator.answer(tool_calls=[("pay", {"to": "Ada"}), ("pay", {"to": "Bob"})])
    run = any_client.tool_run("Pay both.", [payments.pay], approve=approve, parallel=parallel)
    with pytest.raises(StreamInterruptedError, match="the run was closed"):
        list(run)
    assert (asked, payments.made) == (["Ada"], [])
    assert [message.role for message in run.messages] == ["user", "assistant"]


def test_a_run_that_another_thread_closes_during_a_call_begins_no_other_call(
    emulator: Emulator, any_client: MiniMaxClient
) -> None:
    ran: list[int] = []

    def stop(n: int) -> None:
        """Close the run."""
        ran.append(n)
        closer = threading.Thread(target=run.close)
        closer.start()
        closer.join()

    emulator.answer(tool_calls=[("stop", {"n": 1}), ("stop", {"n": 2})])
    run = any_client.tool_run("Stop.", [stop])
    with pytest.raises(StreamInterruptedError, match="the run was closed") as caught:
        list(run)
    assert (ran, len(emulator.journal)) == ([1], 1)
    assert [message.role for message in run.messages] == ["user", "assistant", "tool"]
    assert caught.value.partial.messages == run.messages
    with pytest.raises(StreamInterruptedError):
        next(run)


def test_a_run_that_is_closed_during_parallel_calls_lets_them_finish_and_sends_nothing(
    emulator: Emulator, any_client: MiniMaxClient
) -> None:
    begun, closed, finished = threading.Barrier(3), threading.Event(), []

    def meet(n: int) -> int:
        """Meet."""
        begun.wait(10)
        closed.wait(10)
        finished.append(n)
        return n

    emulator.answer(tool_calls=[("meet", {"n": 1}), ("meet", {"n": 2})])
    run = any_client.tool_run("Meet.", [meet], parallel=True)

    def close() -> None:
        begun.wait(10)
        run.close()
        closed.set()

    closer = threading.Thread(target=close)
    closer.start()
    with pytest.raises(StreamInterruptedError) as caught:
        list(run)
    closer.join()
    assert sorted(finished) == [1, 2]
    assert len(emulator.journal) == 1
    assert [message.text for message in caught.value.partial.messages] == ["Meet.", "", "1", "2"]


@pytest.mark.parametrize("wait", [{"delay": 60.0}, {"silence": 60.0}])
@pytest.mark.parametrize("rounds", [1, 2])
def test_a_run_that_is_closed_before_the_first_chunk_of_a_round_ends(
    emulator: Emulator, any_client: MiniMaxClient, rounds: int, wait: dict[str, Any]
) -> None:
    payments = Payments()
    if rounds == 2:
        emulator.answer(tool_calls=[("pay", {"to": "Ada"})])
    emulator.answer("Too late.", **wait)
    run = any_client.tool_run("Pay.", [payments.pay])
    began = time.monotonic()
    closer = threading.Timer(0.1, run.close)
    closer.start()
    with pytest.raises(StreamInterruptedError, match="the run was closed"):
        list(run)
    closer.join()
    assert time.monotonic() - began < 20
    assert len(emulator.journal) <= rounds
    with pytest.raises(StreamInterruptedError):
        next(run)


def test_a_run_that_is_closed_while_the_model_answers_ends_at_once(
    emulator: Emulator, any_client: MiniMaxClient
) -> None:
    emulator.answer(tool_calls=[("pay", {"to": "Ada"})])
    run = any_client.tool_run("Pay.", [Payments().pay])
    with pytest.raises(StreamInterruptedError) as caught:
        for chunk in run:
            if isinstance(chunk, ToolResult):
                emulator.answer("This answer never ends.", silence=60.0, pings=1000)
                threading.Timer(0.05, run.close).start()
    assert [message.role for message in caught.value.partial.messages] == ["user", "assistant", "tool"]
    assert len(emulator.journal) == 2


def test_a_second_reader_is_refused_and_the_first_reads_on(emulator: Emulator, any_client: MiniMaxClient) -> None:
    entered, leave = threading.Event(), threading.Event()

    def wait() -> str:
        """Wait."""
        entered.set()
        leave.wait(10)
        return "waited"

    emulator.answer(tool_calls=[("wait", {})])
    emulator.answer("Done.")
    run = any_client.tool_run("Wait.", [wait])
    reader = threading.Thread(target=lambda: list(run))
    reader.start()
    entered.wait(10)
    with pytest.raises(RuntimeError, match="read by another thread"):
        next(run)
    leave.set()
    reader.join()
    assert run.response.text == "Done."


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Turn the cyclic garbage collector off: what is dropped must end with its last reference."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("rounds", [1, 2])
@pytest.mark.parametrize("kind", ["run", "turn"])
def test_a_dropped_run_closes_its_connection_at_once(
    emulator: Emulator, any_client: MiniMaxClient, kind: str, rounds: int
) -> None:
    def begin() -> ChatStream:
        tools = [Payments().pay]
        return (
            any_client.conversation().stream("Pay.", tools=tools)
            if kind == "turn"
            else any_client.tool_run("Pay.", tools)
        )

    others = open_sockets()
    if rounds == 2:
        emulator.answer(tool_calls=[("pay", {"to": "Ada"})])
    emulator.answer("word " * 5000)
    for piece in begin().text_deltas():
        assert piece
        assert open_sockets() == others + 1
        break
    del piece
    assert open_sockets() == others
