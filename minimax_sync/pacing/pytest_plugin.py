"""The pytest fixture `minimax_testing`, available wherever this package is installed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def minimax_testing() -> Iterator[None]:
    """Turn off pacing and backoff for the test: `minimax_sync.testing()` as a fixture."""
    from .testing import testing

    with testing():
        yield
