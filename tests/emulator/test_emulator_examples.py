"""The examples in the emulator's docstrings run as they stand."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest


@pytest.mark.parametrize("module", ["portal", "quota", "service"])
def test_the_examples_of_a_module_give_what_they_show(module: str) -> None:
    result = doctest.testmod(import_module(f"minimax_sync.emulator.{module}"))
    assert result.attempted > 0
    assert result.failed == 0
