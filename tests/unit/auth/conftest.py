"""The clock of the login tests."""

from __future__ import annotations

import pytest
from support.login_lab import QuickClock


@pytest.fixture
def clock() -> QuickClock:
    return QuickClock()
