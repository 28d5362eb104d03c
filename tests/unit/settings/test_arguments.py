"""The arguments that type checkers know are those that the client takes."""

from __future__ import annotations

import inspect
from typing import get_type_hints

from minimax_sync import MiniMaxClient
from minimax_sync.calls.core import CHANGEABLE
from minimax_sync.settings.arguments import ClientArguments, SiblingArguments


def test_they_are_the_parameters_of_the_client_with_the_same_types() -> None:
    parameters = inspect.signature(MiniMaxClient).parameters.keys()
    types = get_type_hints(MiniMaxClient.__init__)
    assert get_type_hints(ClientArguments) == {name: types[name] for name in parameters}


def test_those_of_with_options_are_what_a_sibling_may_change() -> None:
    assert set(get_type_hints(SiblingArguments)) == set(CHANGEABLE)
