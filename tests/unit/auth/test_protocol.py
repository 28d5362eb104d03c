"""The refresh protocol under any order of events: kills, lost answers, full disks, logins, and clocks that jump."""

from __future__ import annotations

import itertools
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle as Drawn
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from support.simulated_portal import LIFE, family_of
from support.simulated_processes import Process, World

from minimax_sync.auth.bundle import Bundle
from minimax_sync.errors import BundleError, CallTimeoutError, LlmError
from minimax_sync.secret import Secret

FAULTS = ["refused", "busy", "lost before", "lost after"]


class Fleet(RuleBasedStateMachine):
    """Up to four processes on one bundle."""

    processes = Drawn("processes")

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.running: list[Process] = []

    @rule(target=processes)
    @precondition(lambda self: len(self.running) < 4)
    def start(self) -> Process:
        process = self.world.process()
        self.running.append(process)
        return process

    @rule(process=processes, work=st.sampled_from(["bearer", "be_rejected", "tick"]))
    def begin(self, process: Process, work: str) -> None:
        if process.alive and not process.busy:
            process.begin(getattr(process, work))

    @rule(process=processes, steps=st.integers(1, 12))
    def step(self, process: Process, steps: int) -> None:
        for _ in range(steps):
            if process.busy:
                process.step()
                self.check()

    @rule(process=processes)
    def kill(self, process: Process) -> None:
        if process.alive:
            process.kill()
            self.running.remove(process)

    @rule(seconds=st.sampled_from([0.1, 5.0, 40.0, LIFE / 2, LIFE, 2 * LIFE]))
    def advance(self, seconds: float) -> None:
        self.world.advance(seconds)

    @rule(seconds=st.sampled_from([-2 * LIFE, -100.0, 100.0, 2 * LIFE]))
    def set_the_wall_clock(self, seconds: float) -> None:
        self.world.wall += seconds

    @rule(fault=st.sampled_from(FAULTS))
    def break_the_endpoint(self, fault: str) -> None:
        self.world.portal.faults.append(fault)

    @rule(full=st.booleans())
    def fill_the_disk(self, full: bool) -> None:
        self.world.disk_full = full

    @rule(fail=st.booleans())
    def let_renames_fail(self, fail: bool) -> None:
        self.world.renames_fail = fail

    @rule()
    def log_in(self) -> None:
        self.world.log_in()

    @rule()
    def log_out(self) -> None:
        self.world.log_out()

    @invariant()
    def check(self) -> None:
        world = self.world
        assert world.portal.violations == []
        assert len(world.posting) <= 1
        for process in self.running:
            assert process.errors == []
        found = world.snapshot()  # asserts that it is whole
        if found is not None:
            assert family_of(found.bundle.refresh_token.reveal()) >= world.newest_login, "a login was overwritten"

    def teardown(self) -> None:
        for process in self.running:
            process.finish()
        self.check()
        self.everything_works_again()

    def everything_works_again(self) -> None:
        """With the faults gone, whoever is left holds the portal's tokens, unless the login was lost for a reason."""
        world = self.world
        world.disk_full = world.renames_fail = False
        world.portal.faults.clear()
        found = world.snapshot()
        if found is None:
            return
        for process in (*self.running, world.process()):
            world.advance(3 * LIFE)
            for _ in range(3):
                process.bearer()
                world.advance(61.0)
        assert world.portal.violations == []
        final = world.snapshot()
        assert final is not None
        family = family_of(final.bundle.refresh_token.reveal())
        assert (
            family in world.portal.revoked or final.bundle.refresh_token == world.portal.current[family].refresh_token
        )


Fleet.TestCase.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
TestFleet = Fleet.TestCase


