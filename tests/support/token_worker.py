"""One process of the token lab: `token_worker.py BUNDLE BASE_URL`. Obeys lines on stdin, answers each in JSON.

bearer            TokenPlan.bearer()          bearer 0.5        with a timeout
force TOKEN       TokenPlan.force_refresh()   force @           of the last token that it was given
at TIME COMMAND   waits for a wall-clock instant first, so that processes meet
warp SECONDS      sets this process's wall and monotonic clocks ahead
status            the bundle's state          threads           names of the threads that live
watch, unwatch    holds the login fresh in the background, or no more
fork COMMAND      answers COMMAND from a forked child
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

from minimax_sync.auth import TokenPlan
from minimax_sync.auth.background import Lease
from minimax_sync.auth.clock import SystemClock
from minimax_sync.errors import LlmError


class Worker:
    def __init__(self, path: str, base_url: str) -> None:
        self.warp = 0.0
        SystemClock.time = lambda _: time.time() + self.warp  # type: ignore[assignment,method-assign]
        SystemClock.monotonic = lambda _: time.monotonic() + self.warp  # type: ignore[assignment,method-assign]
        self.plan = TokenPlan(path, base_url=base_url)
        self.lease: Lease | None = None
        self.last = ""

    def run(self, line: str) -> dict[str, Any]:
        verb, _, rest = line.strip().partition(" ")
        return dict(getattr(self, "do_" + verb)(rest))

    def do_bearer(self, timeout: str) -> dict[str, Any]:
        return self._timed(lambda: self.plan.bearer(float(timeout) if timeout else None))

    def do_force(self, token: str) -> dict[str, Any]:
        rejected = self.last if token == "@" else token
        return self._timed(lambda: self.plan.force_refresh(rejected))

    def do_at(self, rest: str) -> dict[str, Any]:
        instant, _, command = rest.partition(" ")
        time.sleep(max(0.0, float(instant) - time.time()))
        return self.run(command)

    def do_warp(self, seconds: str) -> dict[str, Any]:
        self.warp += float(seconds)
        return {}

    def do_status(self, _: str) -> dict[str, Any]:
        return {"state": self.plan.status().state}

    def do_threads(self, _: str) -> dict[str, Any]:
        return {"threads": [thread.name for thread in threading.enumerate()]}

    def do_watch(self, _: str) -> dict[str, Any]:
        self.lease = self.plan.watch()
        return {}

    def do_unwatch(self, _: str) -> dict[str, Any]:
        self.lease = None
        return {}

    def do_fork(self, command: str) -> dict[str, Any]:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writer, json.dumps(self.run(command)).encode())
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as answer:
            text = answer.read()
        os.waitpid(child, 0)
        return dict(json.loads(text))

    def _timed(self, call: Any) -> dict[str, Any]:
        began = time.monotonic()
        try:
            self.last = call()
        except LlmError as error:
            failed = {"error": type(error).__name__, "kinds": [kind.__name__ for kind in type(error).__mro__]}
            return {**failed, "message": str(error), "seconds": time.monotonic() - began}
        return {"token": self.last, "seconds": time.monotonic() - began}


def main() -> None:
    worker = Worker(*sys.argv[1:3])
    print(json.dumps({"ready": os.getpid()}), flush=True)
    for line in sys.stdin:
        print(json.dumps(worker.run(line)), flush=True)


if __name__ == "__main__":
    main()
