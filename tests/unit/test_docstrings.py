"""The examples in the docstrings of the public names run: `client` is one of the emulator, `emulator` that emulator."""

from __future__ import annotations

import doctest
import inspect
from collections.abc import Iterator

import pytest

import minimax_sync
from minimax_sync import MiniMaxClient
from minimax_sync.emulator import Emulator


def examples() -> Iterator[doctest.DocTest]:
    """Yield the examples of each public name and of its public methods."""
    finder = doctest.DocTestFinder()
    for name in minimax_sync.__all__:
        value = getattr(minimax_sync, name)
        home = inspect.getmodule(value)
        yield from (test for test in finder.find(value, name, module=home, globs={}) if test.examples)


EXAMPLES = {test.name: test for test in examples()}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_a_docstring_run(name: str, configured_emulator: Emulator, client: MiniMaxClient) -> None:
    test = EXAMPLES[name]
    public = {name: getattr(minimax_sync, name) for name in minimax_sync.__all__}
    test.globs = {**public, "client": client, "emulator": configured_emulator}
    assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test).failed == 0


def test_every_public_name_has_an_example() -> None:
    assert set(minimax_sync.__all__) - {name.partition(".")[0] for name in EXAMPLES} == set()
