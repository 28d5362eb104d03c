"""Group A, lifetimes: of threads, of processes and their children, of the interpreter, of clocks; and instants."""

from __future__ import annotations

import gc
import random
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from token_lab import (
    bundle_at,
    descriptors,
    edit,
    eventually,
    expired_plan,
    latest_pair,
    neighbours,
    run_python,
    workers,
)

from minimax_sync.auth import TokenPlan, refresher
from minimax_sync.auth.instants import LONG_PAST, read_expires_at, write_instant
from minimax_sync.auth.store import FileStore
from minimax_sync.emulator import Emulator

UTC = timezone.utc
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)

RUBBISH: list[object] = ["", "soon", "2026-13-01T00:00:00Z", "12:00", None, True, [], {}, 0, float("nan"), "nan"]
RUBBISH += ["2026-05-01T12:00:00 o'clock", "\0", "1" * 5000 + "x"]
SPELLINGS: list[tuple[object, datetime]] = [
    ("2026-05-01T12:00:00Z", NOON),
    ("2026-05-01T12:00:00z", NOON),
    (" 2026-05-01 12:00:00 ", NOON),
    ("2026-05-01T12:00:00", NOON),
    ("2026-05-01T20:00:00+0800", NOON),
    ("2026-05-01T20:00:00+08:00", NOON),
    ("2026-05-01 20:00:00 +0800", NOON),
    ("2026-05-01 12:00:00 UTC", NOON),
    ("2026-05-01T20:00:00+08", NOON),
    ("2026-05-01T12:00:00.123456789Z", NOON.replace(microsecond=123456)),
    ("2026-05-01T12:00:00,5Z", NOON.replace(microsecond=500000)),
    ("20260501T120000Z", NOON),
    (NOON.timestamp(), NOON),
    (int(NOON.timestamp()), NOON),
    (int(NOON.timestamp() * 1000), NOON),
    (str(int(NOON.timestamp())), NOON),
    (str(int(NOON.timestamp() * 1000)), NOON),
    (f"{NOON.timestamp() * 1000}", NOON),
    ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ("0001-01-01T00:00:00+23:00", LONG_PAST),
    ("9999-12-31T23:59:59-08:00", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    (1e300, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    (float("inf"), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
]
SPELLINGS += [(rubbish, LONG_PAST) for rubbish in RUBBISH]


@pytest.mark.parametrize(("spelling", "instant"), SPELLINGS, ids=[repr(case[0])[:40] for case in SPELLINGS])
def test_A37_every_sane_spelling_of_an_instant_is_read_and_rubbish_is_long_past(
    spelling: object, instant: datetime
) -> None:
    assert read_expires_at(spelling) == instant
    assert read_expires_at(spelling).utcoffset() == timedelta(0)


@settings(deadline=None)
@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 30), timezones=st.timezones()))
def test_A37_instants_survive_the_file(instant: datetime) -> None:
    assert read_expires_at(write_instant(instant)) == instant.astimezone(UTC).replace(microsecond=0)
    assert read_expires_at(instant.isoformat()) == instant.astimezone(UTC)


@settings(deadline=None)
@given(st.one_of(st.text(), st.floats(), st.integers(), st.lists(st.integers()), st.none()))
def test_A37_nothing_crashes_the_reader_of_instants(value: object) -> None:
    assert read_expires_at(value).tzinfo is not None


SUSPENDED = """
import sys, time
from minimax_sync.auth import refresher, TokenPlan
from minimax_sync.auth.clock import SystemClock
path, url = sys.argv[1:]
refresher.SLICE = 0.1
asleep = [0.0]
SystemClock.time = staticmethod(lambda: time.time() + asleep[0])   # the monotonic clock stands still meanwhile
plan = TokenPlan(path, base_url=url)
old, lease, news = plan.bearer(), plan.watch(), []
listener = news.append
plan.subscribe(listener)
time.sleep(0.3)
asleep[0] = 7300.0
deadline = time.monotonic() + 3
while not news and time.monotonic() < deadline:
    time.sleep(0.01)
print(news[0].outcome, plan.bearer() != old)
asleep[0] += 7300.0
print(plan.bearer() != old)
lease.close()
"""


def test_A43_after_a_suspend_the_thread_notices_within_a_slice_and_a_request_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    with Emulator() as emulator:
        emulator.portal.expired_in = "ttl_s"
        emulator.portal.bundle(path)
        assert run_python(SUSPENDED, path, emulator.url).split() == ["refreshed", "True", "True"]
        assert refresher.SLICE <= 30.0


