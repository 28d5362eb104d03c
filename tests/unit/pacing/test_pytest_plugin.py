"""The fixture `minimax_testing`, as a user's test asks for it."""

from __future__ import annotations

import time

from minimax_sync import MiniMaxClient
from minimax_sync.emulator import Emulator


def test_under_the_fixture_calls_are_neither_paced_nor_delayed(minimax_testing: None, emulator: Emulator) -> None:
    emulator.fault(status=503)
    began = time.monotonic()
    with MiniMaxClient(emulator.api_key, base_url=emulator.base_url, requests_per_second=0.01) as client:
        for _ in range(3):
            client.chat("hi")
    assert time.monotonic() - began < 50  # one slot alone would take 100 s
    assert len(emulator.journal) == 4
