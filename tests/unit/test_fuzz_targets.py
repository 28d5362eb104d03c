"""Every decoder on a few hundred damaged inputs; `scripts/fuzz` goes on from here with libFuzzer."""

from __future__ import annotations

import pytest
from support import fuzz_targets


@pytest.mark.parametrize("name", fuzz_targets.TARGETS)
def test_damaged_input_ends_in_a_value_or_an_llm_error(name: str) -> None:
    target, seeds = fuzz_targets.TARGETS[name]
    for data in fuzz_targets.mutations(seeds, 150 if name == "config" else 400):
        target(data)


@pytest.mark.parametrize("name", fuzz_targets.TARGETS)
def test_input_that_is_cut_short_anywhere_ends_in_a_value_or_an_llm_error(name: str) -> None:
    target, seeds = fuzz_targets.TARGETS[name]
    for seed in seeds:
        for end in range(0, len(seed), max(1, len(seed) // 100)):
            target(seed[:end])
