"""The rows that have no peer among HTTP clients: limiter, Token Plan and hooks, in absolute figures."""

from __future__ import annotations

import cProfile
import logging
import multiprocessing
import pstats
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import accumulate
from multiprocessing.connection import Connection
from pathlib import Path

from cores import pin_server

from minimax_sync import LlmError, MiniMaxClient, TokenBucket, TokenPlan
from minimax_sync.emulator import Emulator

logging.getLogger("minimax_sync").addHandler(logging.NullHandler())  # the failures below are on purpose


def limiter_rate() -> tuple[float, str]:
    """16 threads at 200 per second for 2 s."""
    bucket, stop, taken = TokenBucket(200), time.monotonic() + 2.0, []

    def take() -> None:
        while time.monotonic() < stop:
            came = time.monotonic()
            bucket.acquire()
            taken.append((time.monotonic(), came))

    _run(take, 16)
    taken.sort()
    times, arrivals = zip(*taken, strict=True)
    most = max(sum(began <= other < began + 1 for other in times) for began in times[:200])
    latest = accumulate(arrivals, max)  # who came a millisecond before somebody served earlier was overtaken
    overtaken = sum(came < last - 0.001 for came, last in zip(arrivals, latest, strict=True))
    rate = (len(times) - 1) / (times[-1] - times[0])
    return rate, f"{rate:.1f} per second (200.0 +- 0.5), at most {most} in any second (201), {overtaken} overtaken (0)"


def fresh_bearer() -> tuple[float, str]:
    """A bundle that is fresh."""
    with Emulator() as emulator, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bundle.json"
        emulator.portal.bundle(path, ttl=3600)
        bearer = TokenPlan(path, base_url=emulator.url).bearer
        bearer()
        times = 200_000
        began = time.perf_counter()
        for _ in range(times):
            bearer()
        spent = (time.perf_counter() - began) / times * 1e9
    return spent, f"{spent:.0f} ns (< 400)"


def expired_token() -> tuple[float, str]:
    """64 threads at an expired token; the endpoint takes 50 ms."""
    slowest, posts = _stampedes(fails=False)
    return slowest, f"{posts} POST (1), slowest {slowest:.0f} ms (<= 60)"


def failing_endpoint() -> tuple[float, str]:
    """The same with an endpoint that answers 500: the leader's failure is shared."""
    slowest, posts = _stampedes(fails=True)
    return slowest, f"{posts} POST (1), slowest {slowest:.0f} ms"


def _stampedes(fails: bool) -> tuple[float, int]:
    """Return the median of five times the slowest thread took, in milliseconds, and the most POSTs."""
    slowest, posts = zip(*(_stampede(fails) for _ in range(5)), strict=True)
    return statistics.median(slowest), max(posts)


def _stampede(fails: bool) -> tuple[float, int]:
    spawn = multiprocessing.get_context("spawn")
    pipe, its_end = spawn.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bundle.json"
        portal = spawn.Process(target=_portal, args=(its_end, path, fails))
        portal.start()
        plan = TokenPlan(path, base_url=pipe.recv())
        gate, waits = threading.Barrier(64), []

        def ask() -> None:
            gate.wait()
            began = time.perf_counter()
            with suppress(LlmError):
                plan.bearer(5.0)
            waits.append((time.perf_counter() - began) * 1000)

        _run(ask, 64)
        pipe.send("how many?")
        posts = pipe.recv()
        portal.join()
    return max(waits), posts


def _portal(pipe: Connection, path: Path, fails: bool) -> None:
    """Write an expired bundle, serve its token endpoint from a core of its own, and tell how many POSTs came."""
    pin_server()
    with Emulator() as emulator:
        emulator.portal.latency_before_commit = 0.05
        emulator.portal.bundle(path, ttl=0.001)
        time.sleep(0.01)
        if fails:
            for _ in range(64):
                emulator.portal.fault(status=500)
        pipe.send(emulator.url)
        pipe.recv()
        pipe.send(emulator.portal.posts)


def hooks_cost() -> tuple[float, str]:
    """Function calls of a call without hooks and with one."""
    with Emulator() as emulator:
        client = MiniMaxClient(emulator.api_key, base_url=emulator.base_url, requests_per_second=None)
        with client, client.with_options(hooks=[str]) as watched:
            without, with_one = (_function_calls(lambda asked=asked: asked.chat("hi")) for asked in (client, watched))
    return without, f"{without} function calls without, {with_one} with one"


def _function_calls(job: Callable[[], object]) -> int:
    job()
    profile = cProfile.Profile()
    profile.enable()
    job()
    profile.disable()
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]


def _run(job: Callable[[], None], threads: int) -> None:
    workers = [threading.Thread(target=job) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


OWN_ROWS: dict[str, Callable[[], tuple[float, str]]] = {
    "limiter, 16 threads at 200/s": limiter_rate,
    "bearer() on a fresh bundle": fresh_bearer,
    "64 threads at an expired token, endpoint of 50 ms": expired_token,
    "the same with a failing endpoint": failing_endpoint,
    "call: what a hook costs": hooks_cost,
}
