"""The token lab: bundles, processes that share them, ways to harm both. The portal is the emulator's strict one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from support.eventually import eventually
from support.run_python import OBEY_MODES

from minimax_sync.auth import TokenPlan
from minimax_sync.auth.bundle import Bundle, parse_bundle
from minimax_sync.auth.clock import SystemClock
from minimax_sync.auth.single_flight import Credential
from minimax_sync.auth.token_plan import bundle_place, open_store
from minimax_sync.emulator import Emulator
from minimax_sync.emulator.grants import Pair

WORKER = Path(__file__).with_name("token_worker.py")


def bundle_at(path: Path) -> Bundle:
    """Read the bundle, or fail: it must be whole at every instant."""
    bundle = parse_bundle(path.read_bytes())
    assert isinstance(bundle, Bundle), bundle
    return bundle


def edit(path: Path, **changes: Any) -> None:
    """Change keys of the bundle as a person with an editor does."""
    document = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps(document))
    path.chmod(0o600)


def expire(path: Path, *, ago: float = 10.0) -> None:
    """Let the bundle's access token have run out `ago` seconds ago."""
    edit(path, expires_at=in_seconds(-ago))


def in_seconds(seconds: float) -> str:
    """Write an instant as bundles do."""
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).isoformat()


def expired_plan(emulator: Emulator, path: Path, *, ttl: float = -10.0) -> TokenPlan:
    """Make a bundle whose token ends `ttl` seconds from now, and a plan on it."""
    emulator.portal.bundle(path, ttl=ttl)
    return TokenPlan(path, base_url=emulator.url)


def latest_pair(emulator: Emulator) -> Pair:
    """Return the tokens that the portal holds good now."""
    pair = emulator.portal.current
    assert pair is not None
    return pair


def separate_plan(bundle: Path | str, base_url: str) -> TokenPlan:
    """Make a plan that shares nothing with the others of this process, like one in another process."""
    plan = TokenPlan(bundle, base_url=base_url)
    clock = SystemClock()
    plan._credential = Credential(open_store(bundle_place(bundle), clock), plan._credential.endpoint, clock)
    return plan


def files_beside(path: Path) -> list[str]:
    """Name the bundle's own files beside it, but its lock."""
    names = {found.name for found in path.parent.iterdir() if path.name in found.name}
    return sorted(names - {path.name, path.name + ".lock"})


class Process:
    """A worker process. It is killed at the end of `workers`."""

    def __init__(self, path: Path | str, base_url: str, *, obey_modes: bool = False) -> None:
        wrapper = ["-c", OBEY_MODES] if obey_modes else []
        self._popen = subprocess.Popen(
            [sys.executable, *wrapper, str(WORKER), str(path), base_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._popen.pid

    def send(self, command: str) -> None:
        """Give a command; its answer is received later."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(command + "\n")
        self._popen.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """Return the answer to the earliest command that has none."""
        assert self._popen.stdout is not None
        line = self._popen.stdout.readline()
        assert line, "the worker is gone"
        return dict(json.loads(line))

    def ask(self, command: str) -> dict[str, Any]:
        """Give a command and return its answer."""
        self.send(command)
        return self.receive()

    def signal(self, number: int) -> None:
        """Send a signal."""
        self._popen.send_signal(number)

    def kill(self) -> None:
        """End it as `kill -9` does, and wait until it is gone."""
        self._popen.kill()
        self.wait()

    def wait(self) -> int:
        """Wait for the end; return the exit status."""
        status = self._popen.wait(20)
        for stream in (self._popen.stdin, self._popen.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue
        return status


@contextmanager
def workers(count: int, path: Path | str, base_url: str, *, obey_modes: bool = False) -> Iterator[list[Process]]:
    """Run worker processes on one bundle."""
    processes = [Process(path, base_url, obey_modes=obey_modes) for _ in range(count)]
    try:
        for process in processes:
            assert "ready" in process.receive()
        yield processes
    finally:
        for process in processes:
            if process._popen.returncode is None:
                process.signal(signal.SIGCONT)
                process.kill()


@contextmanager
def refreshing(emulator: Emulator, path: Path | str) -> Iterator[list[Process]]:
    """Run two processes; the first has sent the refresh token to the portal and waits for the answer."""
    with workers(2, path, emulator.url) as (holder, waiter):
        holder.send("bearer")
        assert eventually(lambda: emulator.portal.posts == 1)
        yield [holder, waiter]


def at_once(processes: list[Process], command: str) -> list[dict[str, Any]]:
    """Give all processes one command for the same instant; return their answers."""
    instant = time.time() + 0.1
    for process in processes:
        process.send(f"at {instant} {command}")
    return [process.receive() for process in processes]


def descriptors(pid: int | None = None) -> int:
    """Count the open files of a process, of this one by default."""
    return len(os.listdir(f"/proc/{pid or os.getpid()}/fd"))
