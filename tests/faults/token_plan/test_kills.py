"""Group A, `kill -9` in the middle of a refresh: at every line of ours, and at every stage of the portal's."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.token_lab import bundle_at, expire, expired_plan, files_beside, latest_pair, separate_plan, workers

from minimax_sync.auth import TokenPlan
from minimax_sync.emulator import Emulator
from minimax_sync.errors import CredentialInvalidError

# Forks a child per line and call; each child is killed at its line, by the kernel, in the middle of a refresh.
KILLED = """
import os, signal, sys, threading
from minimax_sync.auth import TokenPlan
from minimax_sync.auth.background import Refresher
path, url = sys.argv[1:]
Refresher.submit = lambda self, job: False       # the refresh runs in the main thread, where the trace is
import filelock, minimax_sync.net.session

def child(stop_at):
    seen = set()
    def trace(frame, event, argument):
        name = frame.f_code.co_filename
        if not name.endswith(("rewrite.py", "store.py", "refresh.py", "files.py", "lock.py")):
            return None
        if event == "line":
            seen.add((name, frame.f_lineno, frame.f_back.f_lineno))
            if len(seen) == stop_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace
    plan = TokenPlan(path, base_url=url)
    sys.settrace(trace)
    plan.bearer()
    sys.settrace(None)

stop_at = 1
while True:
    pid = os.fork()
    if pid == 0:
        child(stop_at)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    print(stop_at, os.WIFSIGNALED(status), flush=True)
    if sys.stdin.readline() == "":
        break
    if not os.WIFSIGNALED(status):
        break
    stop_at += 1
"""


def test_A12_A7_a_kill_at_any_line_of_a_refresh_leaves_a_whole_file_and_a_way_on(
    emulator: Emulator, path: Path, tmp_path: Path
) -> None:
    emulator.portal.reuse_interval = 10.0
    emulator.portal.bundle(path, ttl=-10)
    killer = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path), emulator.url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert killer.stdin is not None
    assert killer.stdout is not None
    before, lines, litter, recovered = bundle_at(path), 0, 0, 0
    for line in killer.stdout:
        lines += 1
        current = emulator.portal.current
        assert current is not None
        found = bundle_at(path)
        assert found.refresh_token.reveal() in (before.refresh_token.reveal(), current["refresh_token"])
        rotated = current["refresh_token"] != before.refresh_token.reveal()
        litter += files_beside(path) != []
        posts = emulator.portal.posts
        token = separate_plan(path, emulator.url).bearer()  # a second process goes on, promptly
        recovered += rotated and found.refresh_token == before.refresh_token and emulator.portal.posts == posts
        assert token == latest_pair(emulator)["access_token"] == bundle_at(path).access_token.reveal()
        assert found.refresh_token != before.refresh_token or not any("intent" in name for name in files_beside(path))
        for name in files_beside(path):
            (tmp_path / name).unlink()
        expire(path)
        before = bundle_at(path)
        if line.split()[1] == "False":
            break
        killer.stdin.write("\n")
        killer.stdin.flush()
    killer.stdin.close()
    killer.wait(10)
    killer.stdout.close()
    print(lines, litter, recovered)
    assert lines > 100
    assert litter > 20
    assert recovered > 0  # the answer was on disk already, under its temporary name: no second POST
    assert emulator.portal.reused == 0


def test_A7_a_process_that_is_killed_after_the_rotation_is_named_to_the_next(emulator: Emulator, path: Path) -> None:
    emulator.portal.bundle(path, ttl=-10)
    with workers(1, path, emulator.url) as (process,):
        emulator.portal.on_stage = lambda stage, _: process.signal(9) if stage == "committed" else None
        process.send("bearer")
        process.wait()
        emulator.portal.on_stage = None
    plan = TokenPlan(path, base_url=emulator.url)
    for _ in range(3):
        with pytest.raises(CredentialInvalidError, match=rf"process {process.pid} at 20.*minimax-sync login"):
            plan.bearer()
    assert emulator.portal.posts == 2


@pytest.mark.parametrize("stage", ["received", "committed", "answered"])
def test_A7_with_a_reuse_interval_the_next_process_goes_on_after_a_kill(
    emulator: Emulator, path: Path, stage: str
) -> None:
    emulator.portal.reuse_interval = 10.0
    emulator.portal.latency_before_commit = 0.05
    emulator.portal.bundle(path, ttl=-10)
    with workers(1, path, emulator.url) as (process,):
        emulator.portal.on_stage = lambda reached, _: process.signal(9) if reached == stage else None
        process.send("bearer")
        process.wait()
        emulator.portal.on_stage = None
    token = TokenPlan(path, base_url=emulator.url).bearer()
    assert token == latest_pair(emulator)["access_token"] == bundle_at(path).access_token.reveal()
    assert files_beside(path) == []
    assert emulator.portal.reused == 0


def test_A7_a_spent_token_is_left_alone_while_the_access_token_is_valid(emulator: Emulator, tmp_path: Path) -> None:
    plan = expired_plan(emulator, tmp_path / "bundle.json", ttl=30)
    bundle = bundle_at(plan.path)
    note = {"fingerprint": bundle.fingerprint, "pid": 4711, "at": time.time() - 60, "temp": "gone.tmp"}
    Path(f"{plan.path}.intent").write_text(json.dumps(note))
    assert [plan.bearer() for _ in range(3)] == [bundle.access_token.reveal()] * 3
    assert emulator.portal.posts == 0
