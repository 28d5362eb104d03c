from __future__ import annotations

from datetime import datetime, timezone

from minimax_sync.auth.bundle import Bundle, Snapshot
from minimax_sync.auth.held_token import HeldToken
from minimax_sync.secret import Secret

EXPIRY = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)


def _held(life: float | None = None) -> HeldToken:
    return HeldToken.of(Snapshot(Bundle(Secret("at-1"), Secret("rt-1"), EXPIRY, life=life), "generation"))


def test_a_token_is_fresh_until_its_margin_and_usable_until_it_expires() -> None:
    held = _held()
    assert (held.token, held.generation) == ("at-1", "generation")
    assert (held.fresh_until, held.expires) == (EXPIRY.timestamp() - 60.0, EXPIRY.timestamp())
    assert _held(life=40.0).fresh_until == EXPIRY.timestamp() - 20.0


def test_a_rejected_token_is_never_fresh_again_but_keeps_its_bundle() -> None:
    held = _held().after_rejection()
    assert held.fresh_until == held.expires == float("-inf")
    assert held.bundle == _held().bundle


def test_its_repr_shows_no_token() -> None:
    assert "at-1" not in repr(_held())
