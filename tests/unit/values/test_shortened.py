from __future__ import annotations

from minimax_sync.values.messages import ChatMessage
from minimax_sync.values.shortened import fields_shown, shortened
from minimax_sync.values.usage import TokenUsage


def test_a_text_of_sixty_characters_is_whole_and_a_longer_one_is_cut_with_its_length() -> None:
    assert shortened("é" * 60) == repr("é" * 60)
    assert shortened("x" * 61) == f"{'x' * 60!r}… (61 chars)"


def test_fields_at_their_defaults_are_left_out_and_collections_counted() -> None:
    assert fields_shown(TokenUsage(prompt_tokens=3)).startswith("TokenUsage(prompt_tokens=3")
    assert "parts=<1>" in fields_shown(ChatMessage.user("secret " * 20))
