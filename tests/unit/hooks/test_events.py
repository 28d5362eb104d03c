"""The events themselves, handing them to hooks, and the hook that logs them."""

from __future__ import annotations

import logging
import pickle
import re
from typing import Any

import pytest
from support.run_python import run_python

from minimax_sync import hooks
from minimax_sync.hooks import (
    AttemptFailed,
    CallEnded,
    CallEvent,
    CallStarted,
    Event,
    FirstToken,
    QuotaLow,
    RateLimited,
    TokenRefreshed,
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
]


@pytest.mark.parametrize("event", [event for event, _, _ in EVENTS])
def test_an_event_is_an_immutable_value(event: Any) -> None:
    assert pickle.loads(pickle.dumps(event)) == event
    with pytest.raises(AttributeError):
        event.provider = "other"


def test_the_events_have_no_field_for_a_prompt_an_answer_or_a_key() -> None:
    kinds = [getattr(hooks, name) for name in hooks.__all__]
    fields = {field for kind in kinds for field in getattr(kind, "__struct_fields__", ())}
    assert len(fields) > 30
    assert not fields & {"messages", "prompt", "text", "input", "output", "content", "body", "message", "error"}
    assert not [field for field in fields if "key" in field or "bearer" in field or field.endswith("token")]


def test_every_event_names_its_log_level_and_fields_of_its_own_in_its_message() -> None:
    kinds = [kind for kind in (*Event.__subclasses__(), *CallEvent.__subclasses__()) if kind is not CallEvent]
    assert {kind.__name__ for kind in kinds} == {type(event).__name__ for event, _, _ in EVENTS} | {"ToolFailed"}
    for kind in kinds:
        assert kind.log_level in (logging.DEBUG, logging.INFO, logging.WARNING)
        assert set(re.findall(r"%\((\w+)\)", kind.log_message)) <= set(kind.__struct_fields__)


def test_every_hook_gets_the_event_in_order() -> None:
    seen: list[tuple[str, Event]] = []
    event = CallStarted(**CALL)
    emit([lambda e: seen.append(("first", e)), lambda e: seen.append(("second", e))], event)
    assert seen == [("first", event), ("second", event)]


def test_what_a_hook_raises_is_logged_and_the_next_hook_still_runs(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Event] = []

    def broken(event: Event) -> None:
        raise ValueError("mine")

    emit([broken, seen.append], CallStarted(**CALL))
    assert len(seen) == 1
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("minimax_sync.hooks", "ERROR")
    assert record.getMessage() == "a hook failed on CallStarted"
    assert record.exc_info is not None


def test_ctrl_c_in_a_hook_goes_through() -> None:
    def interrupted(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        emit([interrupted], CallStarted(**CALL))


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


def test_the_package_imports_no_backend() -> None:
    script = "import sys, minimax_sync.hooks; print([m for m in sys.modules if m.startswith(('prom', 'opentel'))])"
    assert run_python(script) == "[]"


@pytest.mark.parametrize(
    ("maker", "module", "extra"),
    [("prometheus_hook", "prometheus_client", "prometheus"), ("otel_hook", "opentelemetry", "otel")],
)
def test_a_missing_extra_is_named_with_the_command_that_installs_it(maker: str, module: str, extra: str) -> None:
    script = f"""
import sys
sys.modules[{module!r}] = None
from minimax_sync import hooks
from minimax_sync.errors import ConfigError
try:
    hooks.{maker}()
except ConfigError as exc:
    print(exc)
"""
    assert f"pip install 'minimax-sync[{extra}]'" in run_python(script)
