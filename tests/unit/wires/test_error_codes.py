"""The table from codes, statuses and words to errors."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from minimax_sync.wires.error_codes import error_for, resets_at


def test_a_message_names_status_and_code_once_and_the_hint_of_a_refused_credential() -> None:
    assert str(error_for(401, 1004, "bad  key\n(1004)")) == "HTTP 401: bad key (1004)"
    assert str(error_for(200, 1002, "slow")) == "slow (1002)"
    assert str(error_for(500, None, "")) == "HTTP 500: the service gave no reason"
    assert len(str(error_for(500, None, "x" * 10_000))) < 600


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("resets at 2026-05-15T15:00:00Z (2056)", datetime(2026, 5, 15, 15, tzinfo=timezone.utc)),
        ("reset at 2026-05-15 15:00:00.5 +0800", datetime(2026, 5, 15, 15, tzinfo=timezone.utc)),
        ("resets at 2026-05-15T23:00:00+0800", datetime(2026, 5, 15, 15, tzinfo=timezone.utc)),
        ("resets at 2026-99-15T15:00:00Z", None),
        ("resets soon", None),
    ],
)
def test_the_reset_of_a_quota_is_read_from_its_message(text: str, instant: datetime | None) -> None:
    assert resets_at(text) == instant
