"""Tests of what the package does on Windows alone; `scripts/test windows` runs them, and much else, under its rules."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import windows


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests of this folder where the rules are not installed."""
    if windows.installed():
        return
    ours = [item for item in items if Path(__file__).parent in item.path.parents]
    config.hook.pytest_deselected(items=ours)
    items[:] = [item for item in items if item not in ours]
