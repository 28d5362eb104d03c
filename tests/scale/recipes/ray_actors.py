"""Ray: an actor holds one client and answers its share in threads."""

from __future__ import annotations

import ray

REDIS = "redis://redis.example:6379/0"


@ray.remote
class Asker:
    def __init__(self) -> None:
        from minimax_sync import MiniMaxClient

        self.client = MiniMaxClient(limiter=REDIS, requests_per_second=50)

    def ask(self, prompts: list[str]) -> list[str]:
        return [result.response.text for result in self.client.map(prompts, workers=8) if result.response]


if __name__ == "__main__":
    prompts = [f"prompt {number}" for number in range(20)]
    ray.init(num_cpus=2, include_dashboard=False)
    actors = [Asker.remote() for _ in range(2)]
    for answers in ray.get([actor.ask.remote(prompts[start::2]) for start, actor in enumerate(actors)]):
        print(*answers, sep="\n")
    ray.shutdown()
