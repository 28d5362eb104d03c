"""The fixtures of the reports."""

from __future__ import annotations

import pytest
from support.wire_server import WIRES, Wire


@pytest.fixture(params=WIRES, ids=lambda wire: wire.flavor)
def wire(request: pytest.FixtureRequest) -> Wire:
    """Run the test on each wire."""
    found: Wire = request.param
    return found
