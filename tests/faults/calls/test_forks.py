"""B1: a client that has been used goes on after a fork, in the parent and in the child, on both wires."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import pytest
from support.canary import KEY
from support.raw_server import Peer, RawServer, answer
from support.run_python import run_python
from support.wire_server import JSON, Wire, framed


def echo_of(wire: Wire) -> Callable[[Peer], None]:
    """Make a script that answers every question, plain or streamed, with itself."""

    def script(peer: Peer) -> None:
        while True:
            body = peer.read_request().body
            text = wire.asked(body)
            if b'"stream"' not in body:
                peer.send(answer(wire.whole(text), headers=[JSON]))
                continue
            begin, end = wire.events[: wire.first_delta], wire.events[wire.whole_after - 1 :]
            peer.send(b"".join(framed([*begin, wire.delta(text), *end], "chunked")))

    return script


def run(code: str, server: RawServer, wire: Wire, *arguments: str) -> str:
    """Run a script in another process; anything on its stderr fails the test."""
    head = """
        import multiprocessing, os, sys, threading, time, warnings
        from minimax_sync import MiniMaxClient

        url, flavor = sys.argv[1:3]
        client = MiniMaxClient(base_url=url, api_flavor=flavor, requests_per_second=None, timeout=20.0)

        def ask(text):
            assert client.chat(text).text == text
            assert "".join(client.stream(text + " streamed").text_deltas()) == text + " streamed"
    """
    environment = {"MINIMAX_API_KEY": KEY, "PATH": "/usr/bin:/bin"}
    return run_python(
        textwrap.dedent(head) + textwrap.dedent(code), server.url, wire.flavor, *arguments, env=environment
    )


FORK = """
    ask("warm")
    child = os.fork()
    name = "parent" if child else "child"
    for i in range(100):
        ask(f"{name} {i}")
    if not child:
        client.close()
        sys.exit()
    assert os.waitpid(child, 0)[1] == 0
    ask("after")
    client.close()
"""


def test_B1_400_calls_of_a_parent_and_its_child_cross_nowhere(wire: Wire) -> None:
    with RawServer(echo_of(wire)) as server:
        run(FORK, server, wire)
    assert len(server.requests) == 2 * (1 + 200 + 1)
    speakers = {0: {"warm", "parent", "after"}, 1: {"child"}}
    for number, names in speakers.items():
        asked = {wire.asked(request.body).split()[0] for request in server.requests if request.connection == number}
        assert asked == names


FORK_UNDER_LOAD = """
    warnings.simplefilter("ignore", DeprecationWarning)

    def busy():
        while True:
            ask("thread")

    for _ in range(3):
        threading.Thread(target=busy, daemon=True).start()
    sys.setswitchinterval(1e-5)
    for i in range(15):
        child = os.fork()
        if not child:
            ask("child")
            os._exit(0)
        end = time.monotonic() + 10
        while (done := os.waitpid(child, os.WNOHANG))[0] == 0:
            assert time.monotonic() < end, "the child hangs"
            time.sleep(0.001)
        assert done[1] == 0
    os._exit(0)
"""


def test_B1_a_fork_while_threads_are_calling_leaves_the_child_no_lock(wire: Wire) -> None:
    with RawServer(echo_of(wire)) as server:
        run(FORK_UNDER_LOAD, server, wire)


POOL = """
    def work(i):
        ask(f"worker {i}")
        return os.getpid()

    if __name__ == "__main__":
        warnings.simplefilter("ignore", DeprecationWarning)
        ask("before")
        with multiprocessing.get_context("fork").Pool(3) as pool:
            pids = set(pool.map(work, range(60), chunksize=1))
            pool.close()
            pool.join()
        assert os.getpid() not in pids
        ask("after")
        client.close()
"""


def test_B1_a_client_made_before_multiprocessing_forks_works_in_its_workers(wire: Wire) -> None:
    with RawServer(echo_of(wire)) as server:
        run(POOL, server, wire)
    assert len(server.requests) == 124


SPAWN = """
    import pickle

    if __name__ == "__main__":
        ask("before")
        copy = pickle.dumps(client)
        assert os.environ["MINIMAX_API_KEY"].encode() not in copy
        code = "import pickle, sys; c = pickle.loads(bytes.fromhex(sys.argv[1])); print(c.chat('hi').text); c.close()"
        import subprocess
        out = subprocess.run([sys.executable, "-c", code, copy.hex()], capture_output=True, text=True)
        assert out.stdout == "hi\\n", out.stderr
        client.close()
"""


def test_A51_a_pickled_client_works_in_another_process_and_holds_no_key(wire: Wire) -> None:
    with RawServer(echo_of(wire)) as server:
        run(SPAWN, server, wire)


LIMITED = """
    import ctypes
    from minimax_sync import TokenBucket

    bucket = TokenBucket(20)
    limited = MiniMaxClient(base_url=url, api_flavor=flavor, limiter=bucket)
    limited.chat("one")
    waiting = threading.Thread(target=lambda: [limited.chat("x") for _ in range(4)])
    waiting.start()
    time.sleep(0.02)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork() if sys.argv[3] == "os" else ctypes.PyDLL(None).fork()
    if not child:
        began = time.monotonic()
        limited.chat("two")
        os._exit(0 if time.monotonic() - began < 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    waiting.join()
    limited.close()
    client.close()
"""


@pytest.mark.parametrize("library", ["os", "C"])
def test_B1_a_limiter_that_others_wait_for_does_not_hold_up_the_child(wire: Wire, library: str) -> None:
    with RawServer(echo_of(wire)) as server:
        run(LIMITED, server, wire, library)


ALL_LOADED = """
    before = set(sys.modules)
    watched = client.with_options(hooks=[str])
    assert watched.chat("whole").text == "whole"
    assert "".join(watched.stream("stream").text_deltas()) == "stream"
    print(*[name for name in sys.modules.keys() - before if name.startswith("minimax_sync")])
    client.close()
"""


def test_B1_calls_import_nothing_that_a_fork_in_another_thread_could_leave_half_loaded(wire: Wire) -> None:
    with RawServer(echo_of(wire)) as server:
        assert run(ALL_LOADED, server, wire).split() == []
