"""Instants as bundles and the portal write them. Pure rules.

`expires_at` in a bundle is ISO 8601 or Unix time in s or ms; an invalid one counts as long past, so that the token is
refreshed rather than trusted. The portal's `expired_in` is a lifetime, Unix seconds or Unix milliseconds, depending on
its size (openclaw's rule; hermes-agent#21779 took milliseconds for seconds and refreshed in the year 58381).
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from math import isfinite

LONG_PAST = datetime(1970, 1, 1, tzinfo=timezone.utc)
FAR_FUTURE = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)

_ZONE = re.compile(r"\s*(?:([+-]\d\d:?\d\d)|utc|gmt|z)$", re.IGNORECASE)
"""A zone as people and `date` write it: after a space, or by name."""

_WITH_SECONDS = r".*[+-]\d\d:\d\d:\d\d(?:\.\d{6})?"
"""An offset with seconds: Python writes it for instants before a zone had whole minutes, and dateutil refuses it."""

_PLAIN = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?)(?:Z|\+00:00)", re.ASCII)
"""UTC as programs write it, `write_instant` included: every Python from 3.10 on parses it alike."""

MIN_LIFE = 60.0
MAX_LIFE = 30 * 86400.0

_TTL_BELOW = 1e9
_SECONDS_BELOW = 1e12


def read_expires_at(value: object) -> datetime:
    """Parse `expires_at` of a bundle as an aware UTC datetime. Without a zone it is UTC; `LONG_PAST` if invalid."""
    number = _number(value)
    if number is not None:
        instant = _from_unix(number / 1000 if abs(number) >= _SECONDS_BELOW else number)
        return LONG_PAST if instant == FAR_FUTURE else instant  # "1e999" is invalid: no token lives for ever
    return _from_iso(value) if isinstance(value, str) else LONG_PAST


def write_instant(instant: datetime) -> str:
    """Return an aware datetime as ISO 8601 in UTC, as in 2026-05-01T12:00:00Z."""
    return instant.astimezone(timezone.utc).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def expiry(expired_in: object, now: float) -> datetime:
    """Convert the portal's `expired_in` to the instant of expiry; `now` is Unix time.

    An implausible lifetime (none, <= 0, NaN, 1e300) is clamped to 60 s .. 30 days, never rejected: the refresh token
    was spent for it.
    """
    return _from_unix(now + min(max(_life(expired_in, now), MIN_LIFE), MAX_LIFE))


def code_expiry(expired_in: object, now: float) -> datetime:
    """Convert the `expired_in` of a user code to the instant of expiry: in 60 s if it is missing or has passed."""
    life = _life(expired_in, now)
    return _from_unix(now + (min(life, MAX_LIFE) if life > 0 else MIN_LIFE))


def _life(expired_in: object, now: float) -> float:
    number = _number(expired_in)
    if number is None:
        return MIN_LIFE
    if number < _TTL_BELOW:
        return number
    return (number if number < _SECONDS_BELOW else number / 1000) - now


def _number(value: object) -> float | None:
    """Return a number, also from a string, as a float. Infinities are kept; NaN and anything else is None."""
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

    from dateutil.parser import isoparse  # late: it takes 6 ms, and only unusual formats need it

    try:
        if re.fullmatch(_WITH_SECONDS, text.strip()):
            instant = datetime.fromisoformat(text.strip())
        else:
            instant = isoparse(_ZONE.sub(lambda found: found[1] or "Z", text.strip()))
    except (ValueError, OverflowError):
        return LONG_PAST
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=timezone.utc)
    try:
        return instant.astimezone(timezone.utc)
    except OverflowError:
        return LONG_PAST if instant.year == 1 else FAR_FUTURE
