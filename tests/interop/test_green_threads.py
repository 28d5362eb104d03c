"""Under gevent and eventlet: calls run side by side, and whatever ends a stream, closing it raises nothing."""

from __future__ import annotations

import pytest
from support.run_python import run_python

HEAD = {
    "gevent": """
        from gevent import monkey
        monkey.patch_all()
        import gevent

        def side_by_side(function, count):
            jobs = [gevent.spawn(function, number) for number in range(count)]
            gevent.joinall(jobs, timeout=20)
            return [job.value for job in jobs]

        Timeout = gevent.Timeout
    """,
    "eventlet": """
        import eventlet
        eventlet.monkey_patch()

        def side_by_side(function, count):
            return list(eventlet.GreenPool(count).imap(function, range(count)))

        Timeout = eventlet.Timeout
    """,
}

BODY = """
        from minimax_sync import LlmError, MiniMaxClient
        from minimax_sync.emulator import Emulator

        with Emulator(delay=0.02) as emulator:
            for url in (emulator.base_url, emulator.anthropic_base_url):
                client = MiniMaxClient(
                    emulator.api_key, base_url=url, requests_per_second=None, timeout=20, idle_timeout=0.3
                )

                def read():
                    return "".join(client.stream("a b c d").text_deltas())

                def end_of(function):
                    try:
                        return function()
                    except (LlmError, Timeout) as error:
                        return type(error).__name__

                def left_early():
                    with client.stream("a b c d") as stream:
                        return next(iter(stream)) is not None

                def limited():
                    with Timeout(0.05):
                        read()

                answers = side_by_side(lambda number: client.chat(str(number)).text, 10)
                assert answers == [f'You said: "{number}".' for number in range(10)], answers
                assert end_of(left_early) is True
                for fault, ends in (("reset", {"StreamInterruptedError"}), ("stall", {"CallTimeoutError"})):
                    emulator.fault(fault)
                    assert (end := end_of(read)) in ends, end
                assert (end := end_of(limited)) == "Timeout", end
                assert read() == 'You said: "a b c d".'
                client.close()
        print("done")
"""


@pytest.mark.parametrize("library", HEAD)
def test_calls_and_the_ends_of_streams(library: str) -> None:
    assert run_python(HEAD[library] + BODY, flags=("-W", "ignore"), silent=False) == "done"
