"""The table of models: names in every spelling, and what the rows promise."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from minimax_sync.errors import ConfigError, RequestError
from minimax_sync.values.models import DEFAULT_MODEL, MODELS, model_card, price_of


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("MiniMax-M2.5", "MiniMax-M2.5"),
        ("minimax-m2.5", "MiniMax-M2.5"),
        ("MiniMaxAI/MiniMax-M2.5", "MiniMax-M2.5"),
        ("minimax/minimax-m3.1-flash", "MiniMax-M3.1-Flash"),
        ("MiniMax-M3.1-Flash-Preview", "MiniMax-M3.1-Flash"),
        ("MiniMax-M2.5-lightning", "MiniMax-M2.5-highspeed"),
        ("minimax/MiniMax-M2.7-Lightning", "MiniMax-M2.7-highspeed"),
        (" MiniMax-M3 ", "MiniMax-M3"),
    ],
)
def test_a_row_is_found_under_any_spelling(spelling: str, name: str) -> None:
    card = model_card(spelling)
    assert card is not None
    assert card.name == name


@pytest.mark.parametrize("name", ["", "gpt-4", "MiniMax", "MiniMax-M9", "minimax/", "-lightning"])
def test_a_name_without_a_row_has_no_card(name: str) -> None:
    assert model_card(name) is None


def test_a_retired_model_names_a_successor_that_is_not_retired() -> None:
    retired = [card for card in MODELS if card.retired]
    assert {card.name for card in retired} == {
        f"MiniMax-{name}" for name in ("M2.5", "M2.5-highspeed", "M2.7", "M2.7-highspeed")
    }
    for card in retired:
        assert card.retired == date(2026, 11, 18)
        successor = model_card(card.successor or "")
        assert successor is not None
        assert successor.retired is None
    assert model_card(DEFAULT_MODEL) in MODELS


def test_only_a_model_with_depth_lists_efforts() -> None:
    assert [card.name for card in MODELS if card.efforts] == ["MiniMax-M3.1-Flash"]
    assert [card.name for card in MODELS if card.thinking == "switch"] == ["MiniMax-M3"]
    assert all(card.lowest_temperature > 0 for card in MODELS if "-M2" in card.name)


def test_the_priority_tier_multiplies_the_price_where_it_is_offered() -> None:
    assert price_of("MiniMax-M3", service_tier="priority").input == pytest.approx(0.45)
    assert price_of("MiniMax-M3", is_long=True, service_tier="priority").output == pytest.approx(3.60)
    with pytest.raises(ConfigError, match=r"service_tier 'priority' of MiniMax-M2\.5"):
        price_of("MiniMax-M2.5", service_tier="priority")
    with pytest.raises(ConfigError, match="service_tier 'gold'"):
        price_of("MiniMax-M3", service_tier="gold")


@pytest.mark.parametrize("name", [None, 3, ["MiniMax-M3"]])
def test_the_name_of_a_model_is_text(name: Any) -> None:
    with pytest.raises(RequestError, match=f"must be a string, not {type(name).__name__}"):
        model_card(name)
