"""The intent record that a refresh writes beside the bundle before it sends: whose token, by which process, when.

It is removed once the answer is stored. A record that is still there informs the next process that the refresh token
may have been spent by a process that was killed between sending and storing. Holds no secret.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import msgspec

from .instants import write_instant


class Intent(msgspec.Struct, frozen=True):
    """A refresh in progress. `fingerprint` is the bundle's; `at` is Unix time; `temp` names the file to be renamed."""

    fingerprint: str
    pid: int
    at: float
    temp: str

    def describe(self) -> str:
        """Return which process began the refresh, and when."""
        return f"process {self.pid} at {write_instant(datetime.fromtimestamp(self.at, timezone.utc))}"

    def to_json(self) -> bytes:
        """Return the text of the record."""
        return json.dumps(msgspec.structs.asdict(self)).encode() + b"\n"


def parse_intent(text: bytes) -> Intent | None:
    """Parse a record. None for an incomplete one: its writer was killed before it sent anything."""
    try:
        document: Any = json.loads(text)
        fingerprint, pid, at, temp = (document[name] for name in Intent.__struct_fields__)
        intent = Intent(str(fingerprint), int(pid), float(at), str(temp))
        intent.describe()
    except (ValueError, TypeError, KeyError, OverflowError, OSError):
        return None
    return intent if intent.temp and not set("/\\:") & set(intent.temp) else None
