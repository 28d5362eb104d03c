"""Processes of this machine: `map` with an executor, and a plain pool. Both start methods."""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

from minimax_sync import MiniMaxClient

REDIS = "redis://redis.example:6379/0"


def ask(prompts: list[str]) -> list[str]:
    with MiniMaxClient(limiter=REDIS, requests_per_second=50) as client:
        return [result.response.text for result in client.map(prompts) if result.response]


if __name__ == "__main__":
    prompts = [f"prompt {number}" for number in range(20)]
    context = multiprocessing.get_context(sys.argv[1])  # "spawn", "fork" or "forkserver"

    # The client goes along as a reference to its settings; every process opens it once.
    with (
        MiniMaxClient(limiter=REDIS, requests_per_second=50) as client,
        ProcessPoolExecutor(2, mp_context=context) as executor,
    ):
        for result in client.map(prompts, executor=executor):
            print(result.response.text if result.response else result.error)

    # Or a share of the prompts for each process.
    with context.Pool(2) as pool:
        for answers in pool.map(ask, [prompts[0::2], prompts[1::2]]):
            print(*answers, sep="\n")
