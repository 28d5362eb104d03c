"""Kinds of callables: objects, classes, partials, builtins, keyword arguments of a TypedDict."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import pytest
from support.interfaces import called, parameters_of
from typing_extensions import NotRequired, Unpack

from minimax_sync import RequestError
from minimax_sync.functions.signature import interface_of


@dataclass
class Place:
    city: str
    country: str = "DE"


class Bank:
    """Keeps money."""

    def __init__(self, total: int = 5) -> None:
        self.total = total

    def __call__(self, amount: int) -> int:
        """Pay in."""
        return self.total + amount

    @classmethod
    def kind(cls, name: str) -> str:
        """Return the kind."""
        return cls.__name__ + name


@functools.lru_cache
def cached(a: int) -> int:
    """Count on."""
    return a + 1


class Extra(TypedDict):
    city: Annotated[str, "where"]
    days: NotRequired[int]


def unpacked(**more: Unpack[Extra]) -> Any:
    """Return them."""
    return more


class Waiter:
    async def __call__(self, seconds: float) -> None:
        """Wait."""


@pytest.mark.parametrize(
    ("function", "name", "description", "given", "result"),
    [
        (Bank(), "Bank", "Pay in.", {"amount": "1"}, 6),
        (functools.partial(Bank(), amount=2), "Bank", "Pay in.", {}, 7),
        (Bank.kind, "kind", "Return the kind.", {"name": "x"}, "Bankx"),
        (Place, "Place", "", {"city": "Ulm"}, Place("Ulm")),
        (cached, "cached", "Count on.", {"a": "1"}, 2),
        (len, "len", "Return the number of items in a container.", {"obj": [1, 2]}, 2),
        (unpacked, "unpacked", "Return them.", {"city": "Ulm", "days": "2"}, {"city": "Ulm", "days": 2}),
        (unpacked, "unpacked", "Return them.", {"city": "Ulm"}, {"city": "Ulm"}),
    ],
)
def test_every_kind_of_callable_is_read_and_called(
    function: Any, name: str, description: str, given: dict[str, Any], result: Any
) -> None:
    interface = interface_of(function)
    assert (interface.name, interface.description) == (name, description)
    assert called(function, **given) == result


def test_the_fields_of_unpacked_keyword_arguments_are_parameters() -> None:
    assert parameters_of(unpacked) == {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "where"}, "days": {"type": "integer"}},
        "additionalProperties": False,
        "required": ["city"],
    }


def test_an_object_whose_call_is_async_is_refused() -> None:
    with pytest.raises(RequestError, match="tool Waiter is async"):
        interface_of(Waiter())
