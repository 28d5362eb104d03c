"""The status of a login, in each of its states."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from minimax_sync.auth import TokenPlan
from minimax_sync.auth.status import describe
from minimax_sync.emulator import Emulator


@pytest.mark.parametrize(
    ("after", "state"), [(0, "fresh"), (3500, "fresh"), (3541, "due"), (3599, "due"), (3601, "expired")]
)
def test_the_state_depends_on_what_is_left_of_the_token(
    emulator: Emulator, tmp_path: Path, after: float, state: str
) -> None:
    emulator.portal.bundle(tmp_path / "bundle.json", ttl=3600)
    plan = TokenPlan(tmp_path / "bundle.json", base_url=emulator.url)
    credential, expires_at = plan._credential, plan.status().expires_at
    assert expires_at is not None
    assert abs((expires_at - datetime.now(timezone.utc)).total_seconds() - 3600) < 5
    began = expires_at - timedelta(seconds=3600)
    status = describe(credential.store, credential.refresh, began.timestamp() + after)
    assert (status.state, status.path, status.problem) == (state, tmp_path / "bundle.json", "")
    assert (status.region, plan.region) == (emulator.url, emulator.url)
    assert status.refreshed_at is not None
    assert emulator.portal.current is not None
    assert emulator.portal.current["access_token"] not in repr(status)


def test_a_missing_or_unreadable_bundle_has_a_state_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    plan = TokenPlan(path)
    assert plan.status().state == "missing"
    path.write_text("{")
    assert plan.status().state == "unreadable"
    assert f"{path}: it is not JSON" in plan.status().problem
