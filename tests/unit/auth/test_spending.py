"""`spend`: one refresh token, sent again only while a portal still forgives it."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from support.clock import Clock

from minimax_sync.auth.bundle import Bundle
from minimax_sync.auth.interfaces import AnswerLostError, Grant, RefusedError
from minimax_sync.auth.spending import spend
from minimax_sync.errors import LlmError, ServerError, TransportError
from minimax_sync.secret import Secret

EXPIRY = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
BUNDLE = Bundle(Secret("at-1"), Secret("rt-1"), EXPIRY)
GRANT = Grant(Secret("at-2"), Secret("rt-2"), EXPIRY)


class Scripted:
    """An endpoint that raises one error after another and then grants."""

    def __init__(self, *errors: LlmError) -> None:
        self.errors = list(errors)
        self.sent = 0

    def refresh(self, bundle: Bundle, deadline: float) -> Grant:
        assert bundle is BUNDLE
        self.sent += 1
        if self.errors:
            raise self.errors.pop(0)
        return GRANT


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_lost_answer_is_asked_for_again_twice(clock: Clock, lost: int) -> None:
    endpoint = Scripted(*[AnswerLostError("lost")] * lost)
    assert spend(endpoint, clock, BUNDLE) == GRANT
    assert endpoint.sent == lost + 1


def test_after_three_lost_answers_the_token_is_kept_for_later(clock: Clock) -> None:
    endpoint = Scripted(*[AnswerLostError("lost")] * 4)
    with pytest.raises(AnswerLostError, match="lost; it is sent again only after the access token has expired"):
        spend(endpoint, clock, BUNDLE)
    assert endpoint.sent == 3


@pytest.mark.parametrize("error", [RefusedError("no"), ServerError("busy", status=503), TransportError("no network")])
def test_a_failure_that_spent_nothing_is_raised_at_once(clock: Clock, error: LlmError) -> None:
    endpoint = Scripted(error)
    with pytest.raises(type(error)):
        spend(endpoint, clock, BUNDLE)
    assert endpoint.sent == 1


def test_a_failure_after_a_lost_answer_does_not_hide_that_the_token_may_be_spent(clock: Clock) -> None:
    endpoint = Scripted(AnswerLostError("lost"), *[ServerError("busy", status=503)] * 2)
    with pytest.raises(AnswerLostError, match="busy"):
        spend(endpoint, clock, BUNDLE)


@pytest.mark.parametrize("wall", [11.0, 4 * 3600.0])
def test_a_computer_that_sleeps_after_the_answer_was_lost_sends_nothing_late(wall: float) -> None:
    """The wall clock moves while the monotonic clock stands still."""

    class Asleep(Clock):
        def sleep(self, seconds: float) -> None:
            super().sleep(wall)
            self._between -= wall

    endpoint = Scripted(AnswerLostError("lost"))
    with pytest.raises(AnswerLostError):
        spend(endpoint, Asleep(), BUNDLE)
    assert endpoint.sent == 1


def test_a_wall_clock_that_is_set_back_does_not_extend_the_time_to_send_again() -> None:
    class SetBack(Clock):
        def sleep(self, seconds: float) -> None:
            super().sleep(-3600.0)
            self._between += 3600.0 + 11.0

    endpoint = Scripted(AnswerLostError("lost"))
    with pytest.raises(AnswerLostError):
        spend(endpoint, SetBack(), BUNDLE)
    assert endpoint.sent == 1
