"""The limits of one exchange, on a real pair of sockets."""

from __future__ import annotations

import socket
from time import monotonic

import pytest

from minimax_sync.net.deadlines import Deadlines


def limits(deadline: float = 100.0, **options: float) -> Deadlines:
    return Deadlines(monotonic() + deadline, **{"idle_timeout": 30.0, "connect_timeout": 5.0, **options})


def test_the_next_operation_is_limited_by_the_nearest_of_the_limits() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for found, expected in (
            (limits(), 30.0),
            (limits(deadline=20.0), 20.0),
            (limits(first_byte_timeout=10.0), 30.0),
        ):
            found.arm(ours)
            assert ours.gettimeout() == pytest.approx(expected, abs=1)
        waiting = limits(first_byte_timeout=10.0)
        waiting.waits_for_answer = True
        waiting.arm(ours)
        assert ours.gettimeout() == 10.0
        connecting = limits()
        connecting.sent = False
        connecting.arm(ours)
        assert ours.gettimeout() == pytest.approx(5.0, abs=1)
        with pytest.raises(TimeoutError):
            limits(deadline=-1.0).arm(ours)


def test_wake_ends_the_wait_on_the_socket_that_is_held() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        found = limits()
        found.wake()
        found.hold(ours)
        found.wake()
        assert ours.recv(1) == b""


def test_the_limit_that_passed_is_named() -> None:
    assert limits(deadline=-1.0).describe_timeout() == "the call's timeout passed"
    assert limits().describe_timeout() == "the server was silent for 30 s"
