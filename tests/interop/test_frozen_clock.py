"""Under a frozen clock calls go on, and a silent server still ends them."""

from __future__ import annotations

from support.run_python import run_python

CODE = """
    import sys, threading

    threading.Timer(30, lambda: __import__("os")._exit(3)).start()
    from freezegun import freeze_time
    from minimax_sync import CallTimeoutError, MiniMaxClient  # as a module of tests does, and no call is made yet
    from minimax_sync.emulator import Emulator

    with freeze_time("2030-01-01"):
        with Emulator() as emulator:
            for url in (emulator.base_url, emulator.anthropic_base_url):
                client = MiniMaxClient(emulator.api_key, base_url=url, timeout=3, idle_timeout=0.3)
                for _ in range(4):
                    assert client.chat("hi").text == 'You said: "hi".'
                    assert "".join(client.stream("hi").text_deltas()) == 'You said: "hi".'
                emulator.fault("stall")
                try:
                    client.stream("hi").response
                except CallTimeoutError:
                    print("ended")
                client.close()
    with Emulator() as emulator, MiniMaxClient(emulator.api_key, base_url=emulator.base_url) as client:
        client.chat("afterwards")
    sys.stdout.flush()
    __import__("os")._exit(0)
"""


def test_calls_end_under_a_frozen_clock() -> None:
    assert run_python(CODE, flags=("-W", "ignore"), silent=False).split() == ["ended", "ended"]
