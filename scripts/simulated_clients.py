"""Clients that only wait for their slots, against one real Redis: how many acquires it bears, how true the rate is.

A client is a thread that acquires again as soon as it has a slot, as a worker does whose calls are short. Four
processes run the threads.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from statistics import quantiles
from typing import Any

from minimax_sync import RedisTokenBucket

PROCESSES = 4
_SPAWN = multiprocessing.get_context("spawn")


@contextmanager
def redis_server() -> Iterator[tuple[str, int]]:
    """Run a redis-server on loopback; yield its URL and pid."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tempfile.mkdtemp()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield f"redis://127.0.0.1:{port}/0", process.pid
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def clients(url: str, rate: float, threads: int, seconds: float, out: Any) -> None:
    """Run one process of clients and send (instant, seconds waited) of every slot that they got."""
    slots: list[tuple[float, float]] = []
    end = time.time() + seconds

    def client(bucket: RedisTokenBucket) -> None:
        while time.time() < end:
            waited = bucket.acquire()
            slots.append((time.time(), waited))

    bucket = RedisTokenBucket(url, rate)
    crew = [threading.Thread(target=client, args=(bucket,)) for _ in range(threads)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    out.put(slots)


def run(url: str, rate: float, count: int, seconds: float) -> list[tuple[float, float]]:
    """Run `count` clients for so long; return the slots of all, in order."""
    out = _SPAWN.Queue()
    arguments = (url, rate, count // PROCESSES, seconds, out)
    processes = [_SPAWN.Process(target=clients, args=arguments) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    slots = sorted(slot for _ in processes for slot in out.get())
    for process in processes:
        process.join()
    return slots


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def measure(rate: float, count: int, seconds: float) -> tuple[list[tuple[float, float]], float]:
    """Return the slots of a run on a Redis of its own, and the seconds of processor time that Redis used."""
    with redis_server() as (url, pid):
        before = cpu_seconds(pid)
        slots = run(url, rate, count, seconds)
        return slots, cpu_seconds(pid) - before


def main(count: int, rate: float, seconds: float) -> None:
    slots, used = measure(1e6, 32, 5.0)
    print(f"without waits, {PROCESSES} processes of 8 threads on this machine:")
    print(f"  acquires per second      {len(slots) / (slots[-1][0] - slots[0][0]):,.0f}")
    print(f"  one core of Redis bears  {len(slots) / used:,.0f} per second ({used / len(slots) * 1e6:.0f} us each)")
    slots, used = measure(rate, count, seconds)
    steady = [slot for slot in slots if slot[0] - slots[0][0] < seconds]
    reached = (len(steady) - 1) / (steady[-1][0] - steady[0][0])
    gaps = quantiles((later[0] - earlier[0] for earlier, later in pairwise(steady)), n=100)
    print(f"{count} clients share {rate:g} requests per second for {seconds:g} s:")
    print(f"  reached   {reached:.2f} per second, {(reached / rate - 1) * 100:+.2f} %")
    print(f"  gaps      {gaps[0] * 1000:.1f} to {gaps[-1] * 1000:.1f} ms (1st to 99th percentile of {1000 / rate:g})")
    waits = [waited for _, waited in steady[count:]]
    if waits:
        print(f"  waits     {min(waits):.2f} to {max(waits):.2f} s; {count / rate:.2f} when all come in turn")
    print(f"  Redis     busy for {used / (slots[-1][0] - slots[0][0]) * 100:.1f} % of one core")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="scripts/simulate", description=__doc__)
    parser.add_argument("clients", type=int, nargs="?", default=1000)
    parser.add_argument("rate", type=float, nargs="?", default=100.0, help="requests per second of all together")
    parser.add_argument("seconds", type=float, nargs="?", default=20.0)
    arguments = parser.parse_args()
    main(arguments.clients, arguments.rate, arguments.seconds)
