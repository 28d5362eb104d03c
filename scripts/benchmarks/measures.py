"""What is measured, how, and the target of each: a table of rows, one function per kind of measurement."""

from __future__ import annotations

import cProfile
import pstats
import statistics
import subprocess
import sys
import threading
import time
import tracemalloc
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from contenders import CONTENDERS, HELLO, MODULES, Contender, image_message

REPEATS = 7
IMAGE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 16384
LONG = [
    {"role": "user" if number % 2 == 0 else "assistant", "content": f"{number} " + "word " * 200}
    for number in range(199)
] + HELLO


@dataclass(frozen=True)
class Bench:
    """One run: the server's addresses, the wire, and the contenders, made once."""

    plain: str
    secure: str
    certificate: str
    wire: str
    made: dict[str, Contender]


Measure = Callable[[Bench, str], float]


@dataclass(frozen=True)
class Row:
    """One line of the table. `target` is for our ratio to requests, or for our own figure when `absolute`."""

    name: str
    unit: str
    measure: Measure
    target: float
    absolute: bool = False
    more_is_better: bool = False
    only: tuple[str, ...] = tuple(CONTENDERS)
    repeats: int = REPEATS


def in_new_process(code: str) -> Measure:
    """Time a fresh interpreter that runs `code`, less one that runs nothing."""

    def measure(bench: Bench, name: str) -> float:
        names = {"name": name, "url": bench.plain, "wire": bench.wire, "modules": MODULES[name]}
        return _process_time(code.format(**names)) - _process_time("pass")

    return measure


def _process_time(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, cwd=sys.path[0])
    return (time.perf_counter() - began) * 1000


IMPORT = "import {modules}"
COLD = "from contenders import CONTENDERS, HELLO; CONTENDERS['{name}']('{url}', '{wire}').chat(HELLO)"


STREAM = "from contenders import CONTENDERS; client = CONTENDERS['{name}']('{url}', '{wire}'); "


def memory_after(code: str, field: str) -> Measure:
    """Megabytes of a fresh interpreter after `code`; `field` is "VmRSS" for what is resident, "VmHWM" for the peak."""

    def measure(bench: Bench, name: str) -> float:
        names = {"name": name, "url": bench.plain, "wire": bench.wire, "modules": MODULES[name]}
        return _kilobytes(code.format(**names), field) / 1024

    return measure


def growth(bench: Bench, name: str) -> float:
    """Kilobytes by which a stream of 20,000 deltas raises the peak of resident memory, beyond the text itself.

    A fresh interpreter reads it piece by piece and keeps nothing; its peak is compared to that of a short stream.
    """
    made = STREAM.format(name=name, url=bench.plain, wire=bench.wire)
    short, long = (
        statistics.median(_kilobytes(f"{made}sum(1 for _ in client.stream({length}))", "VmHWM") for _ in range(3))
        for length in (100, 20_000)
    )
    return long - short - sum(len(f" word {number}") for number in range(100, 20_000)) / 1024


def _kilobytes(code: str, field: str) -> int:
    status = f"{code}; print(open('/proc/self/status').read())"
    printed = subprocess.check_output([sys.executable, "-c", status], cwd=sys.path[0], text=True)
    return next(int(line.split()[1]) for line in printed.splitlines() if line.startswith(field))


def construct(bench: Bench, name: str) -> float:
    """Milliseconds to make a client, imports done: the median of ten."""
    times = []
    for _ in range(10):
        began = time.perf_counter()
        contender = CONTENDERS[name](bench.plain, bench.wire)
        times.append(time.perf_counter() - began)
        del contender
    return statistics.median(times) * 1000


def cpu_of(messages: Callable[[str], list[Any]], times: int) -> Measure:
    """CPU microseconds per call."""

    def measure(bench: Bench, name: str) -> float:
        contender, conversation = bench.made[name], messages(name)
        contender.chat(conversation)
        began = time.process_time()
        for _ in range(times):
            contender.chat(conversation)
        return (time.process_time() - began) / times * 1e6

    return measure


