"""Prompts through a Dask cluster of four worker processes; prints what came of it as JSON.

dask_run.py BASE_URL PROMPTS RATE REDIS [BUNDLE] [kill]: `kill` ends one worker in the middle, as `kill -9` does.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any

from distributed import Client, LocalCluster

from minimax_sync import MiniMaxClient


def main(base_url: str, prompts: int, rate: float, redis: str, *rest: str) -> dict[str, Any]:
    bundle = next((word for word in rest if word.startswith("redis://")), None)
    cluster = LocalCluster(n_workers=4, threads_per_worker=8, host="127.0.0.1", dashboard_address=None)
    client = MiniMaxClient(base_url=base_url, limiter=redis, requests_per_second=rate, bundle=bundle)
    with cluster, Client(cluster) as dask, client, dask.get_executor() as executor:
        pids = list(dask.run(os.getpid).values())
        instants, answers = [], {}
        for result in client.map(map(str, range(prompts)), executor=executor, workers=32, ordered=False):
            instants.append(time.monotonic())
            assert result.index not in answers
            answers[result.index] = result.response.text if result.response else repr(result.error)
            if "kill" in rest and len(answers) == prompts // 3:
                os.kill(pids[0], signal.SIGKILL)
    span = instants[-1] - instants[0]
    right = sum(answers[number] == f'You said: "{number}".' for number in answers)
    return {"answers": len(answers), "right": right, "seconds": span, "rate": (prompts - 1) / span}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), *sys.argv[4:])))
