"""A46, A47: logins in use while the interpreter ends."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from support.run_python import run_python
from support.token_lab import bundle_at, files_beside, latest_pair

from minimax_sync.emulator import Emulator

EXITS = """
import sys, threading, time
from minimax_sync.auth import TokenPlan
path, url, delay = sys.argv[1:]
plan = TokenPlan(path, base_url=url)
lease = plan.watch()
threading.Thread(target=lambda: plan.bearer(0.01), daemon=True).start() if float(delay) >= 0 else plan.bearer()
time.sleep(max(0.0, float(delay)))
"""


@pytest.mark.parametrize("delay", [0.05, 0.15, 0.3])
def test_A46_a_refresh_in_flight_is_stored_before_the_interpreter_ends(
    emulator: Emulator, path: Path, delay: float
) -> None:
    emulator.portal.latency_before_commit = 0.1
    emulator.portal.latency_after_commit = 0.3
    emulator.portal.bundle(path, ttl=-10)
    run_python(EXITS.replace("plan.bearer(0.01)", "plan.bearer()"), path, emulator.url, delay)
    assert bundle_at(path).refresh_token.reveal() == latest_pair(emulator)["refresh_token"]
    assert files_beside(path) == []


def test_A46_an_idle_program_ends_at_once(emulator: Emulator, path: Path) -> None:
    emulator.portal.bundle(path, ttl=3600)
    began = time.monotonic()
    run_python(EXITS, path, emulator.url, -1)
    assert time.monotonic() - began < 8.0  # most of it is the start of Python; a wait for a refresh takes 30
    assert emulator.portal.posts == 0


MULTIPROCESSING = """
import multiprocessing, sys, threading, time
from minimax_sync.auth import TokenPlan
def child(path, url):
    plan = TokenPlan(path, base_url=url)
    threading.Thread(target=plan.bearer, daemon=True).start()
    time.sleep(0.15)
if __name__ == "__main__":
    process = multiprocessing.get_context("fork").Process(target=child, args=sys.argv[1:])
    process.start()
    process.join()
    print(process.exitcode)
"""


@pytest.mark.posix
def test_A46_a_child_of_multiprocessing_stores_its_refresh_too(emulator: Emulator, path: Path) -> None:
    emulator.portal.latency_after_commit = 0.4
    emulator.portal.bundle(path, ttl=-10)
    assert run_python(MULTIPROCESSING, path, emulator.url) == "0"
    assert bundle_at(path).refresh_token.reveal() == latest_pair(emulator)["refresh_token"]


# filelock first: in versions for Python 3.10 it cannot itself be imported so late.
AT_EXIT = """
import atexit, filelock, sys, threading
path, url, late = sys.argv[1:]
def use():
    from minimax_sync.auth import TokenPlan
    plan = TokenPlan(path, base_url=url)
    lease = plan.watch()
    print(bool(plan.bearer()), plan.bearer() != plan.force_refresh(plan.bearer()))
if late == "early import":
    import minimax_sync.auth.token_plan
if late == "pool":
    from concurrent.futures import ThreadPoolExecutor
    import time
    ThreadPoolExecutor(1).submit(lambda: (time.sleep(0.1), use()))
else:
    atexit.register(use)
"""


@pytest.mark.parametrize("late", ["late import", "early import", "pool"])
def test_A47_a_login_used_while_the_interpreter_ends_refreshes_in_the_callers_thread(
    emulator: Emulator, path: Path, late: str
) -> None:
    emulator.portal.bundle(path, ttl=-10)
    assert run_python(AT_EXIT, path, emulator.url, late) == "True True"
    assert bundle_at(path).access_token.reveal() == latest_pair(emulator)["access_token"]
    assert emulator.portal.posts == 2
