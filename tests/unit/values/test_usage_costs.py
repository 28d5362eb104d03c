"""Costs: the tiers of a request's size, sums of requests, service tiers."""

from __future__ import annotations

import pickle

import pytest

from minimax_sync.values.usage import TokenUsage

M3 = "MiniMax-M3"
SHORT, LONG = TokenUsage(300_000, 1_000, 301_000), TokenUsage(600_000, 1_000, 601_000)


def test_a_request_above_512k_input_is_billed_whole_at_the_higher_price() -> None:
    assert SHORT.cost(M3) == pytest.approx(0.3 * 0.30 + 0.001 * 1.20)
    assert LONG.cost(M3) == pytest.approx(0.6 * 0.60 + 0.001 * 2.40)
    assert TokenUsage(512_000).cost(M3) == pytest.approx(0.512 * 0.30)
    assert TokenUsage(600_000, cache_read_tokens=600_000).cost(M3) == pytest.approx(0.6 * 0.12)


@pytest.mark.parametrize(
    "requests",
    [[SHORT, SHORT], [LONG, LONG], [SHORT, LONG], [LONG, SHORT, SHORT], [SHORT] * 9, [LONG, TokenUsage()]],
    ids=["short", "long", "mixed", "long first", "many", "with nothing"],
)
def test_a_sum_costs_what_its_requests_cost(requests: list[TokenUsage]) -> None:
    each = sum(usage.cost(M3) for usage in requests)
    assert sum(requests, TokenUsage()).cost(M3) == pytest.approx(each)
    half = len(requests) // 2
    assert (sum(requests[:half], TokenUsage()) + sum(requests[half:], TokenUsage())).cost(M3) == pytest.approx(each)


def test_a_sum_survives_a_pickle_and_compares_by_its_counts_while_it_is_small() -> None:
    total = SHORT + SHORT
    assert pickle.loads(pickle.dumps(total)) == total
    assert TokenUsage(1, 2, 3) + TokenUsage(1, 2, 3) == TokenUsage(2, 4, 6)


def test_a_cost_is_found_for_every_spelling_and_tier() -> None:
    assert SHORT.cost("minimax/minimax-m3") == SHORT.cost(M3)
    assert SHORT.cost(M3, service_tier="priority") == pytest.approx(1.5 * SHORT.cost(M3))
    assert LONG.cost(M3, service_tier="priority") == pytest.approx(1.5 * LONG.cost(M3))
