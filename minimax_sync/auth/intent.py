"""The note that a refresh leaves beside the bundle before it sends: whose token, by whom, when, into which file.

Removed once the answer is stored. A note that is still there tells the next process what a kill between sending and
storing did: the refresh token may be spent. Holds no secret.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any, NamedTuple

from .instants import write_instant


class Intent(NamedTuple):
    """One refresh begun. `fingerprint` is the bundle's; `at` is Unix time; `temp` the name of the file to be moved."""

    fingerprint: str
    pid: int
    at: float
    temp: str

    def describe(self) -> str:
        """Say who began this and when."""
        return f"process {self.pid} at {write_instant(datetime.fromtimestamp(self.at, timezone.utc))}"

    def to_json(self) -> bytes:
        """Write the note's text."""
        return json.dumps(self._asdict()).encode() + b"\n"


def parse_intent(text: bytes) -> Intent | None:
    """Read a note; None for half of one, whose writer was killed before it sent anything."""
    try:
        document: Any = json.loads(text)
        fingerprint, pid, at, temp = (document[name] for name in Intent._fields)
        intent = Intent(str(fingerprint), int(pid), float(at), str(temp))
        intent.describe()
    except (ValueError, TypeError, KeyError, OverflowError, OSError):
        return None
    return intent if intent.temp and "/" not in intent.temp else None
