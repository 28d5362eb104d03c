"""C12: streams that are left in any way, or closed, leave nothing behind."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from typing import Any

import pytest
from support.canary import PROMPT
from support.raw_server import RawServer
from support.wire_server import Wire, endless

from minimax_sync import CallEnded, ChatStream, StreamInterruptedError


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


class Abandoned(Exception):
    """What a caller's own code raised."""


def leave_by_break(stream: ChatStream) -> None:
    for _ in stream:
        break


def leave_by_exception(stream: ChatStream) -> None:
    with pytest.raises(Abandoned), stream:
        raise Abandoned


def leave_by_generator(stream: ChatStream) -> None:
    next(iter(stream))
    deltas = stream.text_deltas()
    del deltas


def leave_in_a_cycle(stream: ChatStream) -> None:
    holder: list[Any] = [stream]
    holder.append(holder)
    del holder
    gc.collect()


WAYS = [leave_by_break, leave_by_exception, leave_by_generator, leave_in_a_cycle, ChatStream.close]


@pytest.mark.parametrize("leave", WAYS, ids=lambda way: way.__name__)
def test_C12_abandoned_streams_leave_no_connection_and_no_descriptor(
    wire: Wire, leave: Callable[[ChatStream], None]
) -> None:
    count = 20 if leave is leave_in_a_cycle else 200
    events: list[Any] = []
    with RawServer(endless(wire)) as server, wire.client(server, hooks=[events.append]) as client:
        leave(client.stream(PROMPT))
        assert server.wait_until(lambda: not server.open_connections)
        before = descriptors()
        for i in range(count):
            leave(client.stream(PROMPT))
            if i % 50 == 0:
                assert server.wait_until(lambda: server.open_connections <= 2)
        assert server.wait_until(lambda: not server.open_connections)
        assert descriptors() <= before
    assert len(server.requests) == count + 1
    assert [type(event) for event in events].count(CallEnded) == count + 1


def test_C12_reading_a_closed_stream_is_a_clear_error(wire: Wire) -> None:
    with RawServer(endless(wire)) as server, wire.client(server) as client:
        stream = client.stream(PROMPT)
        next(stream)
        stream.close()
        stream.close()
        for _ in range(2):
            with pytest.raises(StreamInterruptedError, match="closed"):
                next(stream)
        assert "closed" in repr(stream)
