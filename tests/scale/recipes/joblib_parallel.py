"""joblib: a share of the prompts per task, so that each task opens one client and keeps its connections."""

from __future__ import annotations

from joblib import Parallel, delayed

from minimax_sync import MiniMaxClient

REDIS = "redis://redis.example:6379/0"


def ask(prompts: list[str]) -> list[str]:
    with MiniMaxClient(limiter=REDIS, requests_per_second=50) as client:
        return [result.response.text for result in client.map(prompts, workers=8) if result.response]


if __name__ == "__main__":
    prompts = [f"prompt {number}" for number in range(20)]
    for answers in Parallel(n_jobs=2)(delayed(ask)(prompts[start::4]) for start in range(4)):
        print(*answers, sep="\n")
