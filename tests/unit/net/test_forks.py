"""After-fork resets: in their order, once in each child, and also where a fork ran no Python hooks."""

from __future__ import annotations

import sys

import pytest
from support.raw_server import Certificate, RawServer, echo
from support.run_python import run_python

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")

RESETS = """
import ctypes, os, sys
from minimax_sync.net import forks
ran = []
for what in reversed(forks.ORDER):
    forks.after_fork(what, lambda what=what: ran.append(what))
forks.renew_if_forked()
assert ran == [], "nothing to reset without a fork"
child = os.fork() if sys.argv[1] == "hooks" else ctypes.PyDLL(None).fork()
if child == 0:
    if sys.argv[1] == "no hooks":
        assert ran == [], ran
    forks.renew_if_forked()
    forks.renew_if_forked()
    os._exit(0 if ran == list(forks.ORDER) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), ran)
"""


def test_resets_run_once_and_in_order_in_a_child() -> None:
    assert run_python(RESETS, "hooks") == "0 []"


def test_a_fork_without_python_hooks_is_noticed_by_the_next_call() -> None:
    assert run_python(RESETS, "no hooks") == "0 []"


FORK = """
    import ctypes, os, sys, threading, time
    import requests
    from minimax_sync.net import trust
    from minimax_sync.net.session import Http

    url, kind, library = sys.argv[1:]
    http = Http() if kind == "own" else Http(requests.Session())

    def ask(text):
        body = text.encode()
        headers, deadline = {}, time.monotonic() + 20
        assert http.exchange("POST", url, headers=headers, body=body, deadline=deadline).read() == body

    ask("warm")
    held, forked = threading.Event(), threading.Event()

    def hold():
        with trust._lock:
            held.set()
            forked.wait()

    if library == "PyDLL":  # which keeps the interpreter's lock: other threads may run
        holder = threading.Thread(target=hold)
        holder.start()
        held.wait()
    child = os.fork() if library == "os" else getattr(ctypes, library)(None).fork()
    name = "parent" if child else "child"
    forked.set()
    for number in range(50):
        ask(f"{name} {number}")
    if not child:
        trust.tls_context(False)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    ask("parent")
    http.close() if kind == "own" else http._session.close()
"""


@pytest.mark.parametrize("library", ["os", "CDLL", "PyDLL"])
@pytest.mark.parametrize("kind", ["own", "user's"])
def test_a_fork_with_or_without_hooks_shares_no_connection_and_no_lock(
    kind: str, library: str, tls: Certificate | None
) -> None:
    with RawServer(echo, tls) as server:
        run_python(FORK, server.url, kind, library)
    speakers = [{r.body.split()[0] for r in server.requests if r.connection == number} for number in (0, 1)]
    assert speakers == [{b"warm", b"parent"}, {b"child"}]
    assert server.connections == 2


THREADS = """
    import ctypes, os, sys, threading, time
    from minimax_sync.net.session import Http

    url, http, wrong = sys.argv[1], Http(), []

    def ask(number):
        barrier.wait()
        body = str(number).encode()
        try:
            answer = http.exchange("POST", url, headers={}, body=body, deadline=time.monotonic() + 10).read()
        except Exception as error:
            answer = error
        if answer != body:
            wrong.append(answer)

    def ask_at_once():
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    for _ in range(10):
        barrier = threading.Barrier(6)
        ask_at_once()
        child = ctypes.PyDLL(None).fork()
        if not child:
            ask_at_once()
            os.write(1, repr(wrong).encode() if wrong else b".")
            os._exit(0)
        os.waitpid(child, 0)
    http.close()
"""


def test_threads_that_call_at_once_after_a_fork_without_hooks_wait_for_the_resets() -> None:
    with RawServer(echo) as server:
        assert run_python(THREADS, server.url) == 10 * "."
