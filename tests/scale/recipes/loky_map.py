"""loky's reusable processes, an executor like any other."""

from __future__ import annotations

from joblib.externals.loky import get_reusable_executor  # or: from loky import get_reusable_executor

from minimax_sync import MiniMaxClient

REDIS = "redis://redis.example:6379/0"

if __name__ == "__main__":
    prompts = [f"prompt {number}" for number in range(20)]
    executor = get_reusable_executor(max_workers=2)
    with MiniMaxClient(limiter=REDIS, requests_per_second=50) as client:
        for result in client.map(prompts, executor=executor):
            print(result.response.text if result.response else result.error)
    executor.shutdown()
