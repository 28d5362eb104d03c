"""Group A, the lock: left behind, inherited, unlinked, in the way of something, and let go of at any Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import lock_descriptor
from support.eventually import eventually
from support.login_lab import is_private
from support.run_python import run_python
from support.token_lab import bundle_at, latest_pair

from minimax_sync.auth import TokenPlan
from minimax_sync.auth import file_lock as lock_module
from minimax_sync.emulator import Emulator
from minimax_sync.errors import BundleError, CallTimeoutError

HOLD = """
import sys, time
from minimax_sync.auth.file_lock import KernelLock
lock = KernelLock.attempt(sys.argv[1])
print(bool(lock), flush=True)
time.sleep(30)
"""


def _hold(path: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, f"{path}.lock"], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "True\n"
    return holder


def _end(holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait()
    assert holder.stdout is not None
    holder.stdout.close()


def test_A22_the_lock_of_a_killed_process_is_free_at_once(plan: TokenPlan) -> None:
    holder = _hold(plan.path)
    with pytest.raises(CallTimeoutError):
        plan.bearer(0.1)
    _end(holder)
    began = time.monotonic()
    assert plan.bearer() == bundle_at(plan.path).access_token.reveal()
    assert time.monotonic() - began < 1.0


FORK_WHILE_HELD = """
import os, subprocess, sys, time
from minimax_sync.auth.file_lock import KernelLock
path, way = sys.argv[1:]
lock = KernelLock.attempt(path)
child = os.fork()
if child == 0:
    mine = os.open(path, os.O_RDONLY)  # gets the number that the lock's descriptor had in the parent
    if way == "releases":
        lock.release()
    os.fstat(mine)
    time.sleep(0.3)
    os._exit(0)
probe = f"from minimax_sync.auth.file_lock import KernelLock; print(KernelLock.attempt({path!r}) is None)"
time.sleep(0.1)
held = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True).stdout.strip()
lock.release()
free = KernelLock.attempt(path) is not None
print(held, free, os.waitpid(child, 0)[1])
"""


@pytest.mark.parametrize("way", ["keeps", "releases"])
@pytest.mark.posix
def test_A23_a_forked_child_neither_keeps_nor_frees_the_lock(tmp_path: Path, way: str) -> None:
    assert run_python(FORK_WHILE_HELD, tmp_path / "x.lock", way) == "True True 0"


FORK_BEFORE_LOCKING = """
import os, signal, sys, time
from minimax_sync.auth import file_lock as module
path = sys.argv[1]
real, children = module.lock_descriptor, []
def fork_first(descriptor, **options):
    child = os.fork()
    if child == 0:
        os.close(1), os.close(2)
        time.sleep(30)
        os._exit(0)
    children.append(child)
    return real(descriptor, **options)
