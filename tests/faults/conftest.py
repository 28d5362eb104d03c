"""Fixtures of the fault tests: both wires, and the search for leaked secrets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.canary import Watch, watching
from support.wire_server import WIRES, Wire


@pytest.fixture(params=WIRES, ids=lambda wire: wire.flavor)
def wire(request: pytest.FixtureRequest) -> Wire:
    """Run the test on each wire."""
    found: Wire = request.param
    return found


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Watch]:
    """Fail the test if a canary key, token or prompt is found where it must not be."""
    with watching(tmp_path, monkeypatch, capsys) as found:
        yield found
