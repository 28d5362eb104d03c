"""Waits made of slices, as on Windows, where Ctrl-C is seen only between two of them."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from types import FrameType

import pytest

from minimax_sync import Emulator, MiniMaxClient, TokenBucket, ToolCall
from minimax_sync.auth import background, single_flight
from minimax_sync.auth.single_flight import PendingRefresh
from minimax_sync.batch import gate, run
from minimax_sync.batch.gate import Gate
from minimax_sync.cli import stdin
from minimax_sync.functions import toolbox
from minimax_sync.functions.toolbox import Toolbox
from minimax_sync.net import interrupts
from minimax_sync.pacing import token_bucket

LONG = 10.0
"""Seconds that no test lasts: the length of waits that are interrupted."""


class Interrupt(BaseException):
    """Ctrl-C, under a name that ends no test run."""


@pytest.fixture(autouse=True)
def short_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (background, gate, run, single_flight, stdin, token_bucket, toolbox):
        monkeypatch.setattr(module, "WAIT_SLICE", 0.01)


@pytest.fixture
def ended() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_wait_is_not_sliced_where_a_signal_interrupts_it() -> None:
    assert interrupts.WAIT_SLICE == threading.TIMEOUT_MAX


def test_a_sliced_wait_for_a_refresh_lasts_as_long_as_it_may_and_ends_with_the_refresh() -> None:
    pending = PendingRefresh()
    began = time.monotonic()
    assert not pending.wait(0.02)
    assert time.monotonic() - began >= 0.02
    threading.Timer(0.02, pending.finish).start()
    assert pending.wait(10.0)


def test_no_wait_is_so_short_that_the_queue_misses_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """One in 10,000 waits of some microseconds in `SimpleQueue.get` never ends."""
    waits = []

    class Watched(SimpleQueue[None]):
        def get(self, block: bool = True, timeout: float | None = None) -> None:
            waits.append(timeout)
            super().get(block, timeout)

    monkeypatch.setattr(single_flight, "SimpleQueue", Watched)
    PendingRefresh().wait(0.001)
    assert waits == [interrupts.SHORTEST_WAIT]


def test_a_sliced_wait_for_a_job_ends_with_the_job() -> None:
    refresher = background.Refresher(lambda: 1.0)
    running = threading.Event()

    def job() -> None:
        running.set()
        time.sleep(0.02)

    refresher.submit(job)
    assert running.wait(5)
    refresher.wait_until_idle(10.0)
    assert refresher._idle.is_set()


def test_a_sliced_wait_for_a_slot_takes_as_long_as_the_rate_demands() -> None:
    bucket = TokenBucket(50.0)
    bucket.acquire()
    began = time.monotonic()
    bucket.acquire()
    assert time.monotonic() - began >= 0.018


def test_a_sliced_wait_for_the_gate_lasts_as_long_as_the_worker_in_the_limiter(ended: threading.Event) -> None:
    closed = Gate(held_limiter(ended))
    began = time.monotonic()
    threading.Timer(0.03, ended.set).start()
    closed.acquire(LONG)
    assert time.monotonic() - began >= 0.02


def held_limiter(ended: threading.Event) -> TokenBucket:
    class Held(TokenBucket):
        def acquire(self, timeout: float | None = None) -> float:
            ended.wait(LONG)
            return 0.0

    return Held(1000)


def wait_for_a_refresh(_: threading.Event) -> None:
    PendingRefresh().wait(LONG)


def wait_for_a_job(ended: threading.Event) -> None:
    refresher = background.Refresher(lambda: 1.0)

    def job() -> None:
        ended.wait(LONG)

    refresher.submit(job)
    refresher.wait_until_idle(LONG)


def wait_for_a_slot(_: threading.Event) -> None:
    bucket = TokenBucket(0.1)
    bucket.acquire()
    bucket.acquire()


def wait_for_the_gate(ended: threading.Event) -> None:
    closed = Gate(held_limiter(ended))
    threading.Thread(target=closed.acquire).start()
    while not closed._turn.locked():
        time.sleep(0.001)
    closed.acquire()


def wait_for_a_result_of_map(_: threading.Event) -> None:
    with (
        Emulator(silence=LONG) as emulator,
        MiniMaxClient(emulator.api_key, base_url=emulator.base_url, requests_per_second=None) as client,
    ):
        next(client.map(["hi"]))


def wait_for_a_tool(ended: threading.Event) -> None:
    def work() -> str:
        """Work."""
        ended.wait(LONG)
        return "done"

    list(Toolbox([work], parallel=2).outcomes([ToolCall("a", "work", {}), ToolCall("b", "work", {})]))


def wait_for_a_pipe(ended: threading.Event) -> None:
    read, write = os.pipe()
    os.write(write, b"the first byte came")
    before = sys.stdin
    with os.fdopen(read) as sys.stdin, os.fdopen(write, "wb"):
        try:
            stdin._read_in_thread(1.0)
        finally:
            sys.stdin = before


def wait_for_the_end_of_the_emulator(_: threading.Event) -> None:
    Emulator().serve_forever()


@pytest.mark.posix
@pytest.mark.parametrize(
    "wait",
    [
        wait_for_a_refresh,
        wait_for_a_job,
        wait_for_a_slot,
        wait_for_the_gate,
        wait_for_a_result_of_map,
        wait_for_a_tool,
        wait_for_a_pipe,
        wait_for_the_end_of_the_emulator,
    ],
)
def test_a_signal_that_wakes_no_wait_is_handled_after_the_slice(
    wait: Callable[[threading.Event], None], ended: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal that the kernel delivers to another thread ends no wait of this one, like every Ctrl-C on Windows."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Interrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    struck: SimpleQueue[float] = SimpleQueue()

    def strike() -> None:
        time.sleep(0.1)
        struck.put(time.monotonic())
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    striker = threading.Thread(target=strike)
    try:
        striker.start()
        with pytest.raises(Interrupt):
            wait(ended)
        assert time.monotonic() - struck.get() < LONG / 2
    finally:
        ended.set()
        striker.join()
        signal.signal(signal.SIGUSR1, before)
