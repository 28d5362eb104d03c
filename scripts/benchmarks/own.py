"""The rows that have no peer among HTTP clients: limiter, Token Plan and hooks, in absolute figures."""

from __future__ import annotations

import cProfile
import json
import logging
import pstats
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import accumulate
from pathlib import Path

from measures import REPEATS, Bench, count

from minimax_sync import LlmError, MiniMaxClient, TokenBucket, TokenPlan
from minimax_sync.emulator import Emulator

logging.getLogger("minimax_sync").addHandler(logging.NullHandler())  # the failures below are on purpose


def limiter_rate(_: Bench) -> tuple[float, str]:
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
    latest = accumulate(arrivals, max)  # overtaken: arrived over 1 ms before one served earlier
    overtaken = sum(came < last - 0.001 for came, last in zip(arrivals, latest, strict=True))
    rate = (len(times) - 1) / (times[-1] - times[0])
    return rate, f"{rate:.1f} per second (200.0 +- 0.5), at most {most} in any second (201), {overtaken} overtaken (0)"


def fresh_bearer(bench: Bench) -> tuple[float, str]:
    """A bundle that is fresh."""
    with tempfile.TemporaryDirectory() as folder:
        bearer = _plan(Path(folder), bench.plain, "2099-01-01T00:00:00Z").bearer
        bearer()
        times = 200_000
        began = time.perf_counter()
        for _ in range(times):
            bearer()
        spent = (time.perf_counter() - began) / times * 1e9
    return spent, f"{spent:.0f} ns (< 400)"


def expired_token(bench: Bench) -> tuple[float, str]:
    """64 threads at an expired token; the endpoint takes 50 ms."""
    slowest, posts = _stampedes(bench, bench.plain)
    return slowest, f"{posts:g} POST (1), slowest {slowest:.1f} ms (<= 60)"


def failing_endpoint(bench: Bench) -> tuple[float, str]:
    """64 threads at an expired token; the endpoint answers 500, and all share that failure."""
    slowest, posts = _stampedes(bench, f"{bench.plain}/failing")
    return slowest, f"{posts:g} POST (1), slowest {slowest:.1f} ms"


def _stampedes(bench: Bench, portal: str) -> tuple[float, float]:
    """Return the median of the times the slowest thread took, in milliseconds, and POSTs per stampede."""
    before = count(bench, "refreshes")
    slowest = [_stampede(portal) for _ in range(REPEATS)]
    return statistics.median(slowest), (count(bench, "refreshes") - before) / REPEATS


def _stampede(portal: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        plan = _plan(Path(folder), portal, "2026-01-01T00:00:00Z")
        gate, waits = threading.Barrier(64), []

        def ask() -> None:
            gate.wait()
            began = time.perf_counter()
            with suppress(LlmError):
                plan.bearer(5.0)
            waits.append((time.perf_counter() - began) * 1000)

        _run(ask, 64)
    return max(waits)


def _plan(folder: Path, portal: str, expires_at: str) -> TokenPlan:
    bundle = {"access_token": "at-0", "refresh_token": "rt-0", "expires_at": expires_at, "region": portal}
    path = folder / "bundle.json"
    path.touch(0o600)
    path.write_text(json.dumps(bundle))
    return TokenPlan(path, base_url=portal)


def hooks_cost(_: Bench) -> tuple[float, str]:
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


OWN_ROWS: dict[str, Callable[[Bench], tuple[float, str]]] = {
    "limiter, 16 threads at 200/s": limiter_rate,
    "bearer() on a fresh bundle": fresh_bearer,
    "64 threads at an expired token, endpoint of 50 ms": expired_token,
    "the same with a failing endpoint": failing_endpoint,
    "call: what a hook costs": hooks_cost,
}