def calls_of(job: Callable[[Contender], int]) -> Measure:
    """Function calls, by cProfile, per unit of work, whose count the job returns."""

    def measure(bench: Bench, name: str) -> float:
        contender = bench.made[name]
        job(contender)
        profile = cProfile.Profile()
        profile.enable()
        units = job(contender)
        profile.disable()
        return pstats.Stats(profile).total_calls / units  # type: ignore[attr-defined]

    return measure


def one_chat(contender: Contender) -> int:
    """Ask once."""
    contender.chat(HELLO)
    return 1


def one_stream(contender: Contender) -> int:
    """Read a stream of 2,000 deltas."""
    return sum(1 for _ in contender.stream(2000))


def long_conversation(name: str) -> list[Any]:
    """Give each client a conversation as it holds one: ours keeps values, the others dicts."""
    if name != "ours":
        return LONG
    from minimax_sync import ChatMessage

    makers = {"user": ChatMessage.user, "assistant": ChatMessage.assistant}
    return [makers[message["role"]](message["content"]) for message in LONG]


def stream_cpu(bench: Bench, name: str) -> float:
    """CPU microseconds per delta."""
    contender = bench.made[name]
    began = time.process_time()
    deltas = sum(one_stream(contender) for _ in range(3))
    return (time.process_time() - began) / deltas * 1e6


def delay(bench: Bench, name: str) -> float:
    """Median microseconds from the server's send to the user's loop, one delta per millisecond."""
    delays = [time.monotonic_ns() - int(text) for text in bench.made[name].stream(300, "paced")]
    return statistics.median(delays) / 1000


def in_threads(threads: int) -> Measure:
    """Calls per second of that many threads on one client."""

    def measure(bench: Bench, name: str) -> float:
        contender, calls = bench.made[name], max(threads * 8, 512)
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda _: contender.chat(HELLO), range(threads)))
            began = time.perf_counter()
            list(pool.map(lambda _: contender.chat(HELLO), range(calls)))
            return calls / (time.perf_counter() - began)

    return measure


PROMPTS = [f"prompt {number}" for number in range(10_000)]


def mapped(bench: Bench, name: str) -> float:
    """Prompts per second of 10,000 prompts in 64 threads: `map` of ours, a pool of threads over the others."""
    began = time.perf_counter()
    answered = bench.made[name].map(PROMPTS, 64)
    assert answered == len(PROMPTS)
    return answered / (time.perf_counter() - began)


def mapped_cpu(bench: Bench, name: str) -> float:
    """CPU microseconds per prompt of the same."""
    began = time.process_time()
    answered = bench.made[name].map(PROMPTS, 64)
    return (time.process_time() - began) / answered * 1e6


def tool_rounds(bench: Bench, name: str) -> float:
    """CPU milliseconds per round of a tool loop of 1,000 rounds, the history growing by two messages a round."""
    rounds = 1000
    began = time.process_time()
    messages = bench.made[name].tool_loop(rounds)
    assert messages >= 2 * rounds
    return (time.process_time() - began) / rounds * 1000


def streams_at_once(bench: Bench, name: str) -> float:
    """Deltas per second of 64 threads, each with a stream on one client."""
    contender = bench.made[name]
    with ThreadPoolExecutor(64) as pool:
        began = time.perf_counter()
        deltas = sum(pool.map(lambda _: sum(1 for _ in contender.stream(200)), range(64)))
        return deltas / (time.perf_counter() - began)


def new_connections(bench: Bench, name: str) -> float:
    """Connections that 20 streams in a row open after the first."""
    contender = bench.made[name]
    for _ in contender.stream(10):
        continue
    before = count(bench, "connections")
    for _ in range(20):
        for _ in contender.stream(10):
            continue
    return count(bench, "connections") - before - 1


def count(bench: Bench, what: str) -> int:
    """Ask the server how many connections or refreshes it has seen."""
    with urllib.request.urlopen(f"{bench.plain}/{what}") as answer:
        return int(answer.read())


