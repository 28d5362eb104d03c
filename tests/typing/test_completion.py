"""What editors complete: Jedi, which Jupyter, Spyder and python-lsp-server use, finds every public name and method."""

from __future__ import annotations

import jedi
import pytest

import minimax_sync


def completed(source: str) -> set[str]:
    lines = source.split("\n")
    return {completion.name for completion in jedi.Script(source).complete(len(lines), len(lines[-1]))}


def test_every_public_name_is_completed() -> None:
    assert set(minimax_sync.__all__) <= completed("from minimax_sync import ")


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (
            "MiniMaxClient()",
            "chat stream parse run_tools tool_run map conversation embed models quota with_options close",
        ),
        ("MiniMaxClient().chat('hi')", "text reasoning tool_calls finish_reason usage message json"),
        ("MiniMaxClient().stream('hi')", "text_deltas response partial close display"),
        ("MiniMaxClient().conversation()", "say stream add messages usage last"),
        ("ChatMessage.user('hi')", "text role tool_calls"),
    ],
)
def test_methods_are_completed(made: str, wanted: str) -> None:
    assert set(wanted.split()) <= completed(f"from minimax_sync import *\n{made}.")
