"""Helpers for the tests of the settings: a complete `llm.yaml`, a directory and environment, and a check for leaks."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minimax_sync.settings.resolve import resolve_settings
from minimax_sync.settings.settings import Settings

FILE = """
providers:
  minimax:
    api_key: ${MINIMAX_API_KEY:-}
    group_id: ${MINIMAX_GROUP_ID:-}
    base_url: https://api.minimax.io
    api_flavor: openai_compat            # optional
    chat_path: /chat/completions
    model: MiniMax-M2.7
    timeout: 60
    connect_timeout: 5
    idle_timeout: 30.5
    verify: false
    proxy: "http://user:word@proxy:3128"
    default_headers: {X-Team: "${TEAM:-blue}"}
    rate_limit: {requests_per_second: 5, burst: 3, quota_alert_threshold: 100000, quota_budget: 1e6,
                 store: "redis://host:6379/0"}
    auth: {mode: auto, bundle: ./secrets/other.json, background_refresh: false}
retry: {max_attempts: 7, server_attempts: 2, initial_backoff_ms: 10, max_backoff_ms: 20.5, backoff_multiplier: 3.0}
"""


class World:
    """A working directory and an environment of the test's own."""

    def __init__(self, cwd: Path) -> None:
        self.cwd = cwd
        self.environ: dict[str, str] = {}

    def write(self, name: str, text: str = "") -> Path:
        path = self.cwd / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def config(self, provider: str = "{}", rest: str = "") -> None:
        self.write("config/llm.yaml", f"providers:\n  minimax: {provider}\n{rest}")

    def resolve(self, arguments: Mapping[str, Any] | None = None, **options: Any) -> Settings:
        return resolve_settings(arguments=arguments or {}, environ=self.environ, cwd=self.cwd, **options)


def assert_hidden(error: BaseException, canary: str = "canary") -> None:
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    library = [frame for frame in shown.stack if "/minimax_sync/" in frame.filename]
    assert library
    for frame in library:
        assert canary not in str(frame.locals), frame
    assert canary not in str(error)
    assert error.__context__ is None or error.__suppress_context__
