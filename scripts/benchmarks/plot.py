"""How cost grows: conversation 1 to 1,000 messages, stream 10 to 100,000 deltas, threads 1 to 256."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from contenders import HELLO, Contender
from measures import Bench

SIZES = {
    "messages in the conversation": (1, 3, 10, 30, 100, 300, 999),
    "deltas in the stream": (10, 100, 1000, 10_000, 100_000),
    "threads on one client": (1, 4, 16, 64, 256),
}
UNITS = {
    "messages in the conversation": "CPU ms per call",
    "deltas in the stream": "CPU ms per stream",
    "threads on one client": "calls per second",
}


def cost(kind: str, contender: Contender, size: int) -> float:
    """Measure one point."""
    if kind == "threads on one client":
        with ThreadPoolExecutor(size) as pool:
            began = time.perf_counter()
            list(pool.map(lambda _: contender.chat(HELLO), range(max(512, size * 4))))
            return max(512, size * 4) / (time.perf_counter() - began)
    times = max(1, 2000 // size)
    turns = [{"role": "user" if n % 2 == 0 else "assistant", "content": "word " * 40} for n in range(size | 1)]
    began = time.process_time()
    for _ in range(min(times, 50)):
        if kind == "deltas in the stream":
            for _ in contender.stream(size):
                continue
        else:
            contender.chat(turns)
    return (time.process_time() - began) / min(times, 50) * 1000


def draw(bench: Bench, names: list[str], path: str) -> None:
    """Measure and write the picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(SIZES), figsize=(15, 4.5))
    for axis, (kind, sizes) in zip(axes, SIZES.items(), strict=True):
        for name in names:
            costs = [cost(kind, bench.made[name], size) for size in sizes]
            axis.plot(sizes, costs, marker="o", label=name)
            print(f"{kind:32} {name:10}", *(f"{size}: {value:.4g}" for size, value in zip(sizes, costs, strict=True)))
        axis.set(xscale="log", yscale="log", xlabel=kind, ylabel=UNITS[kind])
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)
