"""Every test of streams also searches for leaked secrets."""

from __future__ import annotations

import pytest
from support.canary import Watch


@pytest.fixture(autouse=True)
def nothing_leaks(watch: Watch) -> None:
    """Search everything that the test lets out."""
