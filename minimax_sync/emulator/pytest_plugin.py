"""The pytest fixture `minimax_emulator`: a fresh emulator for each test. Loaded by pytest itself, as an entry point.

Nothing but pytest is imported here, because every pytest run on this interpreter loads this module.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .service import Emulator


@pytest.fixture
def minimax_emulator() -> Iterator[Emulator]:
    """Run a MiniMax on loopback for the length of the test: `.base_url`, `.anthropic_base_url`, `.api_key`."""
    from .service import Emulator

    with Emulator() as emulator:
        yield emulator
