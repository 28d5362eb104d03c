"""The tools of one exchange: which calls run, in which order, and what comes of the others."""

from __future__ import annotations

import numpy
import pytest

from minimax_sync.functions.toolbox import Toolbox
from minimax_sync.values.messages import ToolCall


def double(n: int) -> int:
    """Double a number."""
    return 2 * n


def calls(*numbers: int) -> list[ToolCall]:
    return [ToolCall(f"c{number}", "double", {"n": number}) for number in numbers]


@pytest.mark.parametrize("parallel", [False, True, 2])
def test_outcomes_come_in_the_order_of_the_calls(parallel: bool | int) -> None:
    results = [result for result, _ in Toolbox(double, parallel).outcomes(calls(3, 1, 2))]
    assert [(result.call.id, result.text, result.error) for result in results] == [
        ("c3", "6", None),
        ("c1", "2", None),
        ("c2", "4", None),
    ]


@pytest.mark.parametrize("decision", [True, numpy.bool_(True), numpy.bool_(False), 1, "no"])
def test_a_call_runs_only_if_approve_returns_true(decision: object) -> None:
    ((result, _),) = Toolbox(double, approve=lambda call: decision).outcomes(calls(2))
    is_true = isinstance(decision, bool | numpy.bool_) and bool(decision)
    assert (result.error is None) == is_true


@pytest.mark.parametrize("parallel", [False, 2])
def test_no_call_runs_once_the_check_fails(parallel: bool | int) -> None:
    def refuse() -> None:
        raise KeyError("ended")

    with pytest.raises(KeyError, match="ended"):
        list(Toolbox(double, parallel).outcomes(calls(1, 2), refuse))
