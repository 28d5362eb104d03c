"""The events themselves, handing them to hooks, and the hook that logs them."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from support.run_python import run_python

from minimax_sync import hooks
from minimax_sync.hooks import (
    CallEvent,
    CallStarted,
    Event,
    emit,
)

CALL: dict[str, Any] = {"call_id": "c1", "operation": "stream", "model": "MiniMax-M2.5", "flavor": "openai_compat"}


def test_the_events_have_no_field_for_a_prompt_an_answer_or_a_key() -> None:
    kinds = [getattr(hooks, name) for name in hooks.__all__]
    fields = {field for kind in kinds for field in getattr(kind, "__struct_fields__", ())}
    assert len(fields) > 30
    assert not fields & {"messages", "prompt", "text", "input", "output", "content", "body", "message", "error"}
    assert not [field for field in fields if "key" in field or "bearer" in field or field.endswith("token")]


def test_every_event_names_its_log_level_and_fields_of_its_own_in_its_message() -> None:
    kinds = [kind for kind in (*Event.__subclasses__(), *CallEvent.__subclasses__()) if kind is not CallEvent]
    assert len(kinds) == 8
    for kind in kinds:
        assert kind.log_level in (logging.DEBUG, logging.INFO, logging.WARNING)
        assert set(re.findall(r"%\((\w+)\)", kind.log_message)) <= set(kind.__struct_fields__)


def test_every_hook_gets_the_event_in_order() -> None:
    seen: list[tuple[str, Event]] = []
    event = CallStarted(**CALL)
    emit([lambda e: seen.append(("first", e)), lambda e: seen.append(("second", e))], event)
    assert seen == [("first", event), ("second", event)]


def test_an_exception_of_a_hook_is_logged_and_the_next_hook_still_runs(caplog: pytest.LogCaptureFixture) -> None:
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
