from __future__ import annotations

import pytest
from support.clock import Clock

from minimax_sync.auth.backoff import Backoff
from minimax_sync.errors import ServerError


def test_waits_grow_up_to_a_minute_and_end_with_a_success() -> None:
    clock = Clock()
    backoff = Backoff(clock)
    backoff.raise_if_waiting()
    for failures in range(12):
        backoff.failed(ServerError("busy"))
        assert 0.25 <= backoff.left <= min(60.0, 2.0**failures)
        with pytest.raises(ServerError, match="busy") as caught:
            backoff.raise_if_waiting()
        assert caught.value.retry_after_ms is not None
        assert 0 < caught.value.retry_after_ms <= 60_000
        clock.sleep(backoff.left)
        backoff.raise_if_waiting()
    backoff.failed(ServerError("busy"))
    backoff.succeeded()
    assert backoff.left == 0
    backoff.raise_if_waiting()


def test_the_endpoint_may_ask_for_more_but_not_for_ever() -> None:
    backoff = Backoff(Clock())
    backoff.failed(ServerError("busy", retry_after_ms=20_000))
    assert backoff.left == pytest.approx(20.0)
    backoff.failed(ServerError("busy", retry_after_ms=10**9))
    assert backoff.left == pytest.approx(60.0)
