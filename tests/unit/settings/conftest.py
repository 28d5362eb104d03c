"""The working directory and environment in which a test resolves settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.settings_world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
