"""A43, A45, A47, A50: the thread that refreshes: a suspend, exceptions, no thread to be had, its start and its end."""

from __future__ import annotations

import gc
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from support.eventually import eventually
from support.run_python import run_python
from support.token_lab import bundle_at, descriptors, edit, expired_plan

from minimax_sync.auth import TokenPlan
from minimax_sync.auth import background as refresher
from minimax_sync.auth.file_store import FileStore
from minimax_sync.emulator import Emulator

SUSPENDED = """
import sys, time
from minimax_sync.auth import background, TokenPlan
from minimax_sync.auth.clock import SystemClock
path, url = sys.argv[1:]
background.MAX_WAIT = 0.1
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


def test_A43_after_a_suspend_the_thread_notices_within_a_slice_and_a_request_at_once(
    emulator: Emulator, path: Path
) -> None:
    emulator.portal.expired_in = "ttl_s"
    emulator.portal.bundle(path)
    assert run_python(SUSPENDED, path, emulator.url).split() == ["refreshed", "True", "True"]
    assert refresher.MAX_WAIT <= 30.0


def test_A45_the_thread_survives_any_exception_and_requests_refresh_meanwhile(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = FileStore.read
    broken = threading.Event()

    def read(self: FileStore) -> Any:
        if broken.is_set() and threading.current_thread() is not threading.main_thread():
            raise RuntimeError("at-secret")
        return real(self)

    monkeypatch.setattr(refresher, "MAX_WAIT", 0.02)
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


def test_A47_without_a_thread_to_be_had_the_caller_refreshes(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = threading.Thread.start

    def start(self: threading.Thread) -> None:
        if self.name == "minimax-sync refresh":
            raise RuntimeError("can't start new thread")
        real(self)

    plan = expired_plan(emulator, tmp_path / "bundle.json")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        assert plan.bearer() == bundle_at(plan.path).access_token.reveal()
    old = plan.bearer()
    assert plan.force_refresh(old) != old


def _refresh_threads() -> int:
    return sum(thread.name == "minimax-sync refresh" for thread in threading.enumerate())


def test_A50_two_hundred_clients_share_a_thread_that_ends_with_the_last(emulator: Emulator, path: Path) -> None:
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


def test_A50_the_thread_starts_with_the_first_bearer_and_not_before(emulator: Emulator, tmp_path: Path) -> None:
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