def memory(bench: Bench, name: str) -> float:
    """Peak kilobytes that a stream of 20,000 deltas adds, beyond the text itself."""
    contender = bench.made[name]
    list(contender.stream(10))
    tracemalloc.start()
    text = sum(len(piece) for piece in contender.stream(20_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return (peak - text) / 1024


def tls_connection(bench: Bench, name: str) -> float:
    """CPU milliseconds of a first call over TLS, the CA bundle having been loaded by an earlier client."""
    _secure(bench, name).chat(HELLO)
    began = time.process_time()
    _secure(bench, name).chat(HELLO)
    return (time.process_time() - began) * 1000


def tls_stampede(bench: Bench, name: str) -> float:
    """Milliseconds of the slowest of 32 first calls at once over TLS."""
    contender, gate, times = _secure(bench, name), threading.Barrier(32), []

    def ask(_: int) -> None:
        gate.wait()
        began = time.perf_counter()
        contender.chat(HELLO)
        times.append(time.perf_counter() - began)

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(ask, range(32)))
    return max(times) * 1000


def _secure(bench: Bench, name: str) -> Contender:
    return CONTENDERS[name](bench.secure, bench.wire, bench.certificate)


HTTP_ONLY = ("ours", "requests", "urllib3")
WITH_TOOLS = ("ours", "requests", "openai", "anthropic")

ROWS = (
    Row("import", "ms", in_new_process(IMPORT), 0.40),
    Row("cold process: import, construct, first call", "ms", in_new_process(COLD), 1.30, repeats=25),
    Row("memory: resident after import", "MB", memory_after(IMPORT, "VmRSS"), 0.60, repeats=3),
    Row("memory: peak after import", "MB", memory_after(IMPORT, "VmHWM"), 0.60, repeats=3),
    Row("memory: resident after a first call", "MB", memory_after(COLD, "VmRSS"), 1.10, repeats=3),
    Row("memory: peak after a first call", "MB", memory_after(COLD, "VmHWM"), 1.10, repeats=3),
    Row("construct a client", "ms", construct, 0.5, absolute=True),
    Row("call, small: CPU", "us", cpu_of(lambda _: HELLO, 100), 0.50),
    Row("call, small: function calls", "calls", calls_of(one_chat), 1200, absolute=True, repeats=1),
    Row("call, 200 messages, 200 kB: CPU", "us", cpu_of(long_conversation, 20), 0.35),
    Row("call, the same as dicts: CPU", "us", cpu_of(lambda _: LONG, 20), 0.40),
    Row("call, 4 MB image: CPU", "us", cpu_of(lambda name: image_message(IMAGE, name == "ours"), 2), 0.30),
    Row("call, the same as a data URL in a dict: CPU", "us", cpu_of(lambda _: image_message(IMAGE, False), 2), 0.30),
    Row("calls per second, 32 threads", "1/s", in_threads(32), 2.0, more_is_better=True),
    Row("calls per second, 128 threads", "1/s", in_threads(128), 2.0, more_is_better=True),
    Row("map, 10,000 prompts, 64 workers: prompts per second", "1/s", mapped, 2.0, more_is_better=True, repeats=3),
    Row("map, 10,000 prompts, 64 workers: CPU per prompt", "us", mapped_cpu, 0.60, repeats=3),
    Row("tool loop, 1,000 rounds: CPU per round", "ms", tool_rounds, 1.0, repeats=1, only=WITH_TOOLS),
    Row("stream: CPU per delta", "us", stream_cpu, 0.60),
    Row("stream: function calls per delta", "calls", calls_of(one_stream), 30, absolute=True, repeats=1),
    Row("stream: delay of a delta, p50", "us", delay, 0.95),
    Row("stream: new connections for 20 in a row", "", new_connections, 0, absolute=True, repeats=1),
    Row("stream: memory of 20,000 deltas beyond the text", "kB", memory, 256, absolute=True, repeats=1),
    Row("stream: resident growth beyond the text, 20,000", "kB", growth, 256, absolute=True, repeats=1),
    Row("stream: deltas per second, 64 threads with one each", "1/s", streams_at_once, 1.4, more_is_better=True),
    Row("TLS: CPU of a new connection", "ms", tls_connection, 0.15, only=HTTP_ONLY),
    Row("TLS: slowest of 32 first calls at once", "ms", tls_stampede, 0.15, only=HTTP_ONLY),
)
