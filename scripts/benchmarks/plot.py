"""How cost grows: conversation 1 to 1,000 messages, stream 10 to 100,000 deltas, threads 1 to 256."""

from __future__ import annotations

import itertools
import math
import time
from concurrent.futures import ThreadPoolExecutor

from contenders import HELLO, Contender
from measures import Bench

REPEATS = 3
SIZES = {
    "messages in the conversation": (1, 3, 10, 30, 100, 300, 1000),
    "deltas in the stream": (10, 100, 1000, 10_000, 100_000),
    "threads on one client": (1, 4, 16, 64, 256),
}
UNITS = {
    "messages in the conversation": "CPU ms per call",
    "deltas in the stream": "CPU ms per stream",
    "threads on one client": "wall ms per call",
}


def cost(kind: str, contender: Contender, size: int) -> float:
    """Measure one point, in milliseconds."""
    if kind == "threads on one client":
        calls = max(512, size * 4)
        with ThreadPoolExecutor(size) as pool:
            began = time.perf_counter()
            list(pool.map(lambda _: contender.chat(HELLO), range(calls)))
            return (time.perf_counter() - began) / calls * 1000
    times = min(50, max(1, 2000 // size))
    turns = [{"role": "user" if n % 2 == 0 else "assistant", "content": "word " * 40} for n in range(size - 1)] + HELLO
    began = time.process_time()
    for _ in range(times):
        if kind == "deltas in the stream":
            for _ in contender.stream(size):
                continue
        else:
            contender.chat(turns)
    return (time.process_time() - began) / times * 1000


def steepest(sizes: tuple[int, ...], costs: list[float]) -> float:
    """Return the power of the size by which the cost grows where it grows fastest: 1 is linear."""
    points = list(zip(sizes, costs, strict=True))
    pairs = itertools.pairwise(points)
    return max(math.log(cost / before) / math.log(size / smaller) for (smaller, before), (size, cost) in pairs)


def draw(bench: Bench, names: list[str], path: str) -> None:
    """Measure, print, and write the picture."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "minimax_sync", "font.size": 11})
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(SIZES), figsize=(15, 4.5))
    for axis, (kind, sizes) in zip(axes, SIZES.items(), strict=True):
        for name in names:
            costs = [min(cost(kind, bench.made[name], size) for _ in range(REPEATS)) for size in sizes]
            power = steepest(sizes, costs)
            axis.plot(sizes, costs, marker="o", label=f"{name}: at most n^{power:.2f}")
            points = (f"{size:,}: {value:.4g}" for size, value in zip(sizes, costs, strict=True))
            print(f"{kind:30} {name:10} at most n^{power:.2f} ", *points, flush=True)
        axis.set(xscale="log", yscale="log", xlabel=kind, ylabel=UNITS[kind])
        axis.grid(alpha=0.3)
        axis.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None} if path.endswith(".svg") else None)
