"""A37: instants in the bundle's file, in every spelling, and rubbish in their place."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minimax_sync.auth.instants import LONG_PAST, read_expires_at, write_instant

UTC = timezone.utc
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)

RUBBISH: list[object] = ["", "soon", "2026-13-01T00:00:00Z", "12:00", None, True, [], {}, 0, float("nan"), "nan"]
RUBBISH += ["2026-05-01T12:00:00 o'clock", "\0", "1" * 5000 + "x"]
SPELLINGS: list[tuple[object, datetime]] = [
    ("2026-05-01T12:00:00Z", NOON),
    ("2026-05-01T12:00:00z", NOON),
    (" 2026-05-01 12:00:00 ", NOON),
    ("2026-05-01T12:00:00", NOON),
    ("2026-05-01T20:00:00+0800", NOON),
    ("2026-05-01T20:00:00+08:00", NOON),
    ("2026-05-01 20:00:00 +0800", NOON),
    ("2026-05-01 12:00:00 UTC", NOON),
    ("2026-05-01T20:00:00+08", NOON),
    ("2026-05-01T12:00:00.123456789Z", NOON.replace(microsecond=123456)),
    ("2026-05-01T12:00:00,5Z", NOON.replace(microsecond=500000)),
    ("20260501T120000Z", NOON),
    (NOON.timestamp(), NOON),
    (int(NOON.timestamp()), NOON),
    (int(NOON.timestamp() * 1000), NOON),
    (str(int(NOON.timestamp())), NOON),
    (str(int(NOON.timestamp() * 1000)), NOON),
    (f"{NOON.timestamp() * 1000}", NOON),
    ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ("0001-01-01T00:00:00+23:00", LONG_PAST),
    ("9999-12-31T23:59:59-08:00", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    (1e300, LONG_PAST),
    (10**400, LONG_PAST),
    (float("inf"), LONG_PAST),
    ("1e999", LONG_PAST),
    ("inf", LONG_PAST),
    ("-Infinity", LONG_PAST),
]
SPELLINGS += [(rubbish, LONG_PAST) for rubbish in RUBBISH]


@pytest.mark.parametrize(("spelling", "instant"), SPELLINGS, ids=[repr(case[0])[:40] for case in SPELLINGS])
def test_A37_every_sane_spelling_of_an_instant_is_read_and_anything_else_is_long_past(
    spelling: object, instant: datetime
) -> None:
    assert read_expires_at(spelling) == instant
    assert read_expires_at(spelling).utcoffset() == timedelta(0)


@settings(deadline=None)
@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 30), timezones=st.timezones()))
@example(datetime(1972, 1, 1, tzinfo=timezone(-timedelta(minutes=44, seconds=30))))
def test_A37_instants_survive_the_file(instant: datetime) -> None:
    assert read_expires_at(write_instant(instant)) == instant.astimezone(UTC).replace(microsecond=0)
    assert read_expires_at(instant.isoformat()) == instant.astimezone(UTC)


@settings(deadline=None)
@given(st.one_of(st.text(), st.floats(), st.integers(), st.lists(st.integers()), st.none()))
def test_A37_nothing_crashes_the_reader_of_instants(value: object) -> None:
    assert read_expires_at(value).tzinfo is not None
