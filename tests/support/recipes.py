"""Run a recipe of `scale/recipes` as it stands, but on a test's own Redis."""

from __future__ import annotations

from pathlib import Path

from support.redis_server import RedisServer
from support.run_python import run

RECIPES = Path(__file__).parents[1] / "scale" / "recipes"
PROMPTS = 20


def place(name: str, server: RedisServer, folder: Path) -> Path:
    """Copy a recipe, its Redis replaced by the test's own."""
    text = (RECIPES / name).read_text()
    assert "redis://redis.example:6379/0" in text
    copy = folder / name
    copy.write_text(text.replace("redis://redis.example:6379/0", server.url))
    return copy


def answers_of(recipe: Path, *arguments: str) -> list[str]:
    """Run a recipe and return the answers that it printed, sorted."""
    printed = run(recipe, *arguments, silent=False)
    return sorted(line for line in printed.splitlines() if line.startswith("You said"))


def expected(times: int = 1) -> list[str]:
    return sorted([f'You said: "prompt {number}".' for number in range(PROMPTS)] * times)
