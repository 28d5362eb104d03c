"""The intent record of a refresh in progress, as text."""

from __future__ import annotations

from datetime import datetime, timezone

from msgspec.structs import replace

from minimax_sync.auth.intent import Intent, parse_intent

NOON = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)


def test_a_record_is_read_as_it_was_written_and_a_cut_one_is_no_record() -> None:
    record = Intent("f" * 32, 4711, NOON.timestamp(), ".bundle.json.1.tmp")
    assert parse_intent(record.to_json()) == record
    assert record.describe() == "process 4711 at 2026-05-01T12:00:00Z"
    for length in range(len(record.to_json()) - 2):
        assert parse_intent(record.to_json()[:length]) is None
    assert parse_intent(replace(record, temp="../etc/passwd").to_json()) is None
    assert parse_intent(replace(record, at=float("inf")).to_json()) is None
