"""The tools of one exchange: which calls run, in which order, and what comes of the others."""

from __future__ import annotations

import pytest

from minimax_sync.errors import RequestError
from minimax_sync.functions.toolbox import Toolbox, tool
from minimax_sync.values.messages import ToolCall
from minimax_sync.values.tooldef import ToolDef


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


def test_a_call_that_fails_is_unknown_or_not_approved_has_the_reason() -> None:
    def approve(call: ToolCall) -> bool | str:
        return call.id != "c9" or "not now"

    given = [ToolCall("c1", "double", {"n": "x"}), ToolCall("c2", "triple"), *calls(9)]
    results = [result.error or "" for result, _ in Toolbox([double], approve=approve).outcomes(given)]
    assert [part in error for part, error in zip(("n", "the tools are double", "not now"), results, strict=True)] == [
        True
    ] * 3


def test_a_tool_without_a_function_is_left_to_the_caller() -> None:
    box = Toolbox([double, ToolDef("ask")])
    assert [definition.name for definition in box.definitions] == ["double", "ask"]
    assert box.leaves_to_caller([ToolCall("c1", "ask")])
    assert not box.leaves_to_caller(calls(1))


def test_a_decorated_function_carries_its_definition_and_can_still_be_called() -> None:
    named = tool(name="twice", description="Twice.")(double)
    assert named(4) == 8
    (definition,) = Toolbox(named).definitions
    assert (definition.name, definition.description) == ("twice", "Twice.")


@pytest.mark.parametrize(
    ("tools", "options"), [("double", {}), ([5], {}), (double, {"parallel": 0}), (double, {"approve": "yes"})]
)
def test_what_cannot_be_a_toolbox_is_refused(tools: object, options: dict[str, object]) -> None:
    with pytest.raises(RequestError):
        Toolbox(tools, **options)  # type: ignore[arg-type]
