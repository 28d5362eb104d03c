"""How bundles and the portal spell instants. Pure rules.

`expires_at` in a bundle is ISO 8601 or Unix time in s or ms; what cannot be read counts as long past, so that the token
is refreshed rather than trusted. The portal's `expired_in` is a lifetime, Unix seconds or Unix milliseconds by its size
(openclaw's rule; hermes-agent#21779 took milliseconds for seconds and refreshed in the year 58381).
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from math import isfinite

LONG_PAST = datetime(1970, 1, 1, tzinfo=timezone.utc)
FAR_FUTURE = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)

_ZONE = re.compile(r"\s*(?:([+-]\d\d:?\d\d)|utc|gmt|z)$", re.IGNORECASE)
"""A zone as people and `date` write it: a space before it, or its name."""

_PLAIN = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?)(?:Z|\+00:00)", re.ASCII)
"""UTC as programs write it, `write_instant` among them: what every Python from 3.10 on reads alike."""

SHORTEST_LIFE = 60.0
LONGEST_LIFE = 30 * 86400.0

_TTL_BELOW = 1e9
_SECONDS_BELOW = 1e12


def read_expires_at(value: object) -> datetime:
    """Read `expires_at` of a bundle as an aware UTC datetime; without a zone it is UTC, rubbish is `LONG_PAST`."""
    number = _number(value)
    if number is not None:
        return _from_unix(number / 1000 if abs(number) >= _SECONDS_BELOW else number)
    return _from_iso(value) if isinstance(value, str) else LONG_PAST


def write_instant(instant: datetime) -> str:
    """Write an aware datetime as ISO 8601 in UTC, as in 2026-05-01T12:00:00Z."""
    return instant.astimezone(timezone.utc).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def expiry(expired_in: object, now: float) -> datetime:
    """Turn the portal's `expired_in` into the instant of expiry; `now` is Unix time.

    A lifetime that makes no sense (none, <= 0, NaN, 1e300) is clamped to 60 s .. 30 days: the token was paid for.
    """
    return _from_unix(now + min(max(_life(expired_in, now), SHORTEST_LIFE), LONGEST_LIFE))


def code_expiry(expired_in: object, now: float) -> datetime:
    """Turn the `expired_in` of a user code into its end: as told, and 60 s where it has none or has passed already."""
    life = _life(expired_in, now)
    return _from_unix(now + (min(life, LONGEST_LIFE) if life > 0 else SHORTEST_LIFE))


def _life(expired_in: object, now: float) -> float:
    number = _number(expired_in)
    if number is None:
        return SHORTEST_LIFE
    if number < _TTL_BELOW:
        return number
    return (number if number < _SECONDS_BELOW else number / 1000) - now


def _number(value: object) -> float | None:
    """Return a number, also one in a string, as a float; infinities are kept, NaN and anything else is None."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    except OverflowError:  # an int beyond 1e308
        number = float("inf") if isinstance(value, int) and value > 0 else float("-inf")
    return None if number != number else number


def _from_unix(seconds: float) -> datetime:
    if not isfinite(seconds):
        return FAR_FUTURE if seconds > 0 else LONG_PAST
    try:
        return min(LONG_PAST + timedelta(seconds=seconds), FAR_FUTURE)
    except OverflowError:
        return FAR_FUTURE if seconds > 0 else LONG_PAST


def _from_iso(text: str) -> datetime:
    plain = _PLAIN.fullmatch(text)
    if plain:
        with suppress(ValueError):
            return datetime.fromisoformat(plain[1]).replace(tzinfo=timezone.utc)

    from dateutil.parser import isoparse  # late: 6 ms that a call would wait for, and only other spellings need it

    try:
        instant = isoparse(_ZONE.sub(lambda found: found[1] or "Z", text.strip()))
    except (ValueError, OverflowError):
        return LONG_PAST
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=timezone.utc)
    try:
        return instant.astimezone(timezone.utc)
    except OverflowError:
        return LONG_PAST if instant.year == 1 else FAR_FUTURE
