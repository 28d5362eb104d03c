"""Where the client's own time goes: a profile of a call and of a stream, summed up by who does the work."""

from __future__ import annotations

import cProfile
import pstats
from collections import Counter
from collections.abc import Callable

from contenders import HELLO, Contender
from measures import Bench, long_conversation, one_stream

TIMES = 200

# The first fragment that the path of a file holds says whose it is.
OWNERS = (
    ("minimax_sync/net/", "ours: sockets, pools, deadlines"),
    ("minimax_sync/wires/sse.py", "ours: SSE and accumulation"),
    ("minimax_sync/wires/accumulator.py", "ours: SSE and accumulation"),
    ("minimax_sync/calls/stream.py", "ours: SSE and accumulation"),
    ("minimax_sync/wires/", "ours: wires and values"),
    ("minimax_sync/values/", "ours: wires and values"),
    ("minimax_sync/", "ours: client, transport, limits, retry"),
    ("/requests/", "requests: the adapter"),
    ("/urllib3/", "urllib3"),
    ("/http/client.py", "http.client"),
)
JSON, KERNEL, OTHER = "msgspec: JSON", "sending, in the kernel", "everything else"
WAITING = ("recv_into", "select.poll", "'poll'")


def print_shares(bench: Bench) -> None:
    """Profile our client and print who takes which share. Time spent waiting for the server is left out."""
    ours = bench.made["ours"]
    conversation = long_conversation("ours")
    jobs: dict[str, Callable[[Contender], object]] = {
        "a small call": lambda client: client.chat(HELLO),
        "a call with 200 messages": lambda client: client.chat(conversation),
        "a stream of 2,000 deltas": one_stream,
    }
    for name, job in jobs.items():
        shares = shares_of(lambda job=job: job(ours))
        whole = sum(shares.values())
        print(f"\n{name}")
        for owner, seconds in shares.most_common():
            print(f"  {seconds / whole:5.0%}  {owner}")


def shares_of(job: Callable[[], object]) -> Counter[str]:
    """Return the seconds of each owner; what is built in counts for the one who calls it."""
    job()
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(TIMES):
        job()
    profile.disable()
    shares: Counter[str] = Counter()
    for (path, _, name), (_, _, own_time, _, callers) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        if path != "~":
            shares[_owner(path)] += own_time
        elif not any(word in name for word in WAITING):
            built_in = JSON if "msgspec" in name else KERNEL if "'send" in name else ""
            for (caller, _, _), (_, _, seconds, _) in callers.items():
                shares[built_in or _owner(caller)] += seconds
    return shares


def _owner(path: str) -> str:
    return next((owner for fragment, owner in OWNERS if fragment in path), OTHER)
