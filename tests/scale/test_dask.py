"""Many prompts over a real Dask cluster: one rate for its processes, one refresh, and nothing is lost with a worker."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from support.redis_bundle import bundle_in, keep
from support.redis_server import RedisServer
from support.run_python import run

from minimax_sync.emulator import Emulator

RUN = Path(__file__).parents[1] / "support" / "dask_run.py"
PROMPTS, RATE = 400, 40


def spread(*arguments: object) -> dict[str, Any]:
    return dict(json.loads(run(RUN, *arguments, silent=False).splitlines()[-1]))


def asked(emulator: Emulator) -> Counter[str]:
    """Count how often each prompt reached the service."""
    prompts = (received.body for received in emulator.journal if "oauth" not in received.path)
    return Counter(str(body["messages"][-1]["content"]) for body in prompts if isinstance(body, dict))


def test_four_worker_processes_keep_to_one_rate_and_answer_every_prompt_once(
    emulator: Emulator, server: RedisServer
) -> None:
    outcome = spread(emulator.base_url, PROMPTS, RATE, server.url)
    assert (outcome["answers"], outcome["right"]) == (PROMPTS, PROMPTS)
    assert set(asked(emulator).values()) == {1}
    assert 0.8 * RATE < outcome["rate"] < 1.05 * RATE  # a busy machine may be slower


def test_a_killed_worker_costs_no_prompt_and_an_expired_login_one_refresh(
    emulator: Emulator, server: RedisServer
) -> None:
    keep(emulator, server, ttl=-10)
    outcome = spread(emulator.anthropic_base_url, PROMPTS, RATE, server.url, server.bundle, "kill")
    assert (outcome["answers"], outcome["right"]) == (PROMPTS, PROMPTS)
    assert outcome["rate"] < 1.05 * RATE
    assert len(asked(emulator)) == PROMPTS
    assert (emulator.portal.posts, emulator.portal.reused) == (1, 0)
    assert bundle_in(server)["access_token"]


def test_the_command_map_runs_on_a_cluster(emulator: Emulator, server: RedisServer, own_world: Path) -> None:
    (own_world / "in.jsonl").write_text("".join(f'"prompt {number}"\n' for number in range(40)))
    scheduler = subprocess.Popen(
        [sys.executable, "-c", SCHEDULER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert scheduler.stdout is not None
        address = scheduler.stdout.readline().strip()
        command = f"-m minimax_sync map in.jsonl -o out.jsonl --dask {address} --redis {server.url}".split()
        (own_world / "config").mkdir()
        (own_world / "config/llm.yaml").write_text("providers: {minimax: {rate_limit: {requests_per_second: 80}}}\n")
        run(*command, silent=False)
    finally:
        scheduler.communicate("\n", timeout=30)
    lines = [json.loads(line) for line in (own_world / "out.jsonl").read_text().splitlines()]
    assert sorted(line["index"] for line in lines) == list(range(40))
    assert all(line["error"] is None for line in lines)
    assert len(asked(emulator)) == 40


SCHEDULER = """
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=4, host="127.0.0.1", dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        input()
"""
