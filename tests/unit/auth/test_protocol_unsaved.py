"""A9: a new pair of tokens that is only in the memory of the process that received it is not lost to the others."""

from __future__ import annotations

import pytest
from support.simulated_portal import LIFE
from support.simulated_processes import Process, World

from minimax_sync.errors import CallTimeoutError, CredentialInvalidError


def unsaved(world: World, *, jump: float = 0.0) -> Process:
    """Return a process that holds a new pair in memory only; the wall clock jumps while it waits for the answer."""
    process = world.expired_process()
    process.begin(process.bearer)
    while world.portal.posts == 0:
        process.step()
    world.wall += jump
    world.disk_full = True
    process.finish()
    world.disk_full = False
    assert process.refresh.unsaved
    return process


@pytest.mark.parametrize("jump", [0.0, 4 * 3600.0])
def test_A9_another_process_waits_for_the_pair_and_never_sends_the_spent_token_again(jump: float) -> None:
    world = World()
    holder = unsaved(world, jump=jump)
    waiter = world.process()
    waiter.begin(waiter.refresh.run)
    for _ in range(20):
        waiter.step()
    assert waiter.busy
    holder.tick()
    waiter.finish()
    assert waiter.failures == []
    assert waiter.refresh.current is not None
    assert waiter.refresh.current.bundle.refresh_token == world.portal.current[1].refresh_token
    assert world.portal.posts == 1
    assert world.holder is None


@pytest.mark.parametrize("jump", [-4 * 3600.0, -100.0])
def test_A9_a_process_whose_clock_says_that_the_old_token_is_valid_goes_on_with_it(jump: float) -> None:
    world = World()
    holder = unsaved(world, jump=jump)
    other = world.process()
    for _ in range(3):
        other.begin(other.bearer)
        other.finish()
        world.advance(10.0)
    assert other.refresh.valid()
    assert world.portal.posts == 1
    holder.tick()
    world.advance(2 * LIFE + 4 * 3600.0)
    assert other.bearer() == world.portal.current[1].access_token.reveal()
    assert (world.portal.posts, world.portal.violations) == (2, [])


def test_A9_waiting_ends_after_40_seconds_with_an_error_that_names_the_cure() -> None:
    world = World()
    holder = unsaved(world)
    waiter = world.process()
    waiter.begin(waiter.refresh.run)
    waiter.finish()
    assert [type(error) for error in waiter.failures] == [CallTimeoutError]
    assert "cannot store its new tokens: end it" in str(waiter.failures[0])
    holder.tick()
    assert waiter.bearer() == world.portal.current[1].access_token.reveal()
    assert world.portal.posts == 1


def test_A9_while_the_pair_cannot_be_stored_its_process_neither_loses_it_nor_spends_another_token() -> None:
    world = World()
    holder = unsaved(world)
    world.disk_full = True
    for seconds in (5.0, 60.0, LIFE):
        world.advance(seconds)
        assert holder.bearer() == world.portal.current[1].access_token.reveal()
    assert world.portal.posts == 1
    world.disk_full = False
    world.advance(61.0)
    assert holder.bearer() == world.portal.current[1].access_token.reveal()
    assert world.portal.posts == 2
    assert world.portal.violations == []


def test_A7_the_pair_dies_with_its_process_and_the_next_one_reports_which_process_it_was() -> None:
    world = World()
    holder = unsaved(world)
    holder.kill()
    world.advance(11.0)
    other = world.process()
    other.begin(other.refresh.run)
    other.finish()
    assert [type(error) for error in other.failures] == [CredentialInvalidError]
    assert "process 1 at" in str(other.failures[0])
    assert world.portal.posts == 2


def test_A9_a_pair_in_the_rescue_file_is_put_in_place_by_the_next_process() -> None:
    world = World()
    holder, other = world.expired_process(), world.process()
    world.renames_fail = True
    assert holder.bearer() == world.portal.current[1].access_token.reveal()
    assert holder.refresh.unsaved
    assert world.holder is None
    assert other.bearer() == world.portal.current[1].access_token.reveal()
    holder.tick()
    assert not holder.refresh.unsaved
    assert world.portal.posts == 1


def test_A31_a_login_ends_the_wait_for_a_pair_that_could_not_be_stored() -> None:
    world = World()
    holder = unsaved(world)
    world.log_in()
    holder.tick()
    assert not holder.refresh.unsaved
    assert world.holder is None
    assert holder.bearer() == world.portal.current[2].access_token.reveal()


def test_A48_a_forked_child_does_not_take_its_parents_lock_for_its_own() -> None:
    world = World()
    holder = unsaved(world)
    holder.refresh.start_over_in_child()  # what remains of the lock is the parent's, here `world.holder`
    holder.tick()
    assert holder.refresh.unsaved
    assert world.portal.posts == 1
