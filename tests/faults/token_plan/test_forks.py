"""A48, A49: forks at any moment of a refresh, and what threads and locks a child has."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import pytest
from support.run_python import run_python
from support.token_lab import bundle_at, latest_pair, workers

from minimax_sync.emulator import Emulator

pytestmark = pytest.mark.posix


@pytest.mark.parametrize("stage", ["received", "committed"])
def test_A48_a_child_forked_during_a_refresh_uses_the_login_at_once(emulator: Emulator, path: Path, stage: str) -> None:
    reached = threading.Event()
    emulator.portal.latency_before_commit = emulator.portal.latency_after_commit = 0.2
    emulator.portal.on_stage = lambda now, _: reached.set() if now == stage else None
    emulator.portal.bundle(path, ttl=-10)
    with workers(1, path, emulator.url) as (parent,):
        assert parent.ask("bearer 0.01")["error"] == "CallTimeoutError"
        assert reached.wait(5)
        answer = parent.ask("fork bearer 5")
        assert answer["seconds"] < 4.0
        assert answer["token"] == latest_pair(emulator)["access_token"]
        assert parent.ask("bearer")["token"] == answer["token"]
    assert (emulator.portal.posts, emulator.portal.reused) == (1, 0)


FORKED = """
import os, sys, threading, time
from minimax_sync.auth import TokenPlan
path, url, step = sys.argv[1:]
plan = TokenPlan(path, base_url=url)
plan.bearer()

def run(stop_at):
    paused, go = threading.Event(), threading.Event()
    seen = 0
    def trace(frame, event, argument):
        nonlocal seen
        if "minimax_sync/auth" not in frame.f_code.co_filename:
            return None
        if event == "line":
            seen += 1
            if seen == stop_at:
                paused.set()
                go.wait()
        return trace
    threading.settrace(trace)
    results = []
    caller = threading.Thread(target=lambda: results.append(plan.force_refresh(plan.bearer())))
    threading.settrace(None)
    # The caller hands over to the refresh thread, which is the one to be traced.
    real = threading.Thread.start
    def start(thread):
        threading.settrace(trace if "refresh" in thread.name else None)
        real(thread)
    threading.Thread.start = start
    real(caller)
    hit = False
    while caller.is_alive() and not hit:
        hit = paused.wait(0.002)
    threading.Thread.start = real
    threading.settrace(None)
    if hit:
        child = os.fork()
        if child == 0:
            try:
                plan.bearer(5)
                old = plan.force_refresh("at-none", 5)
                os._exit(0)
            except BaseException as error:
                os.write(2, repr(error).encode())
                os._exit(1)
        go.set()
        status = os.waitpid(child, 0)[1]
        assert status == 0, (stop_at, status)
    caller.join()
    return hit

stop_at = 1
while run(stop_at):
    stop_at += int(step)
print(stop_at > 100)
"""


def test_A48_a_fork_at_every_moment_of_a_refresh_leaves_the_child_a_working_login(
    emulator: Emulator, path: Path
) -> None:
    emulator.portal.bundle(path)
    step = random.Random(time.time_ns()).choice((3, 4, 5))
    assert run_python(FORKED, path, emulator.url, step) == "True"
    assert bundle_at(path).refresh_token.reveal() == latest_pair(emulator)["refresh_token"]
    assert emulator.portal.reused == 0


WARM_FORK = """
import os, sys, threading
from minimax_sync.auth import TokenPlan
plan = TokenPlan(sys.argv[1], base_url=sys.argv[2])
lease = plan.watch()
plan.bearer()
child = os.fork()
if child == 0:
    plan.bearer()
    os._exit(threading.active_count())
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_A48_the_thread_starts_again_with_a_childs_first_bearer(emulator: Emulator, path: Path) -> None:
    emulator.portal.bundle(path, ttl=3600)
    assert run_python(WARM_FORK, path, emulator.url) == "2"


QUIET_FORK = """
import os, sys, threading, warnings
warnings.simplefilter("error")
from minimax_sync.auth import TokenPlan
plan = TokenPlan(sys.argv[1], base_url=sys.argv[2])
plan.bearer()
plan.force_refresh(plan.bearer())
print(threading.active_count())
child = os.fork()
if child == 0:
    os._exit(0 if plan.force_refresh(plan.bearer()) else 1)
print(os.waitpid(child, 0)[1])
"""


def test_A49_without_a_lease_no_thread_is_left_to_make_a_fork_warn(emulator: Emulator, path: Path) -> None:
    emulator.portal.bundle(path, ttl=-10)
    assert run_python(QUIET_FORK, path, emulator.url).split() == ["1", "0"]
    assert emulator.portal.posts == 3
