"""A function as a model sees it, and called as a model calls it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minimax_sync.functions.signature import interface_of


def parameters_of(function: Callable[..., Any]) -> dict[str, Any]:
    return dict(interface_of(function).definition().parameters)


def called(function: Callable[..., Any], **given: Any) -> Any:
    positional, named = interface_of(function).arguments(given)
    return function(*positional, **named)