def test_A45_the_thread_survives_any_exception_and_requests_refresh_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = FileStore.read
    broken = threading.Event()

    def read(self: FileStore) -> Any:
        if broken.is_set() and threading.current_thread() is not threading.main_thread():
            raise RuntimeError("at-secret")
        return real(self)

    with Emulator() as emulator:
        monkeypatch.setattr(refresher, "SLICE", 0.02)
        monkeypatch.setattr(FileStore, "read", read)
        plan = expired_plan(emulator, tmp_path / "bundle.json", ttl=3600)
        lease = plan.watch()
        plan.bearer()
        broken.set()
        eventually(lambda: sum("RuntimeError" in record.getMessage() for record in caplog.records) >= 3)
        assert "at-secret" not in caplog.text
        broken.clear()
        old = plan.bearer()
        assert plan.force_refresh(old) != old
        assert emulator.portal.posts == 1
        assert any("minimax-sync refresh" in thread.name for thread in threading.enumerate())
        lease.close()


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
def test_A46_a_refresh_in_flight_is_stored_before_the_interpreter_ends(tmp_path: Path, delay: float) -> None:
    path = tmp_path / "bundle.json"
    with Emulator() as emulator:
        emulator.portal.latency_before_commit = 0.1
        emulator.portal.latency_after_commit = 0.3
        emulator.portal.bundle(path, ttl=-10)
        run_python(EXITS.replace("plan.bearer(0.01)", "plan.bearer()"), path, emulator.url, delay)
        assert bundle_at(path).refresh_token.reveal() == latest_pair(emulator)["refresh_token"]
        assert neighbours(path) == []


def test_A46_an_idle_program_ends_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    with Emulator() as emulator:
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


def test_A46_a_child_of_multiprocessing_stores_its_refresh_too(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    with Emulator() as emulator:
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
def test_A47_a_login_used_while_the_interpreter_ends_refreshes_in_the_callers_thread(tmp_path: Path, late: str) -> None:
    path = tmp_path / "bundle.json"
    with Emulator() as emulator:
        emulator.portal.bundle(path, ttl=-10)
        assert run_python(AT_EXIT, path, emulator.url, late, silent=True) == "True True"
        assert bundle_at(path).access_token.reveal() == latest_pair(emulator)["access_token"]
        assert emulator.portal.posts == 2


def test_A47_without_a_thread_to_be_had_the_caller_refreshes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = threading.Thread.start

    def start(self: threading.Thread) -> None:
        if self.name == "minimax-sync refresh":
            raise RuntimeError("can't start new thread")
        real(self)

    with Emulator() as emulator:
        plan = expired_plan(emulator, tmp_path / "bundle.json")
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            assert plan.bearer() == bundle_at(plan.path).access_token.reveal()
        old = plan.bearer()
        assert plan.force_refresh(old) != old


@pytest.mark.parametrize("stage", ["received", "committed"])
def test_A48_a_child_forked_during_a_refresh_uses_the_login_at_once(tmp_path: Path, stage: str) -> None:
    path = tmp_path / "bundle.json"
    with Emulator() as emulator:
        reached = threading.Event()
        emulator.portal.latency_before_commit = emulator.portal.latency_after_commit = 0.2
        emulator.portal.on_stage = lambda now, _: reached.set() if now == stage else None
        emulator.portal.bundle(path, ttl=-10)
        with workers(1, path, emulator.url) as (parent,):
            assert parent.ask("bearer 0.01")["error"] == "CallTimeoutError"
            assert reached.wait(5)
            answer = parent.ask("fork bearer 5")
            assert answer["seconds"] < 2.0
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


def test_A48_a_fork_at_every_moment_of_a_refresh_leaves_the_child_a_working_login(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    with Emulator() as emulator:
        emulator.portal.bundle(path)
        step = random.Random(time.time_ns()).choice((3, 4, 5))
        assert run_python(FORKED, path, emulator.url, step, timeout=40) == "True"
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


def test_A48_the_thread_starts_again_with_a_childs_first_bearer(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    with Emulator() as emulator:
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


def test_A49_without_a_lease_no_thread_is_left_to_make_a_fork_warn(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    with Emulator() as emulator:
        emulator.portal.bundle(path, ttl=-10)
        assert run_python(QUIET_FORK, path, emulator.url, silent=True).split() == ["1", "0"]
        assert emulator.portal.posts == 3


def _refresh_threads() -> int:
    return sum(thread.name == "minimax-sync refresh" for thread in threading.enumerate())


def test_A50_two_hundred_clients_share_a_thread_that_ends_with_the_last(tmp_path: Path) -> None:
    with Emulator() as emulator:
        path = tmp_path / "bundle.json"
        emulator.portal.bundle(path, ttl=3600)
        before = descriptors()
        for number in range(200):
            plan = TokenPlan(path, base_url=emulator.url)
            lease = plan.watch()
            plan.bearer()
            assert _refresh_threads() <= 2
            if number % 2:
                lease.close()
        del plan, lease
        gc.collect()
        eventually(lambda: _refresh_threads() == 0)
        assert descriptors() <= before + 2


def test_A50_the_thread_starts_with_the_first_bearer_and_not_before(tmp_path: Path) -> None:
    with Emulator() as emulator:
        plan = expired_plan(emulator, tmp_path / "bundle.json", ttl=3600)
        lease = plan.watch()
        assert _refresh_threads() == 0
        plan.bearer()
        assert _refresh_threads() == 1
        second = plan.watch()
        del lease
        time.sleep(0.05)
        assert _refresh_threads() == 1
        second.close()
        eventually(lambda: _refresh_threads() == 0)
        edit(plan.path, note="the plan itself is still good")
        assert plan.bearer()