module.lock_descriptor = fork_first
holder = os.fork()
if holder == 0:
    module.KernelLock.attempt(path)
    print(children[0], flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
os.waitpid(holder, 0)
module.lock_descriptor = real
deadline = time.monotonic() + 10       # the child may not have run yet
while (lock := module.KernelLock.attempt(path)) is None and time.monotonic() < deadline:
    time.sleep(0.01)
print(lock is not None)
"""


@pytest.mark.posix
def test_A23_a_child_forked_between_opening_and_locking_does_not_outlive_its_parent_as_holder(tmp_path: Path) -> None:
    grandchild, free = run_python(FORK_BEFORE_LOCKING, tmp_path / "x.lock").split()
    os.kill(int(grandchild), signal.SIGKILL)
    assert free == "True"


@pytest.mark.posix
def test_A24_a_lock_file_that_was_unlinked_guards_nothing_and_is_not_trusted(
    emulator: Emulator, plan: TokenPlan
) -> None:
    holder = _hold(plan.path)
    Path(f"{plan.path}.lock").unlink()  # as older versions of filelock do on release
    second = _hold(plan.path)
    with pytest.raises(CallTimeoutError):
        plan.bearer(0.1)
    _end(holder)
    with pytest.raises(CallTimeoutError):
        plan.bearer(0.1)
    _end(second)
    assert plan.bearer()
    assert emulator.portal.posts == 1


@pytest.mark.posix
def test_A24_a_lock_file_that_is_replaced_while_it_is_being_locked_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.lock"

    def replace_first(descriptor: int, *, blocking: bool) -> bool:
        path.unlink()
        path.touch()
        return lock_descriptor(descriptor, blocking=blocking)

    with monkeypatch.context() as patch:
        patch.setattr(lock_module, "lock_descriptor", replace_first)
        assert lock_module.KernelLock.attempt(str(path)) is None
    lock = lock_module.KernelLock.attempt(str(path))
    assert lock is not None
    lock.release()


UNLINKING = """
import sys, time
from filelock import FileLock
for _ in range(200):
    with FileLock(sys.argv[1]):
        with open(sys.argv[2], "r+") as file:
            count = int(file.read() or 0)
            time.sleep(0.0005)
            file.seek(0)
            file.write(str(count + 1))
"""

IMPORTS = """
from minimax_sync.auth.clock import SystemClock
from minimax_sync.auth.file_store import FileStore
from minimax_sync.auth.interfaces import locked
"""


def test_A24_our_lock_and_filelocks_own_exclude_each_other(tmp_path: Path) -> None:
    lock, counter = tmp_path / "x.lock", tmp_path / "counter"
    counter.write_text("0")
    ours = UNLINKING.replace("from filelock import FileLock", IMPORTS).replace(
        "FileLock(sys.argv[1])", 'locked(FileStore(sys.argv[1].removesuffix(".lock")), SystemClock())'
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(lock), str(counter)]) for script in (UNLINKING, ours)
    ]
    assert [process.wait(20) for process in running] == [0, 0]
    assert counter.read_text() == "400"


INTERRUPTED = """
import linecache, signal, sys, threading, time
from minimax_sync.auth import TokenPlan
from minimax_sync.auth.file_lock import KernelLock
path, url = sys.argv[1:]
plan = TokenPlan(path, base_url=url)
plan.bearer()
lines = interrupted = 0

def run(stop_at):
    seen = 0
    entered = set()
    def trace(frame, event, argument):
        nonlocal seen
        if "minimax_sync/auth" not in frame.f_code.co_filename:
            return None
        if event == "line":
            # A trace function can raise at `try:` and on leaving a `with`; a signal strikes at neither.
            line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
            if line == "try:" or (line.startswith("with ") and (id(frame), frame.f_lineno) in entered):
                return trace
            entered.add((id(frame), frame.f_lineno))
            seen += 1
            if seen == stop_at:
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        return trace
    old = plan.bearer()
    sys.settrace(trace)
    try:
        plan.force_refresh(old)
    except KeyboardInterrupt:
        return seen, True
    finally:
        sys.settrace(None)
    return seen, False

for stop_at in range(1, 1000):
    seen, hit = run(stop_at)
    interrupted += hit
    deadline = time.monotonic() + 5
    token = plan.bearer(5)
    while (lock := KernelLock.attempt(path + ".lock")) is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    lock.release()
    if seen < stop_at:
        break
print(interrupted > 30, seen < stop_at)
"""


def test_A28_ctrl_c_at_every_line_of_a_forced_refresh_leaks_no_lock(emulator: Emulator, path: Path) -> None:
    emulator.portal.bundle(path)
    assert run_python(INTERRUPTED, path, emulator.url) == "True True"
    eventually(lambda: bundle_at(path).access_token.reveal() == latest_pair(emulator)["access_token"])
    assert emulator.portal.reused == 0


def test_A26_a_lock_path_that_cannot_be_locked_is_one_clear_error(
    emulator: Emulator, plan: TokenPlan, tmp_path: Path
) -> None:
    lock = Path(f"{plan.path}.lock")
    obstacles: list[tuple[Callable[[], object], str]] = [
        (lock.mkdir, "directory"),
        (lambda: lock.symlink_to(tmp_path / "elsewhere"), "symlink"),
        (lambda: os.mkfifo(lock), "regular file"),
    ]
    for make, word in obstacles:
        make()
        began = time.monotonic()
        with pytest.raises(BundleError, match=rf"{lock}.*{word}"):
            plan.bearer()
        assert time.monotonic() - began < 2.0
        lock.rmdir() if lock.is_dir() and not lock.is_symlink() else lock.unlink()
    assert plan.bearer()
    assert is_private(lock)
    assert not (tmp_path / "elsewhere").exists()
    assert emulator.portal.posts == 1


DENIED = """
import sys
from minimax_sync.auth import TokenPlan
from minimax_sync.errors import BundleError
try:
    TokenPlan(sys.argv[1], base_url=sys.argv[2]).bearer()
except BundleError as error:
    print(error)
"""


@pytest.mark.posix
def test_A26_a_lock_of_another_user_names_its_owner(emulator: Emulator, path: Path) -> None:
    emulator.portal.bundle(path, ttl=-10)
    lock = Path(f"{path}.lock")
    lock.touch(mode=0o000)
    printed = run_python(DENIED, path, emulator.url, obey_modes=True, silent=False)
    assert str(lock) in printed
    assert f"belongs to {path.owner()}" in printed
    assert emulator.portal.posts == 0
