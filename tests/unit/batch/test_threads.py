"""Threads for map() and for parallel tools, also at the end of the program and where the system has no more of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.run_python import run_python

from minimax_sync import MiniMaxClient
from minimax_sync.batch.threads import WorkerThreads
from minimax_sync.emulator import Emulator

FIRST_USED_AT_EXIT = """
import atexit, sys
from minimax_sync import MiniMaxClient

client = MiniMaxClient(base_url=sys.argv[1], api_key=sys.argv[2], requests_per_second=None)

def double(n: int) -> int:
    return 2 * n

@atexit.register
def use():
    print([result.response.text for result in client.map(list("abc"), workers=2)])
    print(client.run_tools("Double them", [double], parallel=True).text)
"""


def test_what_is_first_used_in_an_atexit_handler_works(emulator: Emulator) -> None:
    for _ in "abc":
        emulator.answer("answered")
    emulator.answer(tool_calls=[("double", {"n": 1}), ("double", {"n": 2})])
    emulator.answer("doubled")
    printed = run_python(FIRST_USED_AT_EXIT, emulator.base_url, emulator.api_key)
    assert printed == "['answered', 'answered', 'answered']\ndoubled"


@contextmanager
def no_thread_to_be_had() -> Iterator[None]:
    """Ask for a stack larger than the address space, so that the system refuses to start a thread."""
    before = threading.stack_size(2**47)
    try:
        yield
    finally:
        threading.stack_size(before)


def test_without_threads_calls_are_made_in_the_callers(emulator: Emulator, client: MiniMaxClient) -> None:
    client.chat("opens the connection, for which the emulator needs a thread")
    with no_thread_to_be_had():
        assert [result.error for result in client.map(list("abc"), workers=2)] == [None] * 3
    assert len(emulator.journal) == 4


def test_without_more_threads_those_there_are_do_the_rest() -> None:
    threads = WorkerThreads(2, "few", daemon=True)
    try:
        first = threads.submit(threading.get_ident)
        with no_thread_to_be_had():
            second = threads.submit(threading.get_ident)
        assert first.result(5) == second.result(5) != threading.get_ident()
    finally:
        threads.shutdown()


def test_ctrl_c_in_a_call_in_the_callers_thread_goes_through() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with no_thread_to_be_had(), pytest.raises(KeyboardInterrupt):
        WorkerThreads(2, "none", daemon=True).submit(interrupt)
