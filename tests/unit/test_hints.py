"""What tools that read annotations at run time get (pydantic, FastAPI, Sphinx, typer): types, not NameErrors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from importlib import import_module
from typing import Any, get_type_hints

import pytest
import requests

import minimax_sync
from minimax_sync import Embeddings, MiniMaxClient


def functions_of(public: object) -> Iterator[Callable[..., Any]]:
    """Give a public function, or all methods and properties of a public class that are written in this package."""
    members = [] if not inspect.isclass(public) else [inspect.getattr_static(public, name) for name in dir(public)]
    for member in [public, *members]:
        function = getattr(member, "fget", None) or getattr(member, "__func__", member)
        if inspect.isfunction(function) and function.__module__.startswith("minimax_sync."):
            yield function


NEEDS_AN_EXTRA = {"otel_hook", "prometheus_hook"}
"""Their types are those of packages that need not be installed."""


@pytest.mark.parametrize("name", sorted({*minimax_sync.__all__} - NEEDS_AN_EXTRA))
def test_the_annotations_of_every_public_name_can_be_evaluated(name: str) -> None:
    public = getattr(minimax_sync, name)
    if inspect.isclass(public):
        get_type_hints(public)
    for function in functions_of(public):
        if not function.__name__.startswith("_") or function.__name__.endswith("__"):
            assert get_type_hints(function, include_extras=True).keys() == function.__annotations__.keys()


def test_the_types_that_are_imported_late_are_the_real_ones() -> None:
    assert get_type_hints(MiniMaxClient.embed)["return"] is Embeddings
    assert get_type_hints(MiniMaxClient.__init__)["session"] == requests.Session | None
    assert get_type_hints(MiniMaxClient.map)["executor"] == Executor | None


@pytest.mark.parametrize(
    ("hook", "name", "home"),
    [
        ("prometheus", "CollectorRegistry", "prometheus_client"),
        ("otel", "TracerProvider", "opentelemetry.trace"),
        ("otel", "MeterProvider", "opentelemetry.metrics"),
        ("otel", "AttributeValue", "opentelemetry.util.types"),
    ],
)
def test_the_types_of_an_extra_are_found_where_annotations_name_them(hook: str, name: str, home: str) -> None:
    module = import_module(f"minimax_sync.hooks.{hook}")
    assert getattr(module, name) is getattr(import_module(home), name)
    assert not hasattr(module, "NoSuchType")
