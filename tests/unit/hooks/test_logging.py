"""The hook that logs events; every record of the others is compared in test_events."""

from __future__ import annotations

import logging

import pytest

from minimax_sync.hooks import CallEnded, logging_hook

COMMON = {"call_id": "c", "operation": "chat", "model": "M", "flavor": "openai_compat"}


@pytest.mark.parametrize(("error", "level"), [(None, logging.INFO), ("ServerError", logging.ERROR)])
def test_a_failed_call_is_an_error_with_its_fields(
    error: str | None, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "minimax_sync")
    logging_hook(CallEnded(**COMMON, duration=1.5, attempts=1, waited=0.0, error_type=error))  # type: ignore[arg-type]
    (record,) = caplog.records
    assert (record.levelno, vars(record)["event"], vars(record)["duration"]) == (level, "CallEnded", 1.5)
    assert record.getMessage().startswith("chat M ended after 1.50 s")
    assert ("ServerError" in record.getMessage()) == (error is not None)
