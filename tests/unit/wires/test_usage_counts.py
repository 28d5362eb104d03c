"""Token counts of both wires as one kind of value."""

from __future__ import annotations

from typing import Any

import pytest

from minimax_sync.values.usage import TokenUsage
from minimax_sync.wires.usage_counts import ANTHROPIC_COUNTS, anthropic_usage, openai_usage


def test_openai_counts_include_what_is_cached_and_thought() -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": "5",
        "completion_tokens_details": {"reasoning_tokens": 2},
        "prompt_tokens_details": {"cached_tokens": 4, "cache_creation_tokens": 1},
    }
    assert openai_usage(usage) == TokenUsage(10, 5, 15, 2, 4, 1)


@pytest.mark.parametrize("usage", [None, [], "x", {}, {"prompt_tokens": None, "completion_tokens_details": 5}])
def test_invalid_openai_usage_counts_nothing(usage: Any) -> None:
    assert openai_usage(usage) == TokenUsage()


def test_anthropic_input_leaves_the_cached_tokens_out_and_the_prompt_does_not() -> None:
    nothing = dict.fromkeys(ANTHROPIC_COUNTS, 0)
    cached = {"cache_read_input_tokens": 4, "cache_creation_input_tokens": 1}
    expected = TokenUsage(10, 5, 15, 0, 4, 1)
    assert anthropic_usage({**nothing, **cached, "input_tokens": 5, "output_tokens": 5}) == expected
    assert anthropic_usage({**nothing, **cached, "prompt_tokens": 10, "completion_tokens": 5}) == expected
    assert anthropic_usage(nothing) is None
