"""The line before the token bucket: its arithmetic under any interleaving, on a clock that the test turns."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minimax_sync.errors import CallTimeoutError
from minimax_sync.pacing.token_bucket import Line, Waiter


def test_when_a_waiter_is_evicted_or_leaves_the_following_ones_move_up() -> None:
    line, now = Line(0.1, 1), 0.0
    assert line.take(now)
    short, patient, between, last = (Waiter(deadline) for deadline in (0.2, inf, 0.55, inf))
    for waiter in (short, patient, between, last):
        line.join(waiter, now)
    line.pause(0.4)  # then `between` is due at 0.5: behind two it would have been 0.6
    assert [waiter.evicted for waiter in (short, patient, between, last)] == [True, False, False, False]
    with pytest.raises(CallTimeoutError):
        line.turn(short, now)
    line.leave(patient)
    assert line.turn(between, now) == pytest.approx(0.4)
    line.leave(between)
    assert not last.gate.locked()  # woken: it is the first now
    assert line.turn(last, 0.4) == 0.0


def test_a_late_wake_up_is_made_up_for_but_a_stopped_process_does_not_catch_up() -> None:
    line = Line(0.1, 1)
    assert line.take(0.0)
    waiters = [Waiter(inf) for _ in range(3)]
    for waiter in waiters:
        line.join(waiter, 0.0)
    assert line.turn(waiters[0], 0.104) == 0.0
    line.leave(waiters[0])
    assert line.turn(waiters[1], 0.104) == pytest.approx(0.096)  # at 0.2, not at 0.204
    assert line.turn(waiters[1], 9.2) == 0.0
    line.leave(waiters[1])
    assert line.turn(waiters[2], 9.2) == pytest.approx(0.05)


OPERATIONS = st.one_of(
    st.tuples(st.just("arrive"), st.sampled_from([inf, inf, 10.0, 2.0, 0.3, 0.0])),
    st.tuples(st.just("look"), st.integers(0, 20)),
    st.tuples(st.just("all look"), st.integers(0, 20)),
    st.tuples(st.just("leave"), st.integers(0, 20)),
    st.tuples(st.just("die"), st.integers(0, 20)),
    st.tuples(st.just("pause"), st.sampled_from([0.0, 0.1, 1.0, 5.0])),
    st.tuples(st.just("pass"), st.floats(0, 3)),
    st.tuples(st.just("pass"), st.sampled_from([0.001, 0.25, 0.5])),
)


@settings(max_examples=300, deadline=None)
@example(0.5, 1, [("arrive", inf), ("arrive", inf), ("pass", 3.0), ("arrive", inf)])
@example(0.5, 1, [("arrive", inf), ("arrive", 2.0), ("pass", 3.0), ("pause", 0.0), ("arrive", inf)])
@given(
    rate=st.sampled_from([0.5, 2.0, 4.0, 10.0]),
    burst=st.integers(1, 4),
    operations=st.lists(OPERATIONS, max_size=120),
)
def test_B14_no_interleaving_grants_more_than_burst_plus_rate_times_time_or_lets_a_waiter_overtake(
    rate: float, burst: int, operations: list[tuple[str, float]]
) -> None:
    line, now, began, paused_until = Line(1 / rate, burst), 0.0, 0.0, 0.0
    waiting: list[Waiter] = []
    granted: list[float] = []

    def look(waiter: Waiter) -> None:
        try:
            if line.turn(waiter, now) > 0:
                return
            assert waiter is next(other for other in waiting if not other.evicted)
            assert now >= paused_until - 1e-6
            granted.append(now)
        except CallTimeoutError:
            assert waiter.deadline < inf
        waiting.remove(waiter)
        line.leave(waiter)

    for name, value in operations:
        if name == "arrive":
            if line.take(now):
                assert all(other.evicted for other in waiting)
                assert now >= paused_until - 1e-6
                granted.append(now)
                continue
            waiter = Waiter(now + value)
            try:
                line.join(waiter, now)
            except CallTimeoutError:
                assert value < inf
            else:
                waiting.append(waiter)
                look(waiter)
        elif name in ("look", "leave", "die") and waiting:
            waiter = waiting[int(value) % len(waiting)]
            if name == "look":
                look(waiter)
                continue
            waiting.remove(waiter)
            waiter.gone = True  # "die": a signal kept it from leaving the line
            if name == "leave":
                line.leave(waiter)
        elif name == "all look":
            for waiter in waiting[int(value) :] + waiting[: int(value)]:
                look(waiter)
        elif name == "pause":
            line.pause(now + value)
            paused_until = max(paused_until, now + value)
        elif name == "pass":
            now += value

    for waiter in list(waiting):  # every waiter still in line gets a turn, in order, and in time
        now = max(now, line._due(0))
        look(waiter)
    assert not waiting
    for last, at in enumerate(granted):
        assert last + 1 <= burst + rate * (at - began) + 1e-6
        for first in range(last):
            assert last - first + 1 <= burst + 0.5 + rate * (at - granted[first]) + 1e-6
