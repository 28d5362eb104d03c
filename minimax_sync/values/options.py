"""The options of a call, for type checkers: the fields of `ChatRequest` but its messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict


class RoundOptions(TypedDict, total=False):
    """Keyword arguments of `run_tools` and `tool_run`: those of `chat` except `tools`."""

    model: str | None
    system: str | None
    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    stop: str | Sequence[str] | None
    tool_choice: str | Mapping[str, Any] | None
    response_format: str | Mapping[str, Any] | None
    extra_body: Mapping[str, Any] | None
    timeout: float | None


class ChatOptions(RoundOptions, total=False):
    """Keyword arguments of `chat`, `stream` and all that is built on them; see `ChatRequest` for their meaning."""

    tools: Sequence[Any] | None
