"""Celery: one client per worker process, opened by the first task after the fork.

Start workers with `celery -A celery_task worker`, then run this file.
"""

from __future__ import annotations

from functools import lru_cache

from celery import Celery

from minimax_sync import MiniMaxClient, RateLimitError, ServerError

REDIS = "redis://redis.example:6379/0"
app = Celery("celery_task", broker=REDIS, backend=REDIS)


@lru_cache(maxsize=1)
def client() -> MiniMaxClient:
    return MiniMaxClient(limiter=REDIS, requests_per_second=50, timeout=120)


# The client has tried again by itself; what is left is for later.
@app.task(autoretry_for=(RateLimitError, ServerError), retry_backoff=30, max_retries=3)
def ask(prompt: str) -> str:
    return client().chat(prompt).text


if __name__ == "__main__":
    tasks = [ask.delay(f"prompt {number}") for number in range(20)]
    for task in tasks:
        print(task.get(timeout=60))
