"""Events as values, and the hook that logs them."""

from __future__ import annotations

import logging
import pickle
from typing import Any

import pytest

from minimax_sync.hooks import (
    AttemptFailed,
    CallEnded,
    CallStarted,
    Event,
    FirstToken,
    QuotaLow,
    RateLimited,
    TokenRefreshed,
    ToolFailed,
    emit,
    logging_hook,
)

CALL: dict[str, Any] = {"call_id": "c1", "operation": "stream", "model": "MiniMax-M2.5", "flavor": "openai_compat"}
EVENTS: list[tuple[Event, str, str]] = [
    (CallStarted(**CALL), "DEBUG", "stream MiniMax-M2.5 started"),
    (
        AttemptFailed(**CALL, attempt=1, error_type="RateLimitError", status=429, retry_in=1.5),
        "WARNING",
        "stream MiniMax-M2.5: attempt 1 failed with RateLimitError",
    ),
    (
        RateLimited(**CALL, attempt=2, source="limiter", seconds=0.5),
        "INFO",
        "stream MiniMax-M2.5: delayed by the limiter for 0.50 s",
    ),
    (FirstToken(**CALL, seconds=0.25), "DEBUG", "stream MiniMax-M2.5: first token after 0.25 s"),
    (CallEnded(**CALL, duration=2.0, prompt_tokens=7), "INFO", "stream MiniMax-M2.5 ended after 2.00 s"),
    (
        CallEnded(**CALL, duration=2.0, error_type="ServerError", status=503),
        "ERROR",
        "stream MiniMax-M2.5 ended after 2.00 s with ServerError",
    ),
    (TokenRefreshed(duration=0.1, forced=True), "INFO", "minimax: access token renewed in 0.10 s"),
    (QuotaLow(remaining=9, threshold=100, unit="tokens"), "INFO", "minimax: 9 tokens of the quota left"),
    (ToolFailed(tool="add", error_type="ValueError"), "WARNING", "the tool add failed with ValueError"),
]


@pytest.mark.parametrize("event", [event for event, _, _ in EVENTS])
def test_an_event_is_an_immutable_value(event: Any) -> None:
    assert pickle.loads(pickle.dumps(event)) == event
    with pytest.raises(AttributeError):
        event.provider = "other"


@pytest.mark.parametrize(("event", "level", "message"), EVENTS)
def test_an_event_is_logged_as_a_structured_record(
    event: Event, level: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "minimax_sync"):
        emit([logging_hook], event)
    (record,) = caplog.records
    assert (record.name, record.levelname, record.getMessage()) == ("minimax_sync", level, message)
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    assert {"event": type(event).__name__, **fields}.items() <= vars(record).items()
