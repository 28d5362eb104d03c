"""Many prompts in threads: order, look-ahead, errors, pace, leaving the loop."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

from minimax_sync import ChatResponse, ConfigError, MapResult, MiniMaxClient, RequestError, RetryPolicy, TokenBucket
from minimax_sync.emulator import Emulator
from minimax_sync.hooks import CallEnded, CallStarted


def text_of(result: MapResult) -> str:
    assert result.response is not None, result.error
    return result.response.text


@pytest.fixture
def threads_left() -> Callable[[], int]:
    """Give a count of the threads that a map of this test began, after at most a second for them to end."""
    before = set(threading.enumerate())

    def count() -> int:
        deadline = time.monotonic() + 1
        while True:
            left = [each for each in threading.enumerate() if each.name == "minimax-map" and each not in before]
            if not left or time.monotonic() > deadline:
                return len(left)
            time.sleep(0.01)

    return count


def test_results_come_in_the_order_of_the_inputs(any_client: MiniMaxClient) -> None:
    results = list(any_client.map((f"prompt {number}" for number in range(50)), workers=4))
    assert [result.index for result in results] == list(range(50))
    assert [result.input for result in results] == [f"prompt {number}" for number in range(50)]
    assert all(f"prompt {result.index}" in text_of(result) for result in results)


def test_unordered_results_come_as_they_are_ready(emulator: Emulator, client: MiniMaxClient) -> None:
    emulator.answer("late", delay=0.3)
    inputs = iter(["slow", *map(str, range(10))])
    results = client.map(inputs, workers=2, ordered=False)
    texts = [text_of(result) for result in results]
    assert len(texts) == 11
    assert texts.index("late") > 0


def test_inputs_are_whatever_chat_takes_and_options_hold_for_all(emulator: Emulator, client: MiniMaxClient) -> None:
    inputs = ["a", {"role": "user", "content": "b"}, {"messages": [{"role": "user", "content": "c"}]}]
    texts = [text_of(result) for result in client.map(inputs, workers=1, max_tokens=77, system="Be brief.")]
    assert texts == ['You said: "a".', 'You said: "b".', 'You said: "c".']
    assert [received.body["max_tokens"] for received in emulator.journal] == [77] * 3
    assert all(received.body["messages"][0]["content"] == "Be brief." for received in emulator.journal)


@pytest.mark.parametrize("ordered", [True, False])
def test_of_endless_inputs_no_more_than_four_per_worker_are_drawn_ahead(client: MiniMaxClient, ordered: bool) -> None:
    drawn = 0

    def endless() -> Iterator[str]:
        nonlocal drawn
        while True:
            drawn += 1
            yield f"prompt {drawn}"

    for given, _ in enumerate(client.map(endless(), workers=3, ordered=ordered)):
        assert drawn - given <= 12
        if given == 60:
            break


def test_a_slow_input_does_not_hold_up_what_is_answered(client: MiniMaxClient) -> None:
    taken: list[int] = []

    def slow() -> Iterator[str]:
        for number in range(12):
            assert number - len(taken) < 8, "results are held back while inputs are drawn"
            time.sleep(0.02)
            yield str(number)

    for result in client.map(slow(), workers=8):
        taken.append(result.index)
    assert taken == list(range(12))


def test_an_error_of_the_service_is_a_result(emulator: Emulator, any_client: MiniMaxClient) -> None:
    emulator.fault(status=400, code=2013, message="invalid params")
    first, second = any_client.map(["one", "two"], workers=1)
    assert isinstance(first.error, RequestError)
    assert first.response is None
    assert first.error.__traceback__ is None
    assert (second.error, text_of(second)) == (None, 'You said: "two".')


def test_an_input_that_cannot_be_asked_is_a_result_and_is_not_sent(emulator: Emulator, client: MiniMaxClient) -> None:
    bad: list[Any] = [42, {"messages": []}, "", "good"]
    results = list(client.map(bad))
    assert [type(result.error) for result in results] == [RequestError, RequestError, RequestError, type(None)]
    assert len(emulator.journal) == 1


def test_a_call_is_repeated_behind_the_same_limiter(emulator: Emulator) -> None:
    emulator.fault(status=429)
    retry = RetryPolicy(initial_backoff_ms=1, max_backoff_ms=1)
    limiter = TokenBucket(200)
    with MiniMaxClient(emulator.api_key, base_url=emulator.base_url, retry=retry, limiter=limiter) as client:
        assert [result.error for result in client.map(["one", "two", "three"], workers=2)] == [None] * 3
    assert len(emulator.journal) == 4


def test_what_the_inputs_raise_is_raised_after_the_results_of_what_came_before(
    client: MiniMaxClient, threads_left: Callable[[], int]
) -> None:
    def breaking() -> Iterator[str]:
        yield from ("one", "two")
        raise LookupError("row 3 is broken")

    results = client.map(breaking())
    assert [text_of(next(results)), text_of(next(results))] == ['You said: "one".', 'You said: "two".']
    with pytest.raises(LookupError, match="row 3"):
        next(results)
    assert threads_left() == 0


@pytest.mark.parametrize(
    ("inputs", "options", "error", "message"),
    [
        ("one prompt", {}, RequestError, "inputs must be a list"),
        ({"messages": []}, {}, RequestError, "inputs must be a list"),
        (17, {}, RequestError, "inputs must be a list.*int"),
        (["a"], {"workers": 0}, ConfigError, "workers"),
        (["a"], {"workers": True}, ConfigError, "workers"),
        (["a"], {"executor": "threads"}, ConfigError, "executor"),
        (["a"], {"temprature": 1}, RequestError, "temprature"),
        (["a"], {"max_tokens": 0}, RequestError, "max_tokens"),
    ],
)
def test_wrong_arguments_are_refused_at_once(
    client: MiniMaxClient, inputs: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        client.map(inputs, **options)


def test_a_closed_client_refuses_at_once(client: MiniMaxClient) -> None:
    client.close()
    with pytest.raises(RequestError, match="closed"):
        client.map(["a"])


def test_leaving_the_loop_sends_nothing_more_and_ends_the_threads(
    emulator: Emulator, threads_left: Callable[[], int]
) -> None:
    with MiniMaxClient(emulator.api_key, base_url=emulator.base_url, requests_per_second=20) as client:
        for result in client.map((str(number) for number in range(1000)), workers=8):
            assert result.error is None
            break
        sent = len(emulator.journal)
        assert threads_left() == 0
        assert len(emulator.journal) <= sent + 1
        assert client.chat("still usable").text


def test_a_dropped_iterator_and_an_exception_in_the_loop_end_the_threads(
    client: MiniMaxClient, threads_left: Callable[[], int]
) -> None:
    results = client.map((str(number) for number in range(1000)), workers=4)
    next(results)
    del results
    gc.collect()
    assert threads_left() == 0

    with pytest.raises(ZeroDivisionError):
        for result in client.map((str(number) for number in range(1000)), workers=4):
            print(1 / result.index)
    gc.collect()
    assert threads_left() == 0


def test_a_hanging_call_does_not_delay_leaving_the_loop(emulator: Emulator, client: MiniMaxClient) -> None:
    emulator.answer("fast")
    emulator.answer("slow", delay=60)
    began = time.monotonic()
    for result in client.map(["one", "two"], workers=1):
        assert text_of(result) == "fast"
        break
    assert time.monotonic() - began < 5


def test_the_limiter_is_kept_busy_to_its_rate_and_not_beyond(emulator: Emulator) -> None:
    emulator.delay = 0.4  # one call after the other would take 8 s
    with MiniMaxClient(emulator.api_key, base_url=emulator.base_url, requests_per_second=50) as client:
        assert len(list(client.map(map(str, range(20)), workers=20))) == 20
    came = [received.monotonic for received in emulator.journal]
    assert 0.9 * 19 / 50 < came[-1] - came[0] < 10 * 19 / 50


def test_no_more_calls_run_at_once_than_there_are_workers(emulator: Emulator) -> None:
    emulator.delay = 0.01
    lock, running, most = threading.Lock(), 0, 0

    def count(event: object) -> None:
        nonlocal running, most
        with lock:
            running += isinstance(event, CallStarted)
            running -= isinstance(event, CallEnded)
            most = max(most, running)

    options: dict[str, Any] = {"requests_per_second": None, "hooks": [count]}
    with MiniMaxClient(emulator.api_key, base_url=emulator.base_url, **options) as client:
        list(client.map(map(str, range(20)), workers=3))
    assert (running, most) == (0, 3)


def test_threads_of_the_users_are_used_and_left_running(client: MiniMaxClient, threads_left: Callable[[], int]) -> None:
    with ThreadPoolExecutor(2, thread_name_prefix="mine") as executor:
        assert len(list(client.map(map(str, range(20)), executor=executor))) == 20
        assert threads_left() == 0
        for _ in client.map(map(str, range(1000)), executor=executor):
            break
        assert executor.submit(lambda: "alive").result() == "alive"


def test_an_executor_that_is_shut_down_meanwhile_is_an_error_not_a_hang(client: MiniMaxClient) -> None:
    executor = ThreadPoolExecutor(1)
    results = client.map(map(str, range(1000)), executor=executor)
    next(results)
    executor.shutdown(cancel_futures=True)
    with pytest.raises(RuntimeError, match="shutdown"):
        list(results)


class Message(dict[str, str]):
    """An input that counts how many of its kind are alive."""

    made: ClassVar[list[weakref.ref[Message]]] = []

    def __init__(self, text: str) -> None:
        super().__init__(role="user", content=text)
        self.made.append(weakref.ref(self))


def answers_alive() -> int:
    """Count by type: `isinstance` also asks for `__class__`, for which the openai package's lazy proxies import it."""
    return sum(issubclass(type(each), ChatResponse) for each in gc.get_objects())


def test_map_keeps_no_input_and_no_answer(client: MiniMaxClient) -> None:
    before = answers_alive()
    for result in client.map((Message(f"prompt {number}") for number in range(1000)), workers=4):
        index = result.index
        del result
        if index % 250 == 249:
            gc.collect()
            alive = sum(reference() is not None for reference in Message.made)
            assert alive <= 16 + 4, "drawn ahead, or used by a thread"
            assert answers_alive() - before <= 16 + 4
    assert index == 999


def test_a_result_shows_no_more_than_the_beginning_of_its_input(client: MiniMaxClient) -> None:
    (result,) = client.map(["x" * 1000])
    assert len(repr(result)) < 600
    with pytest.raises(AttributeError):
        result.index = 1  # type: ignore[misc]  # that it cannot be set is the test
