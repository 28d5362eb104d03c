"""A Token Plan login in a file, as most tests of this folder begin with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.token_lab import expired_plan

from minimax_sync.auth import TokenPlan
from minimax_sync.emulator import Emulator


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a bundle, which is not there yet."""
    return tmp_path / "bundle.json"


@pytest.fixture
def plan(emulator: Emulator, path: Path) -> TokenPlan:
    """Return a login at `path` whose access token has expired."""
    return expired_plan(emulator, path)