def _explore(first: int, second: int, *, kill: bool) -> World:
    """Run two processes at an expired token: one for `first` steps, the other for `second`, then in turns."""
    world = World(reuse_interval=10.0)
    pair = [world.process(), world.process()]
    for process in pair:
        process.bearer()
    world.advance(LIFE + 1)
    for process in pair:
        process.begin(process.bearer)
    for process, steps in zip(pair, (first, second), strict=True):
        for _ in range(steps):
            if process.busy:
                process.step()
        if kill and process is pair[0]:
            process.kill()
    while any(process.busy for process in pair):
        for process in pair:
            if process.busy:
                process.step()
    for process in pair:
        assert process.errors == []
    return world


@pytest.mark.parametrize("kill", [False, True])
def test_two_processes_refresh_once_wherever_they_are_interrupted(kill: bool) -> None:
    for first, second in itertools.product(range(26), range(0, 52, 2)):
        world = _explore(first, second, kill=kill)
        assert world.portal.violations == []
        assert kill or world.portal.posts == 1
        final = world.snapshot()
        assert final is not None
        assert final.bundle.refresh_token == world.portal.current[1].refresh_token


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=6))
def test_A44_no_jump_of_the_wall_clock_makes_more_than_one_refresh_in_30_seconds(jumps: list[float]) -> None:
    world = World()
    process = world.process()
    process.bearer()
    for jump in jumps:
        world.wall = max(86400.0, world.wall + jump)
        for _ in range(20):
            process.bearer()
            world.advance(0.5)
    assert world.portal.posts <= 1 + world.steady / 30


def test_a_rotated_pair_outlives_a_full_disk_in_memory_and_is_stored_later() -> None:
    world = World()
    process = world.expired_process()
    process.begin(process.bearer)
    while world.portal.posts == 0:
        process.step()
    world.disk_full = True
    process.finish()
    current = world.portal.current[1]
    assert process.refresh.unsaved
    assert process.refresh.current is not None
    assert process.refresh.current.bundle.refresh_token == current.refresh_token
    with suppress(LlmError):
        process.tick()
    assert process.refresh.unsaved
    world.disk_full = False
    process.tick()
    found = world.snapshot()
    assert found is not None
    assert isinstance(found.bundle, Bundle)
    assert found.bundle.refresh_token == current.refresh_token


def test_a_new_token_is_published_only_once_it_is_stored() -> None:
    world = World()
    process = world.expired_process()
    process.begin(process.bearer)
    seen = set()
    while process.busy:
        process.step()
        found = world.snapshot()
        assert found is not None
        assert process.refresh.current is not None
        seen.add(process.refresh.current.token)
        assert len(seen) == 1 or process.refresh.current.token == found.bundle.access_token.reveal()
    assert len(seen) == 2


def test_A21_a_waiter_gives_up_after_40_seconds_and_never_goes_on_without_the_lock() -> None:
    world = World()
    holder, waiter = world.expired_process(), world.process()
    holder.begin(holder.bearer)
    while not world.posting:
        holder.step()  # and then it is stopped
    waiter.begin(waiter.refresh.run)
    waiter.finish()
    assert [type(error) for error in waiter.failures] == [CallTimeoutError]
    assert world.portal.posts == 1
    holder.finish()
    assert world.portal.violations == []


def test_A4_only_the_current_token_can_be_rejected() -> None:
    process = World().process()
    process.bearer()
    process.refresh.reject(Secret("at-of-yesterday"))
    assert process.refresh.valid()
    assert process.refresh.current is not None
    process.refresh.reject(process.refresh.current.bundle.access_token)
    assert not process.refresh.valid()
    assert process.refresh.due()


def test_A10_a_store_that_cannot_be_written_is_tried_again_only_after_a_while() -> None:
    world = World()
    world.disk_full = True
    process = world.process()
    process.bearer()
    world.advance(LIFE - 30)
    with pytest.raises(BundleError):
        process.refresh.run()
    with pytest.raises(BundleError):
        process.refresh.raise_if_blocked()
    assert world.portal.posts == 0
    world.advance(31)
    world.disk_full = False
    assert process.bearer() == world.portal.current[1].access_token.reveal()
